import { afterAll, beforeAll, expect } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { needs } from "../support/components.ts";
import { runDbstash } from "../support/dbstash.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { waitUntilGone } from "../support/procs.ts";
import { startS3 } from "../support/s3.ts";
import { tempFolder } from "../support/temp.ts";
import { startWebhook } from "../support/webhook.ts";

const { describe, test } = needs("postgresql", "rclone-current");

const password = "s3cr3t pass%word";
const dayMs = 24 * 60 * 60 * 1000;
let pg: PostgresServer;

beforeAll(async () => {
  pg = await startPostgres({ password });
  await pg.createDatabase("shop");
  await pg.sql("create table t as select g from generate_series(1, 100) g", "shop");
}, 60_000);
afterAll(() => pg.stop());

/** `shop-20260207T020000Z.sql`, so many days before now. */
function nameOf(daysAgo: number, stem = "shop", extension = ".sql"): string {
  const time = new Date(Date.now() - daysAgo * dayMs).toISOString().replace(/[-:]|\.\d+/g, "");
  return `${stem}-${time}${extension}`;
}

describe("hooks", () => {
  test("the pre hook runs before the dump, the post hook learns what became of it", async () => {
    using folder = tempFolder("hooks");
    const result = await runDbstash("pg", {
      env: {
        DB_URI: pg.uri("shop"),
        RCLONE_REMOTE: folder.file("out"),
        HOOKS: folder.path,
        HOOK_PRE_BACKUP: `ls "$HOOKS" > "$HOOKS/before"; echo "${password}"; echo loud >&2`,
        HOOK_POST_BACKUP: 'env | grep ^DBSTASH_ > "$HOOKS/after"',
      },
    });
    expect(result.exitCode).toBe(0);
    const [name = ""] = readdirSync(folder.file("out"));
    expect(readFileSync(folder.file("before"), "utf8")).not.toContain("out");
    const after = Object.fromEntries(
      readFileSync(folder.file("after"), "utf8")
        .trim()
        .split("\n")
        .map((line) => line.split("=", 2)),
    ) as Record<string, string>;
    expect(after).toMatchObject({
      DBSTASH_STATUS: "success",
      DBSTASH_FILE: name,
      DBSTASH_ENGINE: "pg",
      DBSTASH_DATABASE: "shop",
      DBSTASH_SIZE: String(readFileSync(folder.file(`out/${name}`)).length),
      DBSTASH_ERROR: "",
    });
    expect(after["DBSTASH_BACKUP_ID"]).toBe(String(result.lastLine?.["backup_id"]));
    expect(result.lines.map((line) => line["output"])).toEqual(expect.arrayContaining(["[secret]", "loud"]));
    expect(result.stdout + result.stderr).not.toContain(password);
  });

  test("a failing pre hook: no dump, no post hook, a notification", async () => {
    using folder = tempFolder("hooks");
    await using webhook = startWebhook();
    const result = await runDbstash("pg", {
      env: {
        DB_URI: pg.uri("shop"),
        RCLONE_REMOTE: folder.file("out"),
        HOOKS: folder.path,
        HOOK_PRE_BACKUP: "echo not now >&2; exit 7",
        HOOK_POST_BACKUP: 'touch "$HOOKS/post"',
        NOTIFY_WEBHOOK_URL: webhook.url,
      },
    });
    expect(result.exitCode).toBe(1);
    expect(result.lastLine).toMatchObject({
      msg: "backup failed",
      error: "HOOK_PRE_BACKUP failed (exit code 7): not now",
    });
    expect(existsSync(folder.file("out"))).toBe(false);
    expect(existsSync(folder.file("post"))).toBe(false);
    expect(webhook.requests).toHaveLength(1);
    expect(webhook.requests[0]?.body).toContain("not now");
  });

  test("the post hook runs after a failure too, and its own failure leaves the backup stored", async () => {
    using folder = tempFolder("hooks");
    const env = { RCLONE_REMOTE: folder.file("out"), HOOKS: folder.path };
    const failed = await runDbstash("pg", {
      env: {
        ...env,
        DB_URI: pg.uri("nosuch"),
        HOOK_POST_BACKUP: 'echo "$DBSTASH_STATUS: $DBSTASH_ERROR" > "$HOOKS/post"',
      },
    });
    expect(failed.exitCode).toBe(1);
    expect(readFileSync(folder.file("post"), "utf8")).toMatch(/^failure: pg_dump failed .*nosuch/);
    const late = await runDbstash("pg", {
      env: { ...env, DB_URI: pg.uri("shop"), HOOK_POST_BACKUP: "exit 3" },
    });
    expect(late.exitCode).toBe(3);
    expect(late.lastLine).toMatchObject({ level: "warn", status: "success", exit_code: 3 });
    expect(readdirSync(folder.file("out"))).toHaveLength(1);
  });

  test("a hook that hangs ends with the timeout, and so does what it started", async () => {
    using folder = tempFolder("hooks");
    const result = await runDbstash("pg", {
      env: {
        DB_URI: pg.uri("shop"),
        RCLONE_REMOTE: folder.file("out"),
        BACKUP_TIMEOUT: "1s",
        HOOK_PRE_BACKUP: "sleep 600 & sleep 600",
      },
    });
    expect(result.exitCode).toBe(1);
    expect(result.lastLine?.["error"]).toBe("the run took longer than 1 s");
    await waitUntilGone(result.id);
    expect(existsSync(folder.file("out"))).toBe(false);
  });
});

