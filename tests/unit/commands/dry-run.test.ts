import { describe, expect, test } from "bun:test";
import { dryRun } from "../../../src/commands/dry-run.ts";
import { readSettings } from "../../../src/config/config.ts";
import { postgres } from "../../../src/engine/postgres/postgres.ts";
import { resolveJob } from "../../../src/job/job.ts";
import { type Env, uri } from "../job/jobs.ts";
import { type LogLine, recordedLog } from "../recorded-log.ts";

const config = { RCLONE_REMOTE: "a:b", RCLONE_CONFIG: btoa("[a]\ntype = s3\n") };

describe("a dry run tells", () => {
  test("settings with their origin, secrets masked, and the remote without its parameters", () => {
    const lines = told({
      RCLONE_REMOTE: ":sftp,pass=hunter22:x",
      HOOK_PRE_BACKUP: "true",
      DB_URI_FILE: "/uri",
    });
    const setting = (name: string) => lines.find(({ msg }) => msg === `setting ${name}`);
    expect(setting("DB_URI")).toMatchObject({ value: "[secret]", from: "file" });
    expect(setting("HOOK_PRE_BACKUP")).toMatchObject({ value: "true", from: "environment" });
    expect(setting("RCLONE_REMOTE")).toMatchObject({ value: ":sftp:x", from: "environment" });
    expect(setting("BACKUP_MODE")).toMatchObject({ value: "stream", from: "default" });
    expect(setting("DB_HOST")).toBeUndefined();
    expect(JSON.stringify(lines)).not.toContain("hunter2");
    expect(lines.at(-1)?.msg).toBe("dry run: nothing was run");
  });

  test.each<[Env, RegExp]>([
    [{}, /^pg_dump --no-password .* --format=plain '--dbname=host=db .*'$/],
    [{ BACKUP_COMPRESS: "zstd:3" }, /^pg_dump .* \| zstd -q -c -T0 -3$/],
    [{ BACKUP_MODE: "directory" }, /^pg_dump .* '--file=\/tmp\/dbstash-work\/…' [^|]*$/],
    [{ DUMP_EXTRA_ARGS: `-T "it's"` }, / -T 'it'\\''s' /],
  ])("the command with %j as a shell would take it", (env, command) => {
    expect(line(env, "dump command")["command"]).toMatch(command);
  });

  test.each<[Env, string, string]>([
    [{}, "/backups/shop-20260207T020000Z.sql", "/backups"],
    [
      { BACKUP_NAME_TEMPLATE: "daily/{db}/{date}-{uuid}" },
      "/backups/daily/shop/2026-02-07-00000000.sql",
      "/backups/daily/shop",
    ],
    [
      { BACKUP_NAME_TEMPLATE: "{date}/{db}", BACKUP_COMPRESS: "gzip" },
      "/backups/2026-02-07/shop.sql.gz",
      "/backups",
    ],
    [{ BACKUP_MODE: "directory", RCLONE_REMOTE: ":s3:b" }, ":s3:b/shop-20260207T020000Z", ":s3:b"],
  ])("with %j the target %s and the folder of its retention", (env, path, folder) => {
    expect(line(env, "target")).toMatchObject({ remote_path: path, retention_folder: folder });
  });

  test.each<[Env, string]>([
    [{}, "local folder"],
    [{ RCLONE_REMOTE: "./backups" }, "local folder"],
    [config, "remote"],
  ])("with %j that its place is a %s", (env, shown) => {
    expect(line(env, "target")["place"]).toBe(shown);
  });

  test.each<[Env, string]>([
    [{}, "none"],
    [{ RCLONE_REMOTE: "a:b", RCLONE_CONFIG_A_TYPE: "s3" }, "none but the environment"],
    [config, "a private copy"],
  ])("with %j a configuration that is %s", (env, shown) => {
    expect(line(env, "target")["rclone_config"]).toBe(shown);
  });
});

function told(more: Env): readonly LogLine[] {
  const env = { ...uri, ...more };
  const reading = readSettings("pg", { env, flags: new Map(), readFile: () => uri.DB_URI });
  const { log, lines } = recordedLog();
  dryRun(resolveJob(postgres, reading, env), reading, log, new Date("2026-02-07T02:00:00Z"), {});
  return lines;
}

function line(env: Env, message: string): LogLine {
  return told(env).find(({ msg }) => msg === message) ?? { level: "", msg: "not told" };
}
