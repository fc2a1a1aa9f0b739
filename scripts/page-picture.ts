/**
 * The picture of docs/monitoring.md and README.md: `bun scripts/page-picture.ts`, as the end of `bun run page`. The real
 * executable backs up three databases of a throwaway PostgreSQL into two folders, night after night: each run is made
 * now, and its files are then named as of an earlier night. The page of the schedule that follows is photographed.
 */
import { mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { startBrowser } from "../tests/support/browser.ts";
import { startPostgres } from "../tests/support/postgres.ts";
import { freePort, run, systemPath, waitFor } from "../tests/support/run.ts";
import { tempFolder } from "../tests/support/temp.ts";
import { newestRclone } from "./demo-parts.ts";

const picture = join(import.meta.dirname, "../docs/status-page.png");
const program = join(import.meta.dirname, "../dist/dbstash-pg");
const nights = 21;
const dayMs = 86_400_000;

using folder = tempFolder("page-picture");
await using server = await startPostgres();
const port = await freePort();
const [disk, nas] = [folder.file("disk"), folder.file("nas")];
for (const path of [disk, nas]) mkdirSync(path);
const env = {
  PATH: [server.binDir, dirname(newestRclone()), systemPath].join(":"),
  HOME: folder.path,
  TMPDIR: folder.path,
  LANG: "C.UTF-8",
  DB_URI: server.uri(),
  BACKUP_DATABASES: "* !postgres",
  RCLONE_REMOTE: "disk:",
  RCLONE_EXTRA_REMOTES: "nas:",
  RCLONE_CONFIG_DISK_TYPE: "alias",
  RCLONE_CONFIG_DISK_REMOTE: disk,
  RCLONE_CONFIG_NAS_TYPE: "alias",
  RCLONE_CONFIG_NAS_REMOTE: nas,
  RETENTION_KEEP_DAILY: "7",
  RETENTION_KEEP_WEEKLY: "8",
  HEALTH_PORT: String(port),
  HEALTH_ADDRESS: "127.0.0.1",
  STATUS_PAGE: "true",
};

for (const name of ["crm", "shop", "wiki"]) {
  await server.createDatabase(name);
  await server.sql("CREATE TABLE events (id bigint, text text)", name);
}
for (let age = nights; age > 0; age--) {
  for (const [at, name] of ["crm", "shop", "wiki"].entries())
    await server.sql(
      `INSERT INTO events SELECT n, md5(n::text) FROM generate_series(1, ${2000 * (at + 1) * (1 + (age % 3))}) n`,
      name,
    );
  const { exitCode, stderr } = await run([program, "backup"], {
    env: { ...env, RETENTION_KEEP_DAILY: "0", RETENTION_KEEP_WEEKLY: "0" },
  });
  if (exitCode !== 0) throw new Error(stderr);
  for (const path of [disk, nas]) asOfNight(path, age);
}

const daemon = Bun.spawn([program], {
  stdio: ["ignore", "inherit", "inherit"],
  env: { ...env, BACKUP_ON_START: "true" },
});
try {
  await waitFor("the first run", async () => {
    const health = (await ask("/healthz"))?.["last_status"];
    return health === "success";
  });
  await using browser = await startBrowser();
  const { tab } = browser;
  await tab.open(`http://127.0.0.1:${port}/`, { width: 1280, height: 700, scheme: "light" });
  writeFileSync(picture, await tab.picture(1.5));
  console.log(`drawn: ${picture}`);
} finally {
  daemon.kill("SIGTERM");
  await daemon.exited;
}

/** Names the files of today as those of an earlier night, two hours after midnight. */
function asOfNight(path: string, age: number): void {
  const night = new Date(Date.now() - age * dayMs).toISOString().slice(0, 10).replaceAll("-", "");
  const today = new Date().toISOString().slice(0, 10).replaceAll("-", "");
  for (const name of readdirSync(path).filter((each) => each.includes(`-${today}T`)))
    renameSync(join(path, name), join(path, name.replace(/-\d{8}T\d{6}Z/, `-${night}T020000Z`)));
}

async function ask(path: string): Promise<Record<string, unknown> | undefined> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined);
  return (await response?.json()) as Record<string, unknown> | undefined;
}
