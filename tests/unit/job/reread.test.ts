import { describe, expect, test } from "bun:test";
import { readSettings } from "../../../src/config/config.ts";
import { postgres } from "../../../src/engine/postgres/postgres.ts";
import { DbstashError, UsageError } from "../../../src/errors.ts";
import { type Job, resolveJob } from "../../../src/job/job.ts";
import { type Reread, rereadJob } from "../../../src/job/reread.ts";

const env = {
  RCLONE_REMOTE: "/backups",
  DB_URI_FILE: "/uri",
  DB_PASSWORD_FILE: "/password",
  NOTIFY_WEBHOOK_URL_FILE: "/webhook",
};
const files: Record<string, string> = {
  "/uri": "postgres://joe@db:5432/shop",
  "/password": "hunter22",
  "/webhook": "https://hooks.example/old",
};

function readingOf(texts: Record<string, string>) {
  return readSettings("pg", {
    flags: new Map(),
    env,
    readFile(path) {
      const text = texts[path];
      if (text === undefined) throw new DbstashError(`names ${path}, which does not exist`);
      return text;
    },
  });
}

const first: Job = resolveJob(postgres, readingOf(files), env);

function again(texts: Record<string, string | undefined>, last = first): Reread {
  const present = Object.entries({ ...files, ...texts }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return rereadJob(last, readingOf(Object.fromEntries(present)), env);
}

const password = ({ request }: Job) => request.connection.password?.reveal();
const webhook = ({ settings }: Job) => settings.notifyWebhookUrl?.map((url) => url.reveal()).join(" ");

test("what has not changed makes the same job, without a word", () => {
  const { job, refused, warnings } = again({});
  const comparable = (of: Job) => ({ ...of, filters: { ...of.filters, commands: null } });
  expect([comparable(job), refused, warnings]).toEqual([comparable(first), null, []]);
});

test("a new password is used, and redacted; so is a new user", () => {
  const { job, refused, secrets } = again({ "/password": "hunter33\n", "/uri": "postgres://ann@db/shop" });
  expect([refused, password(job), job.request.connection.user]).toEqual([null, "hunter33", "ann"]);
  expect(secrets).toContain("hunter33");
});

describe("a run is refused, and the last good job stays", () => {
  test.each<[string, Record<string, string | undefined>, string]>([
    [
      "a file is gone",
      { "/password": undefined },
      "DB_PASSWORD_FILE (--db-password-file) names /password, which does not exist",
    ],
    [
      "a file is empty",
      { "/password": "\n" },
      "DB_PASSWORD_FILE (--db-password-file) names /password, which is empty",
    ],
    ["a URI is none", { "/uri": "db/shop" }, "DB_URI (--db-uri) has no scheme such as postgres://"],
    [
      "another database",
      { "/uri": "postgres://joe@db/stock" },
      "DB_URI (--db-uri) names the database stock since its file was read again, and shop before",
    ],
    [
      "another host",
      { "/uri": "postgres://joe@db2/shop" },
      "DB_URI (--db-uri) names the host db2 since its file was read again, and db before",
    ],
    [
      "another port",
      { "/uri": "postgres://joe@db:5433/shop" },
      "DB_URI (--db-uri) names the port 5433 since its file was read again, and 5432 before",
    ],
  ])("%s", (_, texts, message) => {
    const { job, refused } = again(texts);
    expect(job).toBe(first);
    expect(refused?.message).toBe(message);
    // A run failed; the program was not called wrongly.
    expect(refused).not.toBeInstanceOf(UsageError);
  });

  test("with all that is wrong, and no secret", () => {
    const { refused, secrets } = again({
      "/password": "hunter33\0",
      "/uri": "postgres://joe:hunter44@db/shop%zz",
    });
    expect(refused?.message).toMatch(
      /^DB_PASSWORD_FILE .* holds a NUL character; DB_URI .* broken percent escape$/,
    );
    expect(`${refused?.message}${refused?.hint}`).not.toMatch(/hunter/);
    expect(secrets).toEqual(expect.arrayContaining(["hunter33\0", "postgres://joe:hunter44@db/shop%zz"]));
  });
});

describe("who tells of the runs keeps its last good value", () => {
  test.each<[string, string | undefined, RegExp]>([
    [
      "gone",
      undefined,
      /^NOTIFY_WEBHOOK_URL_FILE .* names \/webhook, which does not exist; what it said before serves on$/,
    ],
    ["empty", "", /which is empty; what it said before serves on$/],
    ["cut by a control character", "https://hooks.example/\u0007", /holds the control character U\+0007; /],
  ])("its file is %s", (_, text, warning) => {
    const { job, refused, warnings } = again({ "/webhook": text });
    expect([refused, webhook(job)]).toEqual([null, "https://hooks.example/old"]);
    expect(warnings).toEqual([expect.stringMatching(warning) as string]);
  });

  test("until there is a new one, which serves from then on", () => {
    const { job: second } = again({ "/webhook": "https://hooks.example/new" });
    expect(webhook(second)).toBe("https://hooks.example/new");
    expect(webhook(again({ "/webhook": undefined }, second).job)).toBe("https://hooks.example/new");
  });

  test("beside what refuses the run", () => {
    const { job, refused, warnings } = again({ "/webhook": undefined, "/password": undefined });
    expect(job).toBe(first);
    expect(refused?.message).toStartWith("DB_PASSWORD_FILE");
    expect(warnings).toHaveLength(1);
  });
});