describe("notifications", () => {
  for (const [on, database, told] of [
    ["failure", "shop", false],
    ["failure", "nosuch", true],
    ["always", "shop", true],
    ["success", "nosuch", false],
  ] as const)
    test(`NOTIFY_ON=${on} and a backup of ${database}`, async () => {
      using folder = tempFolder("notify");
      await using webhook = startWebhook();
      const result = await runDbstash("pg", {
        env: {
          DB_URI: pg.uri(database),
          RCLONE_REMOTE: folder.file("out"),
          NOTIFY_WEBHOOK_URL: webhook.url,
          NOTIFY_ON: on,
        },
      });
      expect(webhook.requests).toHaveLength(told ? 1 : 0);
      expect(JSON.stringify(webhook.requests)).not.toContain(password);
      expect(result.stdout).not.toContain(webhook.url);
    });

  test("one that can't be delivered never fails a backup", async () => {
    using folder = tempFolder("notify");
    await using webhook = startWebhook();
    webhook.script([{ status: 404, body: "no such hook" }]);
    const result = await runDbstash("pg", {
      env: {
        DB_URI: pg.uri("shop"),
        RCLONE_REMOTE: folder.file("out"),
        NOTIFY_WEBHOOK_URL: webhook.url,
        NOTIFY_ON: "always",
      },
    });
    expect(result.exitCode).toBe(0);
    expect(result.lastLine).toMatchObject({ msg: "backup stored", status: "success" });
  });
});

