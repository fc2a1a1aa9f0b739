import { expect } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { readSettings } from "../../src/config/config.ts";
import { redactor } from "../../src/config/secret.ts";
import { postgres } from "../../src/engine/postgres/postgres.ts";
import { DbstashError } from "../../src/errors.ts";
import { resolveJob } from "../../src/job/job.ts";
import { createLogger } from "../../src/logger.ts";
import { systemDoors } from "../../src/notify/webhook.ts";
import { openLibc } from "../../src/process/libc.ts";
import { loggedProgress } from "../../src/run/progress.ts";
import { runOnce } from "../../src/run.ts";
import { componentPath, needs } from "../support/components.ts";
import { systemPath, waitFor } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";
import { fakeTools } from "../support/fake-tools.ts";

const { test } = needs("rclone-current");

test("an error that nobody caught ends the run by its own rules: nothing is published, no process stays", async () => {
  using folder = tempFolder("uncaught");
  using fakes = fakeTools({
    pg_dump: `echo $$ >"$FAKE_DIR/pid"; head -c 500000 /dev/zero; exec sleep 600`,
  });
  const env = { DB_URI: "postgresql://joe:hunter22@h/shop", RCLONE_REMOTE: folder.file("out") };
  const job = resolveJob(postgres, readSettings("pg", { flags: new Map(), env, readFile: () => "" }), env);
  const redact = redactor(job.secrets);
  const lines: string[] = [];
  const tools = { PATH: `${fakes.dir}:${dirname(componentPath("rclone-current"))}:${systemPath}` };
  let tell: ((error: DbstashError) => void) | null = null;
  const never = new AbortController().signal;
  const ended = runOnce(
    job,
    {
      libc: openLibc(),
      log: createLogger({
        level: "info",
        format: "text",
        fields: {},
        redact,
        now: () => new Date(),
        write: (text) => lines.push(text),
        colour: false,
      }),
      redact,
      now: () => new Date(),
      toolEnv: tools,
      hookEnv: { ...tools },
      tempRoot: folder.path,
      lockFolders: [folder.path],
      progress: loggedProgress(
        () => undefined,
        () => 0,
      ),
      notify: systemDoors,
      stop: never,
      giveUp: never,
      host: "localhost",
      onUncaught: (listener) => {
        tell = listener;
        return () => (tell = null);
      },
    },
    never,
  );
  const staged = (): string[] => readdirSync(folder.file("out"));
  await waitFor("a staged upload", () => staged().some((name) => name.endsWith(".partial")));
  const pid = Number(readFileSync(join(fakes.dir, "pid"), "utf8"));
  (tell as ((error: DbstashError) => void) | null)?.(
    new DbstashError("internal error", undefined, "hunter22"),
  );
  const result = await ended;
  expect(result).toMatchObject({
    status: "failure",
    exitCode: 1,
    error: { message: "internal error: [secret]" },
  });
  expect(staged()).toEqual([]);
  expect(() => process.kill(pid, 0)).toThrow();
  expect(tell).toBeNull();
  expect(lines.join("\n")).not.toContain("hunter22");
});

test("it is one line, and the process goes on to end what it has begun", async () => {
  const script = `
    import { Uncaught } from ${JSON.stringify(join(import.meta.dirname, "../../src/signals.ts"))};
    const uncaught = new Uncaught(process, (error) => console.log(error.message));
    let ended = 0;
    uncaught.listen(() => { if ((ended += 1) === 2) setTimeout(() => console.log("ended"), 10); });
    setTimeout(() => { throw new Error("from a timer"); }, 1);
    void Promise.reject(new Error("from a promise"));`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  expect(stdout.trim().split("\n").toSorted()).toEqual([
    "ended",
    "internal error: from a promise",
    "internal error: from a timer",
  ]);
  expect(stderr).toBe("");
});
