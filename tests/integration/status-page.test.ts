import { afterAll, afterEach, beforeAll, beforeEach, expect } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { componentPath, needs } from "../support/components.ts";
import {
  type DbstashOptions,
  killAll,
  runDbstash,
  type RunningDbstash,
  startDbstash,
} from "../support/dbstash.ts";
import { fakeTools } from "../support/fake-tools.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { freePort } from "../support/run.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";

const { available, describe, test } = needs("postgresql", "rclone-current");

const never = "0 0 1 1 *";
const attack = "<img src=x onerror=alert(1)>";

describe("the page of a schedule", () => {
  let pg: PostgresServer;
  let folder: TempFolder;
  let port: number;
  const started: RunningDbstash[] = [];
  if (available) {
    beforeAll(async () => {
      pg = await startPostgres();
      for (const name of ["shop", attack]) await pg.createDatabase(name);
    }, 60_000);
    afterAll(() => pg.stop());
  }
  beforeEach(async () => {
    folder = tempFolder("page");
    for (const name of ["one", "two"]) mkdirSync(folder.file(name));
    port = await freePort();
  });
  afterEach(async () => {
    await killAll(started);
    folder.remove();
  });

  function settings(more: Record<string, string>): Record<string, string> {
    return {
      DB_URI: pg.uri("shop"),
      RCLONE_REMOTE: folder.file("one"),
      BACKUP_SCHEDULE: never,
      HEALTH_PORT: String(port),
      STATUS_PAGE: "true",
      ...more,
    };
  }
  async function start(
    more: Record<string, string> = {},
    options: DbstashOptions = {},
  ): Promise<RunningDbstash> {
    const daemon = startDbstash("pg", { ...options, env: settings(more) });
    started.push(daemon);
    await daemon.waitForLine(({ msg }) => msg === "schedule started");
    return daemon;
  }
  const ended = (daemon: RunningDbstash) =>
    daemon.waitForLine(({ msg }) => msg.startsWith("backup stored") || msg === "backup failed");
  const ask = (path: string, method = "GET") => fetch(`http://127.0.0.1:${port}${path}`, { method });
  const page = async (): Promise<string> => (await ask("/")).text();
  const headlineOf = (body: string): string =>
    (/<h1>(.*?)<\/h1>/.exec(body)?.[1] ?? "").replace(/<span[^>]*>.*?<\/span>/, "").trim();

  test("shows what is backed up, and where; each other path and method is as it was", async () => {
    const daemon = await start({
      BACKUP_ON_START: "true",
      BACKUP_DATABASES: "* !postgres",
      RCLONE_EXTRA_REMOTES: folder.file("two"),
      RETENTION_MAX_FILES: "3",
      DB_URI: pg.uri(),
    });
    await ended(daemon);
    const response = await ask("/");
    expect([response.status, response.headers.get("content-type")]).toEqual([
      200,
      "text/html; charset=utf-8",
    ]);
    expect(response.headers.get("content-security-policy")).toStartWith(
      "default-src 'none'; style-src 'sha256-",
    );
    const body = await response.text();
    expect(headlineOf(body)).toBe("All 2 databases are backed up");
    expect(body).toContain("<bdi>shop</bdi>");
    expect(body).toContain("<bdi>&lt;img src=x onerror=alert(1)&gt;</bdi>");
    expect(body).not.toContain(attack);
    expect(body).toContain("keeps at most 3; the newest always stays");
    for (const place of ["one", "two"]) expect(body).toContain(`<bdi>${folder.file(place)}</bdi>`);
    const head = await ask("/", "HEAD");
    expect([head.status, await head.text()]).toEqual([200, ""]);
    expect((await ask("/", "POST")).status).toBe(405);
    expect((await ask("/index.html")).status).toBe(404);
    expect((await ask("/readyz")).status).toBe(200);
  });

  test("says what failed, why and since when, without a secret", async () => {
    const daemon = await start({ BACKUP_ON_START: "true", DB_URI: pg.uri("nowhere") });
    await ended(daemon);
    const body = await page();
    expect(headlineOf(body)).toBe("The last backup of nowhere failed");
    expect(body).toMatch(/<strong><bdi>nowhere<\/bdi><\/strong> failed, since <time /);
    expect(body).toContain("database &quot;nowhere&quot; does not exist");
    expect(body).not.toContain(pg.password);
    expect((await ask("/readyz")).status).toBe(503);
  });

  test("says which place is missing, though it was there before", async () => {
    const env = { BACKUP_ON_START: "true", RCLONE_EXTRA_REMOTES: folder.file("two") };
    using tools = fakeTools({
      rclone: `case "$*" in *lsjson*/two*) if [ -e '${folder.file("gone")}' ]; then
echo '{"level":"critical","msg":"no route to ${pg.password}"}' >&2; exit 1; fi ;; esac
exec '${componentPath("rclone-current")}' "$@"`,
    });
    const first = startDbstash("pg", {
      env: { ...settings(env), BACKUP_SCHEDULE: "once", STATUS_PAGE: "false" },
    });
    expect((await first.exited).exitCode).toBe(0);
    writeFileSync(folder.file("gone"), "");
    const daemon = await start({ ...env, BACKUP_ON_START: "false" }, { path: [tools.dir] });
    await daemon.waitForLine(({ msg }) => msg === "the last backup could not be read back from the remote");
    const body = await page();
    expect(body).toMatch(/two<\/bdi> can&#39;t be listed since|two<\/bdi> can't be listed since/);
    expect(body).not.toContain(pg.password);
  });

  test("is not there unless it is wanted", async () => {
    await start({ STATUS_PAGE: "false" });
    expect((await ask("/")).status).toBe(404);
  });

  test("lists the places no more often than once a minute, however often it is looked at", async () => {
    using tools = fakeTools({ rclone: `exec '${componentPath("rclone-current")}' "$@"` });
    await start({}, { path: [tools.dir] });
    for (let looks = 0; looks < 20; looks++) expect((await ask("/")).status).toBe(200);
    const listings = tools.calls("rclone").filter((call) => call.includes("lsjson"));
    // One at the start, and one for the first look.
    expect(listings.length).toBeLessThanOrEqual(2);
    expect(listings.length).toBeGreaterThan(0);
  });

  test("comes within seconds where a place gives no answer, with what is known", async () => {
    using tools = fakeTools({
      rclone: `case "$*" in *lsjson*) exec sleep 600 ;; esac
exec '${componentPath("rclone-current")}' "$@"`,
    });
    const daemon = await start({}, { path: [tools.dir] });
    const beganMs = Date.now();
    expect(headlineOf(await page())).toBe("The places are still being listed");
    expect(Date.now() - beganMs).toBeLessThan(10_000);
    daemon.signal("SIGTERM");
    expect((await daemon.exited).exitCode).toBe(0);
  });

  test("can't be had without a server", async () => {
    const { exitCode, stderr } = await runDbstash("pg", { env: settings({ HEALTH_PORT: "0" }) });
    expect([exitCode, stderr]).toEqual([
      2,
      "error: STATUS_PAGE (--status-page) asks for a page, but HEALTH_PORT (--health-port) is 0: there is no server that shows it\n" +
        "hint: give HEALTH_PORT a port such as 8080, or leave STATUS_PAGE out\n",
    ]);
  });
});
