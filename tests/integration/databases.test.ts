import { afterAll, beforeAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import type { Engine } from "../../src/engine/engine.ts";
import { readPrelude } from "../../src/engine/mongo/archive.ts";
import { mongo } from "../../src/engine/mongo/mongo.ts";
import { mariadb, mysql } from "../../src/engine/mysql/mysql.ts";
import { postgres } from "../../src/engine/postgres/postgres.ts";
import { tailBytes } from "../../src/engine/format.ts";
import type { Job } from "../../src/job/job.ts";
import { openLibc } from "../../src/process/libc.ts";
import { writePrivateFile } from "../../src/process/workshop.ts";
import { askDatabases, type AskedDatabases } from "../../src/run/databases.ts";
import { found, runCheck } from "../support/check.ts";
import { needs } from "../support/components.ts";
import { startMariadb } from "../support/mariadb.ts";
import { type MongoServer, startMongo } from "../support/mongo.ts";
import type { MysqlServer } from "../support/mysql-family.ts";
import { startMysql } from "../support/mysql.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { systemPath } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";
import { resolve } from "../unit/job/jobs.ts";
import { recordedLog } from "../unit/recorded-log.ts";

/** Names that a server takes, and that mean something to a shell, a path, a pattern, a URI or to dbstash itself. */
const oddNames = [
  "shop",
  "Shop Two",
  " blank ",
  "größe 日本",
  "a/b\\c",
  "a*b?[c]{d}",
  "100%25",
  "%40x",
  "@globals",
  "@lead",
  "!bang",
  "-dash",
  ".dot",
  "all",
  'it\'s "so" `it`',
  "$HOME;&|<>#~",
  "host=x dbname=y",
  "postgres://x",
];

const libc = openLibc();
const byName = (a: string, b: string): number => (a < b ? -1 : 1);

interface Asked {
  readonly engine: Engine;
  readonly uri: string;
  readonly binDir: string;
  readonly databases: string;
}

async function ask({ engine, uri, binDir, databases }: Asked): Promise<AskedDatabases> {
  using folder = tempFolder("ask");
  const job = resolve(
    { DB_URI: uri, RCLONE_REMOTE: folder.file("place"), BACKUP_DATABASES: databases },
    engine,
  );
  const doors = { libc, toolEnv: toolEnv(binDir), tempRoot: folder.path, log: recordedLog().log };
  return await askDatabases(job, doors, new AbortController().signal);
}

/** In what words a question was refused. */
async function refusal(question: Promise<AskedDatabases>): Promise<string> {
  const outcome: unknown = await question.catch((error: unknown) => error);
  return String(outcome);
}

const toolEnv = (binDir: string) => ({ PATH: `${binDir}:${systemPath}`, LANG: "C.UTF-8" });
const namesOf = ({ jobs }: AskedDatabases): string[] => jobs.map(({ naming }) => naming.database);
const toldOf = ({ leftOut }: AskedDatabases): string[] =>
  leftOut.map((remark) => (typeof remark === "string" ? remark : remark.message));

/** How a dump ended, and both ends of what it wrote. */
interface Dumped {
  readonly code: number;
  readonly words: string;
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
  readonly bytes: number;
}

/** Dumps a job's database by its own command, as a run would. */
async function dump(job: Job, binDir: string): Promise<Dumped> {
  using folder = tempFolder("dump");
  const paths = { privateDir: folder.path, outputDir: null, caBundle: null, libpqRoot: null };
  const { tools, args, env, files } = job.engine.dumpCommand(job.request, paths, job.facts);
  for (const { path, content } of files) writePrivateFile(path, content.reveal());
  const all = { ...toolEnv(binDir), ...env };
  const tool = tools.find((name) => Bun.which(name, { PATH: all.PATH }) !== null) ?? "";
  const child = Bun.spawn([Bun.which(tool, { PATH: all.PATH }) ?? tool, ...args], {
    env: all,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, words] = await Promise.all([
    new Response(child.stdout).bytes(),
    new Response(child.stderr).text(),
  ]);
  for (const { path } of files) rmSync(path);
  return {
    code: await child.exited,
    words,
    head: stdout.subarray(0, 65_536),
    tail: stdout.subarray(-tailBytes),
    bytes: stdout.length,
  };
}

for (const release of ["distro", "newest"] as const) {
  const gate = needs(release === "distro" ? "postgresql" : "postgresql-newest");
  gate.describe(`PostgreSQL (${release})`, () => {
    let server: PostgresServer;
    beforeAll(async () => {
      server = await startPostgres({ release });
      for (const name of [...oddNames, "new\nline\ttab"]) await server.createDatabase(name);
      for (const sql of [
        "CREATE ROLE low LOGIN PASSWORD 'low'",
        "REVOKE CONNECT ON DATABASE shop FROM PUBLIC",
        "CREATE DATABASE all_shut ALLOW_CONNECTIONS false",
      ])
        await server.sql(sql);
    }, 120_000);
    afterAll(() => server.stop());
    const as = (user: string, database = ""): string =>
      `postgres://${user}@127.0.0.1:${server.port}/${database}`;
    const asked = (uri: string, databases: string) =>
      ask({ engine: postgres, uri, binDir: server.binDir, databases });

    gate.test(
      "all databases that take connections, whatever their names, and each can be dumped",
      async () => {
        const found = await asked(server.uri(""), "* @globals");
        const names = ["@globals", ...[...oddNames, "new\nline\ttab", "postgres"].toSorted(byName)];
        expect(namesOf(found)).toEqual(names);
        expect([found.failures, found.leftOut]).toEqual([[], []]);
        expect(new Set(found.jobs.map(({ naming }) => JSON.stringify(naming))).size).toBe(names.length);
        for (const job of found.jobs) {
          const { code, words, tail } = await dump(job, server.binDir);
          expect({ name: job.naming.database, code, words }).toMatchObject({ code: 0, words: "" });
          expect(job.filters.endMark?.ends(tail)).toBe(true);
        }
      },
      60_000,
    );

    gate.test(
      "a user without rights: what it may not enter fails, and roles come without passwords",
      async () => {
        const found = await asked(as("low:low"), "* @globals !none* none* all_shut template1");
        const failed = found.failures.map(({ name, problem }) => `${name}: ${problem.message}`);
        expect(failed).toEqual([
          expect.stringContaining(
            "none*: BACKUP_DATABASES (--backup-databases): no database of the server matches",
          ),
          expect.stringContaining("all_shut: the server lets nobody connect"),
          "shop: low may not connect to this database",
        ]);
        expect(namesOf(found)).toContain("template1");
        expect(namesOf(found)).not.toContain("shop");
        expect(toldOf(found)).toEqual([
          expect.stringContaining("passwords of roles are missing from @globals"),
        ]);
        const [globals] = found.jobs;
        if (globals === undefined) throw new Error("no job of roles");
        const { code, words, tail, bytes } = await dump(globals, server.binDir);
        expect({ code, words }).toEqual({ code: 0, words: "" });
        expect(globals.filters.endMark?.ends(tail)).toBe(true);
        expect(bytes).toBeGreaterThan(200);
      },
    );

    gate.test(
      "the database of the URI is the one to ask in, and template1 where there is no postgres",
      async () => {
        expect(namesOf(await asked(server.uri("Shop Two"), "shop"))).toEqual(["shop"]);
        await server.sql("ALTER DATABASE postgres RENAME TO other", "template1");
        try {
          expect(namesOf(await asked(server.uri(""), "oth*"))).toEqual(["other"]);
          expect(await refusal(asked(server.uri("gone"), "*"))).toMatch(
            /can't be asked for its databases: .*"gone"/,
          );
        } finally {
          await server.sql("ALTER DATABASE other RENAME TO postgres", "template1");
        }
      },
    );

    gate.test("check tells which match, what keeps one from its backup, and the rights in each", async () => {
      using place = tempFolder("place");
      const checked = (uri: string, databases: string) =>
        runCheck("pg", {
          path: [server.binDir],
          env: { DB_URI: uri, RCLONE_REMOTE: place.path, BACKUP_DATABASES: databases },
        });
      const well = await checked(server.uri(""), "shop -dash @globals");
      expect(found(well, "databases")).toEqual(["ok: 3: @globals, -dash, shop"]);
      expect([well.failed, well.exitCode]).toEqual([[], 0]);
      await server.sql("CREATE TABLE closed ()", "all");
      const low = await checked(as("low:low"), "shop all none* @globals");
      expect(low.failed).toEqual([
        expect.stringContaining("none*: BACKUP_DATABASES"),
        expect.stringContaining("shop: low may not connect"),
        expect.stringContaining("passwords of roles are missing"),
        expect.stringContaining("all: low may not read 1 table (public.closed)"),
      ]);
      expect(low.exitCode).toBe(1);
    });

    gate.test("a wrong password is told as one, and kept out of the words", async () => {
      const words = await refusal(asked(server.uri("", { password: "hunter2hunter2" }), "*"));
      expect(words).toMatch(/password authentication failed/);
      expect(words).not.toContain("hunter2");
    });
  });
}

for (const [engine, start] of [
  [mariadb, startMariadb],
  [mysql, startMysql],
] as const) {
  const gate = needs(engine.name === "mysql" ? "mysql" : "mariadb");
  gate.describe(engine.title, () => {
    let server: MysqlServer;
    // No name ends in a blank there.
    const names = oddNames.filter((name) => name !== " blank ");
    beforeAll(async () => {
      server = await start();
      for (const name of [...names, "new\nline\ttab"]) await server.createDatabase(name);
      await server.sql(
        "CREATE USER low@'127.0.0.1' IDENTIFIED BY 'low'; GRANT SELECT, LOCK TABLES, SHOW VIEW, EVENT, TRIGGER, EXECUTE ON shop.* TO low@'127.0.0.1'",
      );
    }, 180_000);
    afterAll(() => server.stop());
    const asked = (uri: string, databases: string) => ask({ engine, uri, binDir: server.binDir, databases });

    gate.test(
      "all databases but the server's own, whatever their names, and each can be dumped",
      async () => {
        const found = await asked(server.uri(), "*");
        expect(namesOf(found)).toEqual([...names, "new\nline\ttab"].toSorted(byName));
        expect([found.failures, found.leftOut]).toEqual([[], []]);
        const failed: string[] = [];
        for (const job of found.jobs) {
          const { code, words, tail } = await dump(job, server.binDir);
          if (code !== 0) failed.push(`${job.naming.database}: ${words}`);
          else expect(job.filters.endMark?.ends(tail)).toBe(true);
        }
        expect(failed).toEqual([]);
      },
      60_000,
    );

    gate.test("mysql, the accounts, by its name alone", async () => {
      expect(namesOf(await asked(server.uri(), "mysql sh*"))).toEqual(["mysql", "shop"]);
      const none = await asked(server.uri(), "my* sys");
      expect(none.failures.map(({ name }) => name)).toEqual(["my*", "sys"]);
    });

    gate.test("a user who sees not all is told, and backs up what it sees", async () => {
      const found = await asked(`${engine.schemes[0]}://low:low@127.0.0.1:${server.port}`, "*");
      expect(namesOf(found)).toEqual(["shop"]);
      expect(toldOf(found)).toEqual([
        expect.stringContaining("GRANT SHOW DATABASES ON *.* TO 'low'@'127.0.0.1'"),
      ]);
    });

    gate.test("a wrong password is told as one", async () => {
      const uri = `${engine.schemes[0]}://low:wrong@127.0.0.1:${server.port}`;
      expect(await refusal(asked(uri, "*"))).toMatch(/can't be asked for its databases: .*Access denied/s);
    });
  });
}

const mongoGate = needs("ferretdb", "mongo-tools");
mongoGate.describe("MongoDB's protocol", () => {
  let server: MongoServer;
  // FerretDB takes no others.
  const names = ["shop", "Shop_2", "-dash", "all", "test"];
  beforeAll(async () => {
    server = await startMongo();
    for (const name of names) await server.insert(name, "things", [{ _id: 1, name }]);
  });
  afterAll(() => server.stop());
  const asked = (databases: string) =>
    ask({ engine: mongo, uri: server.uri(), binDir: server.binDir, databases });

  mongoGate.test("all databases, whatever their names, and each can be dumped", async () => {
    const found = await asked("*");
    expect(namesOf(found)).toEqual(names.toSorted(byName));
    expect(found.failures).toEqual([]);
    for (const job of found.jobs) {
      const { code, tail } = await dump(job, server.binDir);
      expect([job.naming.database, code]).toEqual([job.naming.database, 0]);
      expect(job.filters.endMark?.ends(tail)).toBe(true);
    }
  });

  mongoGate.test(
    "also where their collections fill more than is read at first",
    async () => {
      const insert = (at: number) => server.insert(`m${at % 10}`, `c-${"x".repeat(220)}-${at}`, [{ _id: 1 }]);
      for (let ten = 0; ten < 120; ten += 10)
        await Promise.all(Array.from({ length: 10 }, (_, at) => insert(ten + at)));
      const found = await asked("m? shop");
      expect(namesOf(found)).toEqual([..."0123456789"].map((at) => `m${at}`).concat("shop"));
      const [job] = found.jobs;
      if (job === undefined) throw new Error("no job");
      const everything = await dump({ ...job, request: { ...job.request, database: null } }, server.binDir);
      expect(readPrelude(everything.head).isWhole).toBe(false);
    },
    60_000,
  );
});

test("a signal ends the question", async () => {
  const stop = new AbortController();
  stop.abort(new Error("stopped"));
  using folder = tempFolder("ask");
  const job = resolve({
    DB_URI: "postgres://127.0.0.1:1/x",
    RCLONE_REMOTE: folder.path,
    BACKUP_DATABASES: "*",
  });
  const doors = { libc, toolEnv: { PATH: systemPath }, tempRoot: folder.path, log: recordedLog().log };
  expect(await refusal(askDatabases(job, doors, stop.signal))).toContain("stopped");
});
