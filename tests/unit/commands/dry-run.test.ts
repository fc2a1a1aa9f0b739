import { describe, expect, test } from "bun:test";
import { dryRun } from "../../../src/commands/dry-run.ts";
import { readSettings } from "../../../src/config/config.ts";
import { redactor } from "../../../src/config/secret.ts";
import { postgres } from "../../../src/engine/postgres/postgres.ts";
import { resolveJob } from "../../../src/job/job.ts";
import { type Env, uri } from "../job/jobs.ts";

const config = { RCLONE_REMOTE: "a:b", RCLONE_CONFIG: btoa("[a]\ntype = s3\n") };

interface Document {
  readonly settings: readonly { variable: string; value: string; from: string }[];
  readonly command: string;
  readonly places: readonly { remote: string; kind: string; rclone_config: string }[];
  readonly schedule: string;
  readonly time_zone: string;
  readonly next_runs: readonly { time: string; name: string }[];
  readonly retention: { rules: string; folder: string; names: string };
  readonly warnings: readonly string[];
}

describe("a dry run tells", () => {
  test("settings with their origin, secrets masked, and the remote without its parameters", () => {
    const { settings } = told({
      RCLONE_REMOTE: ":sftp,pass=hunter22:x",
      HOOK_PRE_BACKUP: "curl -u joe:hunter2x",
      DB_URI_FILE: "/uri",
    });
    const setting = (name: string) => settings.find(({ variable }) => variable === name);
    expect(setting("DB_URI")).toMatchObject({ value: "[secret]", from: "file" });
    expect(setting("HOOK_PRE_BACKUP")).toMatchObject({ from: "environment" });
    expect(setting("RCLONE_REMOTE")).toMatchObject({ value: ":sftp:x", from: "environment" });
    expect(setting("BACKUP_MODE")).toMatchObject({ value: "stream", from: "default" });
    expect(setting("DB_HOST")).toBeUndefined();
    expect(JSON.stringify(settings)).not.toContain("hunter22");
  });

  test.each<[Env, RegExp]>([
    [{}, /^pg_dump --no-password .* --format=plain '--dbname=host=db .*'$/],
    [{ BACKUP_COMPRESS: "zstd:3" }, /^pg_dump .* \| zstd -q -c -T\d -3$/],
    [{ BACKUP_MODE: "directory" }, /^pg_dump .* '--file=\/tmp\/dbstash-work\/…' [^|]*$/],
    [{ DUMP_EXTRA_ARGS: `-T "it's"` }, / -T 'it'\\''s' /],
  ])("the command with %j as a shell would take it", (env, command) => {
    expect(told(env).command).toMatch(command);
  });

  test.each<[Env, string, string, string]>([
    [{}, "shop-20260207T020000Z.sql", "/backups", "shop-….sql"],
    [
      { BACKUP_NAME_TEMPLATE: "daily/{db}/{date}-{uuid}" },
      "daily/shop/2026-02-07-….sql",
      "/backups/daily/shop",
      "daily/shop/…-….sql",
    ],
    [
      { BACKUP_NAME_TEMPLATE: "{date}/{db}", BACKUP_COMPRESS: "gzip" },
      "2026-02-07/shop.sql.gz",
      "/backups",
      "…/shop.sql.gz",
    ],
    [{ BACKUP_MODE: "directory", RCLONE_REMOTE: ":s3:b" }, "shop-20260207T020000Z", ":s3:b", "shop-…"],
  ])("with %j the name %s and where retention looks", (env, name, folder, names) => {
    const { next_runs: runs, retention } = told({ BACKUP_SCHEDULE: "once", ...env });
    expect(runs).toEqual([{ time: "2026-02-07T02:00:00.000Z", name }]);
    expect(retention).toMatchObject({ folder, names });
  });

  test.each<[Env, string, string]>([
    [{}, "local folder", "none"],
    [{ RCLONE_REMOTE: "./backups" }, "local folder", "none"],
    [{ RCLONE_REMOTE: "a:b", RCLONE_CONFIG_A_TYPE: "s3" }, "remote", "none but the environment"],
    [config, "remote", "a private copy"],
  ])("with %j that its place is a %s with a configuration that is %s", (env, kind, shown) => {
    expect(told(env).places).toMatchObject([{ kind, rclone_config: shown }]);
  });

  test.each<[Env, string[]]>([
    [
      { BACKUP_SCHEDULE: "0 3 * * *" },
      ["2026-02-07T03:00:00.000Z", "2026-02-08T03:00:00.000Z", "2026-02-09T03:00:00.000Z"],
    ],
    [
      { BACKUP_SCHEDULE: "0 3 * * *", BACKUP_ON_START: "true", TZ: "Europe/Berlin" },
      ["2026-02-07T03:00:00.000+01:00", "2026-02-08T03:00:00.000+01:00", "2026-02-09T03:00:00.000+01:00"],
    ],
  ])("with %j the next three runs", (env, times) => {
    expect(told(env).next_runs.map(({ time }) => time)).toEqual(times);
  });

  test("one run now where it was called for", () => {
    const document = told({ BACKUP_SCHEDULE: "0 3 * * *", TZ: "Europe/Berlin" }, true);
    expect(document).toMatchObject({ schedule: "once", time_zone: "Europe/Berlin" });
    expect(document.next_runs).toEqual([
      { time: "2026-02-07T03:00:00.000+01:00", name: "shop-20260207T030000+0100.sql" },
    ]);
  });

  test.each<[Env, string]>([
    [{}, "off: nothing is ever removed"],
    [{ RETENTION_MAX_FILES: "7" }, "keeps at most 7; the newest always stays"],
    [{ RETENTION_MAX_DAYS: "1" }, "keeps none older than 1 day; the newest always stays"],
    [
      { RETENTION_MAX_FILES: "7", RETENTION_MAX_DAYS: "30" },
      "keeps at most 7, and none older than 30 days; the newest always stays",
    ],
  ])("with %j what retention does: %s", (env, rules) => {
    expect(told(env).retention.rules).toBe(rules);
  });
});

test("a person gets it as tables", () => {
  const text = shown({ BACKUP_SCHEDULE: "0 3 * * *", HOOK_PRE_BACKUP: "set -e\ntrue" });
  const rows = text.split("\n").map((row) => row.trim().split(/ {2,}/));
  expect(rows).toContainEqual(["VARIABLE", "VALUE", "FROM"]);
  expect(rows).toContainEqual(["DB_URI", "[secret]", "environment"]);
  expect(rows).toContainEqual(["HOOK_PRE_BACKUP", "set -e\\ntrue", "environment"]);
  expect(rows).toContainEqual(["Next runs, by 0 3 * * * in UTC"]);
  expect(rows).toContainEqual(["2026-02-08 03:00:00 Z", "shop-20260208T030000Z.sql"]);
  expect(rows).toContainEqual(["a warning"]);
  expect(text).toEndWith("dry run: nothing was run\n");
});

function told(env: Env, isOnce = false): Document {
  return JSON.parse(shown({ ...env, LOG_FORMAT: "json" }, isOnce)) as Document;
}

function shown(more: Env, isOnce = false): string {
  const env = { ...uri, ...more };
  const reading = readSettings("pg", { env, flags: new Map(), readFile: () => uri.DB_URI });
  const job = resolveJob(postgres, reading, env);
  const now = new Date("2026-02-07T02:00:00Z");
  const redact = redactor(job.secrets);
  return dryRun({ job, reading, isOnce, warnings: ["a warning"], redact, now, toolEnv: {} });
}