describe("retention", () => {
  test("only this job's backups go, the newest stay, others are not touched", async () => {
    using folder = tempFolder("retention");
    const out = tempFolder("retention-out");
    const foreign = [
      "notes.txt",
      "shop.sql",
      nameOf(40, "shop-eu"),
      nameOf(40, "shop", ".sql.zst"),
      nameOf(40, "stock"),
    ];
    const recent = [nameOf(5), nameOf(1)];
    const own = [nameOf(40), nameOf(31), ...recent];
    for (const name of [...foreign, ...own]) writeFileSync(out.file(name), "x");
    const result = await runDbstash("pg", {
      env: { DB_URI: pg.uri("shop"), RCLONE_REMOTE: out.path, RETENTION_MAX_DAYS: "30", HOME: folder.path },
    });
    expect(result.exitCode).toBe(0);
    const left = readdirSync(out.path);
    expect(left).toEqual(expect.arrayContaining([...foreign, ...recent]));
    expect(left).toHaveLength(foreign.length + 3);
    expect(result.lines.filter((line) => line.msg === "removing a backup")).toHaveLength(2);
    out.remove();
  });

  test("a failed backup removes nothing", async () => {
    using out = tempFolder("retention");
    for (const days of [40, 50, 60]) writeFileSync(out.file(nameOf(days)), "x");
    const result = await runDbstash("pg", {
      env: {
        DB_URI: pg.uri("nosuch"),
        RCLONE_REMOTE: out.path,
        RETENTION_MAX_DAYS: "30",
        RETENTION_MAX_FILES: "1",
      },
    });
    expect(result.exitCode).toBe(1);
    expect(readdirSync(out.path)).toHaveLength(3);
  });

  test("staged leftovers older than a day go, younger ones and other jobs' stay", async () => {
    using out = tempFolder("retention");
    const idAt = (ms: number) => Bun.randomUUIDv7("hex", ms);
    const staged = (stem: string, ageMs: number) =>
      `.${stem}-20260101T000000Z.sql.${idAt(Date.now() - ageMs)}.partial`;
    const [old, young, other] = [staged("shop", 2 * dayMs), staged("shop", 1000), staged("stock", 2 * dayMs)];
    for (const name of [old, young, other]) writeFileSync(out.file(name), "x");
    const result = await runDbstash("pg", { env: { DB_URI: pg.uri("shop"), RCLONE_REMOTE: out.path } });
    expect(result.exitCode).toBe(0);
    const left = readdirSync(out.path);
    expect(left).not.toContain(old);
    expect(left).toEqual(expect.arrayContaining([young, other]));
    expect(left).toHaveLength(3);
  });

  test("directory mode removes whole folders, of this job alone", async () => {
    using out = tempFolder("retention");
    const manifest = JSON.stringify({ files: [] });
    const folders = [nameOf(40, "shop", ""), nameOf(1, "shop", ""), nameOf(40, "stock", "")];
    for (const name of folders) {
      mkdirSync(out.file(name));
      writeFileSync(out.file(`${name}/dbstash.json`), manifest);
    }
    const result = await runDbstash("pg", {
      env: {
        DB_URI: pg.uri("shop"),
        RCLONE_REMOTE: out.path,
        BACKUP_MODE: "directory",
        RETENTION_MAX_DAYS: "30",
      },
    });
    expect(result.exitCode).toBe(0);
    const left = readdirSync(out.path);
    expect(left).not.toContain(folders[0]);
    expect(left).toEqual(expect.arrayContaining(folders.slice(1)));
    expect(left).toHaveLength(3);
  });

  test("S3 with 5,000 objects of which 1,200 expire: one listing and one deletion for all", async () => {
    await using s3 = await startS3();
    const names = Array.from({ length: 5000 }, (_, index) =>
      nameOf(index < 1200 ? 31 + index / 100 : 1 + index / 1000),
    );
    const distinct = new Set(names);
    for (const name of distinct) writeFileSync(`${s3.dir}/${name}`, "x");
    const expired = [...distinct].filter((name) => names.indexOf(name) < 1200).length;
    s3.proxy.clear();
    const result = await runDbstash("pg", {
      env: {
        ...s3.remoteEnv("store"),
        DB_URI: pg.uri("shop"),
        RCLONE_REMOTE: `store:${s3.bucket}`,
        RETENTION_MAX_DAYS: "30",
        LOG_LEVEL: "debug",
      },
    });
    expect(result.exitCode).toBe(0);
    expect(readdirSync(s3.dir)).toHaveLength(distinct.size - expired + 1);
    expect(result.lines.filter((line) => line.msg === "removing a backup")).toHaveLength(expired);
    expect(s3.proxy.count("DELETE")).toBe(expired);
    expect(readdirSync(s3.dir).map((name) => basename(name))).toContain(
      String(result.lastLine?.["remote_path"]).split("/").at(-1) ?? "",
    );
  });

  test("a deletion that fails is a warning and exit code 3; the backup stays", async () => {
    await using s3 = await startS3();
    await using webhook = startWebhook();
    writeFileSync(`${s3.dir}/${nameOf(40)}`, "x");
    s3.proxy.answer({ method: "DELETE", status: 403 });
    const result = await runDbstash("pg", {
      env: {
        ...s3.remoteEnv("store"),
        DB_URI: pg.uri("shop"),
        RCLONE_REMOTE: `store:${s3.bucket}`,
        RETENTION_MAX_FILES: "1",
        NOTIFY_WEBHOOK_URL: webhook.url,
        RCLONE_EXTRA_ARGS: "--low-level-retries=1",
      },
    });
    expect(result.exitCode).toBe(3);
    expect(result.lastLine).toMatchObject({ status: "success", exit_code: 3 });
    expect(s3.list()).toHaveLength(2);
    expect(webhook.requests[0]?.body).toContain("retention failed");
  });
});
