/**
 * The demo: `npm run demo`. A throwaway PostgreSQL with sample data is backed up by the compiled executable into a
 * local folder, restored by psql into a new database, and compared. Everything it makes is removed at its end;
 * it exits 1 when anything differs.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { component, componentPath } from "../tests/support/components.ts";
import { type PostgresServer, startPostgres } from "../tests/support/postgres.ts";
import { run, systemPath } from "../tests/support/run.ts";
import { tempFolder } from "../tests/support/temp.ts";

const source = "shop";
const copy = "shop_restored";

const sampleData = `
CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, joined date NOT NULL);
CREATE TABLE orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer bigint NOT NULL REFERENCES customers,
  amount numeric(10, 2) NOT NULL CHECK (amount > 0),
  details jsonb NOT NULL,
  receipt bytea
);
CREATE INDEX orders_by_customer ON orders (customer);
CREATE VIEW revenue AS SELECT customer, sum(amount) AS total FROM orders GROUP BY customer;
CREATE FUNCTION greet(who text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'नमस्ते, ' || who $$;
INSERT INTO customers (name, joined)
  SELECT 'customer № ' || n, date '2020-01-01' + n % 2000 FROM generate_series(1, 10000) n;
INSERT INTO orders (customer, amount, details, receipt)
  SELECT 1 + n * 7919 % 10000, 1 + n % 5000 / 100.0,
         jsonb_build_object('note', 'line one' || chr(10) || 'a \\ and a "', 'sku', md5(n::text)),
         CASE WHEN n % 3 = 0 THEN sha256(n::text::bytea) END
  FROM generate_series(1, 200000) n;
`;

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
  const executable = await build(folder.path);
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

async function build(outdir: string): Promise<string> {
  const script = join(import.meta.dirname, "build.ts");
  const built = await run([process.execPath, script, "pg", "--outdir", outdir], {
    env: { PATH: systemPath, HOME: outdir },
  });
  if (built.exitCode !== 0) throw new Error(`the build failed: ${built.stdout}${built.stderr}`);
  return join(outdir, "dbstash-pg");
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
  const path = [server.binDir, dirname(rclone()), systemPath].join(":");
  const child = Bun.spawn([executable], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { PATH: path, HOME: home, TMPDIR: home, LANG: "C.UTF-8", LOG_FORMAT: "text", ...settings },
  });
  const exitCode = await child.exited;
  if (exitCode === 0) say("dbstash-pg exited 0");
  else fail(`dbstash-pg exited ${exitCode}`);
  return exitCode === 0;
}

/** The demo takes the newest rclone that is there. */
function rclone(): string {
  const current = component("rclone-current");
  if ("path" in current) return current.path;
  return componentPath("rclone-old");
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
