import { afterAll, afterEach, beforeAll, expect } from "bun:test";
import { renameSync, writeFileSync } from "node:fs";
import { needs } from "../support/components.ts";
import { type LogLine, type RunningDbstash, startDbstash } from "../support/dbstash.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { waitUntilGone } from "../support/procs.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";
import { startWebhook } from "../support/webhook.ts";

const { describe, test } = needs("postgresql", "rclone-current");

describe("a running schedule reads the files of its secrets again at each run:", () => {
  let pg: PostgresServer;
  let daemon: RunningDbstash | null = null;
  beforeAll(async () => {
    pg = await startPostgres();
    await pg.createDatabase("shop");
    await pg.createDatabase("other");
  }, 60_000);
  afterAll(() => pg.stop());
  afterEach(async () => {
    daemon?.signal("SIGKILL");
    await daemon?.exited;
    if (daemon !== null) await waitUntilGone(daemon.id);
  });

  function start(folder: TempFolder, env: Record<string, string>): RunningDbstash {
    daemon = startDbstash("pg", {
      path: [pg.binDir],
      env: { RCLONE_REMOTE: folder.file("out"), BACKUP_SCHEDULE: "* * * * * *", ...env },
    });
    return daemon;
  }

  /** Whoever rotates a secret puts a whole file in the old one's place. */
  function put(folder: TempFolder, name: string, text: string): void {
    writeFileSync(folder.file(`${name}.new`), text);
    renameSync(folder.file(`${name}.new`), folder.file(name));
  }

  /** The first line of a kind among those that come from now on. */
  function next(running: RunningDbstash, fits: (line: LogLine) => boolean): Promise<LogLine> {
    const seen = running.lines.length;
    return running.waitForLine((line, at) => at >= seen && fits(line));
  }
  const stored = ({ msg }: LogLine): boolean => msg === "backup stored";
  const failed = ({ msg }: LogLine): boolean => msg === "backup failed";

  test("a new password serves, and neither the old nor the new one shows", async () => {
    using folder = tempFolder("rotated");
    const [old, fresh] = ["old-pässword-1", "new-pässword-2"];
    await pg.sql(`CREATE ROLE rotated SUPERUSER LOGIN PASSWORD '${old}'`, "shop");
    put(folder, "password", `${old}\n`);
    const running = start(folder, {
      DB_HOST: pg.host,
      DB_PORT: String(pg.port),
      DB_USER: "rotated",
      DB_NAME: "shop",
      DB_PASSWORD_FILE: folder.file("password"),
      HOOK_PRE_BACKUP: `echo "${old} ${fresh}"; cat '${folder.file("password")}'`,
    });
    await next(running, stored);
    await pg.sql(`ALTER ROLE rotated PASSWORD '${fresh}'`, "shop");
    await next(running, failed);
    put(folder, "password", `${fresh}\n`);
    await next(running, stored);
    // Before the file was read again the new one was nobody's secret.
    const since = running.stdout.slice(running.stdout.lastIndexOf('"msg":"backup stored"'));
    await next(running, stored);
    const later = running.stdout.slice(running.stdout.length - since.length);
    expect(running.stdout).not.toContain(old);
    expect(later).not.toContain(fresh);
  });

  test("one that is empty fails that run, and the next one with a whole file goes well", async () => {
    using folder = tempFolder("rotated");
    put(folder, "uri", pg.uri("shop"));
    const running = start(folder, { DB_URI_FILE: folder.file("uri") });
    await next(running, stored);
    put(folder, "uri", "");
    expect(String((await next(running, failed))["error"])).toMatch(/DB_URI_FILE.*empty/);
    put(folder, "uri", pg.uri("shop"));
    await next(running, stored);
  });

  test("a URI that names another database fails the run", async () => {
    using folder = tempFolder("rotated");
    put(folder, "uri", pg.uri("shop"));
    const running = start(folder, { DB_URI_FILE: folder.file("uri") });
    await next(running, stored);
    put(folder, "uri", pg.uri("other"));
    const line = await next(running, failed);
    expect(String(line["error"])).toContain("names the database other since its file was read again");
    expect(line["database"]).toBe("shop");
  });

  test("a webhook's that is gone costs a warning: the last good one serves", async () => {
    using folder = tempFolder("rotated");
    await using webhook = startWebhook();
    put(folder, "webhook", webhook.url);
    const running = start(folder, {
      DB_URI: pg.uri("shop"),
      NOTIFY_ON: "always",
      NOTIFY_WEBHOOK_URL_FILE: folder.file("webhook"),
    });
    await webhook.waitForRequests(1);
    renameSync(folder.file("webhook"), folder.file("gone"));
    await next(running, ({ level, msg }) => level === "warn" && msg.includes("NOTIFY_WEBHOOK_URL_FILE"));
    await webhook.waitForRequests(webhook.requests.length + 2);
  });
});
