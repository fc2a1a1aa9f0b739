/**
 * The demo: `npm run demo`. A throwaway PostgreSQL with sample data is backed up by the compiled executable into a
 * local folder, restored by psql into a new database, and compared. Everything it makes is removed at its end;
 * it exits 1 when anything differs.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { type PostgresServer, startPostgres } from "../tests/support/postgres.ts";
import { systemPath } from "../tests/support/run.ts";
import { tempFolder } from "../tests/support/temp.ts";
import { buildExecutable, newestRclone, sampleData } from "./demo-parts.ts";

const source = "shop";
const copy = "shop_restored";

/** What a database holds, as text that is the same for the same content. */
const contents: readonly (readonly [what: string, sql: string])[] = [
  [
    "customers",
    "SELECT count(*) || ' rows, md5 ' || md5(string_agg(c::text, ',' ORDER BY id)) FROM customers c",
  ],
  ["orders", "SELECT count(*) || ' rows, md5 ' || md5(string_agg(o::text, ',' ORDER BY id)) FROM orders o"],
  [
    "revenue",
    "SELECT count(*) || ' rows, md5 ' || md5(string_agg(r::text, ',' ORDER BY customer)) FROM revenue r",
  ],
  ["greet()", "SELECT greet('world')"],
  ["index", "SELECT md5(indexdef) FROM pg_indexes WHERE indexname = 'orders_by_customer'"],
  ["next order", "SELECT last_value + 1 FROM orders_id_seq"],
];

process.exitCode = await main();

async function main(): Promise<number> {
  using folder = tempFolder("demo");
  step("Building dbstash-pg");
  const executable = await buildExecutable(folder.path);
  step("Starting a throwaway PostgreSQL with a password and sample data");
  await using server = await startPostgres();
  await server.createDatabase(source);
  await server.sql(sampleData, source);
  say(`PostgreSQL ${server.major} on ${server.host}:${server.port}, database ${source}`);

  const target = folder.file("backups");
  step(`Backing it up to ${target}`);
  if (!(await backUp(executable, server, target, folder.path))) return 1;

  step("What was stored");
  const backup = showStored(target);
  if (backup === null) return 1;

  step(`Restoring it into a new database with psql: psql -d ${copy} -f ${backup}`);
  await server.createDatabase(copy);
  const restore = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", copy, "-f", backup];
  const restored = await server.run("psql", restore, { stdoutFile: "/dev/null" });
  if (restored.exitCode !== 0) return fail(`psql: ${restored.stderr.trim()}`);
  say("psql exited 0");

  step(`Comparing ${source} with ${copy}`);
  const different = await compare(server);
  if (different > 0) return fail(`${different} of ${contents.length} differ`);
  step("The restored database is the same. Stopping the server and removing everything");
  return 0;
}

/** Runs the executable as a user would, its log on our own output. */
async function backUp(
  executable: string,
  server: PostgresServer,
  target: string,
  home: string,
): Promise<boolean> {
  const settings = {
    DB_HOST: server.host,
    DB_PORT: String(server.port),
    DB_NAME: source,
    DB_USER: server.user,
    DB_PASSWORD: server.password,
    RCLONE_REMOTE: target,
    BACKUP_SCHEDULE: "once",
  };
  const shown = Object.entries(settings).map(([name, value]) =>
    name === "DB_PASSWORD" ? `${name}=…` : `${name}=${value}`,
  );
  say(`${shown.join(" \\\n  ")} \\\n  dbstash-pg\n`);
  const path = [server.binDir, dirname(newestRclone()), systemPath].join(":");
  const child = Bun.spawn([executable], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { PATH: path, HOME: home, TMPDIR: home, LANG: "C.UTF-8", LOG_FORMAT: "text", ...settings },
  });
  const exitCode = await child.exited;
  if (exitCode === 0) say("dbstash-pg exited 0");
  else fail(`dbstash-pg exited ${exitCode}`);
  return exitCode === 0;
}

/** Prints the one file that must be there, its beginning and its end; null when it isn't. */
function showStored(target: string): string | null {
  const names = readdirSync(target);
  for (const name of names) say(`${statSync(join(target, name)).size} bytes  ${name}`);
  const [name] = names;
  if (name === undefined || names.length !== 1) {
    fail(`one file was expected, ${names.length} are there`);
    return null;
  }
  const path = join(target, name);
  const text = readFileSync(path, "utf8");
  const lines = (part: string): string[] => part.split("\n").filter((line) => /[^-\s]/.test(line));
  say(
    [...lines(text.slice(0, 300)).slice(0, 3), "…", ...lines(text.slice(-300)).slice(-2)]
      .map((line) => `| ${line}`)
      .join("\n  "),
  );
  return path;
}

/** Asks both databases the same questions, and returns how many answers differ. */
async function compare(server: PostgresServer): Promise<number> {
  let different = 0;
  for (const [what, sql] of contents) {
    const [before, after] = [await server.sql(sql, source), await server.sql(sql, copy)];
    const same = before !== "" && before === after;
    if (!same) different++;
    say(`${same ? "same     " : "DIFFERENT"} ${what.padEnd(10)} ${same ? after : `${before} <> ${after}`}`);
  }
  return different;
}

function step(text: string): void {
  console.log(`\n== ${text}`);
}

function say(text: string): void {
  console.log(`  ${text}`);
}

function fail(text: string): number {
  console.error(`\nerror: ${text}`);
  return 1;
}
