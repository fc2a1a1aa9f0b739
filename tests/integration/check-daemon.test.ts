import { afterAll, describe, expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { Inventory } from "../../src/daemon/inventory.ts";
import { lookAround } from "../../src/daemon/first-look.ts";
import { redactor } from "../../src/config/secret.ts";
import { openLibc } from "../../src/process/libc.ts";
import type { RunDoors } from "../../src/run.ts";
import { needs } from "../support/components.ts";
import { type LogLine, startDbstash } from "../support/dbstash.ts";
import { systemPath } from "../support/run.ts";
import { startSmallS3 } from "../support/small-s3.ts";
import { tempFolder } from "../support/temp.ts";
import { resolve } from "../unit/job/jobs.ts";
import { recordedLog } from "../unit/recorded-log.ts";
import { answeringTools } from "./check-tools.ts";
import { aliasOf, leftovers, tools } from "./places.ts";

const { test } = needs("rclone-current", "zstd");
const fakes = tools(answeringTools);
afterAll(() => fakes.remove());

const job = { DB_HOST: "127.0.0.1", DB_NAME: "app", BACKUP_SCHEDULE: "0 0 1 1 *" };

/** What a process with a schedule warns of, until it has said a certain thing. */
async function warningsOf(
  env: Readonly<Record<string, string>>,
  isLast: (line: LogLine) => boolean,
): Promise<readonly LogLine[]> {
  const running = startDbstash("pg", { path: [fakes.dir], env: { ...job, ...env } });
  await running.waitForLine(({ msg }) => msg === "schedule started");
  await running.waitForLine(isLast);
  running.signal("SIGTERM");
  const result = await running.exited;
  expect(result.exitCode).toBe(0);
  expect(leftovers(result)).toEqual([]);
  return result.lines.filter(({ level }) => level === "warn");
}

describe("at the daemon's start", () => {
  test("what would fail a run is a warning with its hint, and nothing is written to the place", async () => {
    using folder = tempFolder("folders");
    writeFileSync(folder.file("file"), "");
    await using s3 = startSmallS3({ denied: ["write"] });
    const env = {
      ...s3.env,
      RCLONE_REMOTE: "small:b/shop",
      BACKUP_MODE: "tar",
      BACKUP_TEMP_DIR: folder.file("file/work"),
      HOOK_PRE_BACKUP: "if true",
    };
    const warnings = await warningsOf(env, ({ about }) => about === "hooks");
    expect(warnings.map(({ msg, about }) => [msg, about])).toEqual([
      ["found at the start: a run would fail", "work folder"],
      ["found at the start: a run would fail", "hooks"],
    ]);
    expect(warnings.map(({ hint }) => String(hint))).toEqual([
      expect.stringContaining("BACKUP_TEMP_DIR"),
      expect.stringContaining("sh -n -c"),
    ]);
    expect(s3.count("write")).toBe(0);
  });

  test("a place that refuses to be listed is told", async () => {
    await using s3 = startSmallS3({ denied: ["list"] });
    const msg = "the last backup could not be read back from the remote";
    const env = { ...s3.env, RCLONE_REMOTE: "small:b/shop" };
    const warnings = await warningsOf(env, (line) => line.msg === msg);
    const place = warnings.find((line) => line.msg === msg);
    expect(String(place?.["error"])).toMatch(/it can't be listed: .*AccessDenied/);
    expect(place?.["hint"]).toContain("refuses these credentials");
  });

  test("with all well there is no warning, and a run at once is not disturbed by an rclone.conf in place", async () => {
    using place = tempFolder("place");
    using whole = tools({ ...answeringTools, pg_dump: "echo data" });
    using folder = tempFolder("conf");
    writeFileSync(folder.file("rclone.conf"), `[store]\ntype = alias\nremote = ${place.path}\n`);
    const running = startDbstash("pg", {
      path: [whole.dir],
      env: {
        ...job,
        RCLONE_REMOTE: "store:",
        RCLONE_CONFIG_FILE: folder.file("rclone.conf"),
        BACKUP_ON_START: "true",
        DUMP_EXTRA_ARGS: "--no-comments",
      },
    });
    await running.waitForLine(({ msg }) => msg === "backup stored");
    running.signal("SIGTERM");
    const result = await running.exited;
    expect(result.lines.filter(({ level }) => level === "warn")).toEqual([]);
    expect(result.exitCode).toBe(0);
  });
});

describe("two minutes after the start", () => {
  /** The look, with a clock that does not wait. @returns the warnings, and how long was to be waited */
  async function look(psql: string, hasBegun: boolean): Promise<{ warnings: unknown[]; waited: number[] }> {
    using answering = tools({ ...answeringTools, psql });
    using place = tempFolder("place");
    const { log, lines } = recordedLog();
    const waited: number[] = [];
    const toolEnv = { PATH: `${answering.dir}:${systemPath}` };
    const doors = {
      libc: openLibc(),
      toolEnv,
      hookEnv: toolEnv,
      tempRoot: tmpdir(),
      log,
      redact: redactor([]),
    } as unknown as RunDoors;
    const clock = {
      wait: async (ms: number) => {
        waited.push(ms);
      },
    };
    const settings = { DB_URI: "postgres://db/app", RCLONE_REMOTE: place.path };
    const stop = new AbortController().signal;
    const inventory = new Inventory(1);
    await lookAround({ job: resolve(settings), doors, clock, stop, inventory }, () => hasBegun);
    const warnings = lines.filter(({ level, about }) => level === "warn" && about !== "tools");
    return { warnings, waited };
  }
  const refuses = "echo 'psql: error: password authentication failed' >&2; exit 2";

  test("the database is asked, and what is wrong with it is a warning", async () => {
    const { warnings, waited } = await look(refuses, false);
    expect(waited).toEqual([120_000]);
    expect(warnings).toEqual([
      expect.objectContaining({
        msg: "found at the start: a run would fail",
        about: "connection",
        error: "the database can't be reached: psql: error: password authentication failed",
        hint: "check the user and password",
      }),
    ]);
  });

  test("a database that is well is no word worth, and neither is one that a run has told of", async () => {
    expect((await look(answeringTools.psql, false)).warnings).toEqual([]);
    expect((await look(refuses, true)).warnings).toEqual([]);
  });
});

test("a local place under another name is listed, and nothing is written there", async () => {
  using place = tempFolder("place");
  const warnings = await warningsOf(
    { ...aliasOf(place.path), HOOK_POST_BACKUP: "fi" },
    ({ about }) => about === "hooks",
  );
  expect(warnings.map(({ msg }) => msg)).toEqual(["found at the start: a run would end with warnings"]);
  expect(await Array.fromAsync(new Bun.Glob("**").scan({ cwd: place.path, dot: true }))).toEqual([]);
});
