import { describe, expect, test } from "bun:test";
import type { Answered, DumpRequest, Engine, Known, ProbeOutcome } from "../../../src/engine/engine.ts";
import { mariadb, mysql } from "../../../src/engine/mysql/mysql.ts";
import { mongo } from "../../../src/engine/mongo/mongo.ts";
import { postgres } from "../../../src/engine/postgres/postgres.ts";
import { redis } from "../../../src/engine/redis.ts";
import { outcomeOf, requestOf, streamPaths as paths } from "./dump-request.ts";

interface Asked {
  readonly engine: Engine;
  readonly uri: string;
  readonly title: string;
  readonly outcome: Partial<ProbeOutcome>;
  readonly change?: Partial<DumpRequest>;
  readonly known?: Partial<Known>;
}

function answer({ engine, uri, title, outcome, change = {}, known = {} }: Asked): Answered {
  const request = requestOf(uri, change);
  const questions = engine.questions(request, paths, { facts: {}, toolVersion: "", ...known });
  const question = questions.find((each) => each.title === title);
  if (question === undefined) throw new Error(`no question ${title}`);
  return question.interpret(outcomeOf(outcome));
}

const texts = (remarks: Answered["warnings"]): string[] =>
  remarks.map((remark) => (typeof remark === "string" ? remark : remark.message));

describe("every engine", () => {
  test.each([
    [postgres, "postgres://joe:hunter2@db/shop"],
    [mysql, "mysql://joe:hunter2@db/shop"],
    [mariadb, "mariadb://joe:hunter2@db/shop"],
    [mongo, "mongodb://joe:hunter2@db/shop"],
    [redis, "redis://joe:hunter2@db"],
  ])("asks first for the connection, with no secret in its arguments", (engine, uri) => {
    const questions = engine.questions(requestOf(uri), paths, { facts: {}, toolVersion: "" });
    expect(questions[0]?.title).toBe("connection");
    for (const { command } of questions) expect(command.args.join(" ")).not.toContain("hunter2");
  });
});

describe("PostgreSQL", () => {
  const base = { engine: postgres, uri: "postgres://joe@db/shop" };
  const connection = (version: string, number: string, toolVersion: string) =>
    answer({
      ...base,
      title: "connection",
      outcome: { stdout: `joe\tshop\t${number}\t${version}\n` },
      known: { toolVersion },
    });

  test.each([
    ["9.6.24", "90624", "pg_dump (PostgreSQL) 9.6.24", "well"],
    ["18.1", "180001", "pg_dump (PostgreSQL) 18.0 (Debian 18.0-1)", "well"],
    ["18.1", "180001", "pg_dump (PostgreSQL) 19devel", "newer"],
    ["18.1", "180001", "pg_dump (PostgreSQL) 17.6", "older"],
    ["18.1", "180001", "", "well"],
  ])("%s (%s) by %s: %s", (version, number, tool, kind) => {
    const { found, problems, warnings } = connection(version, number, tool);
    expect(problems.length > 0 ? "older" : warnings.length > 0 ? "newer" : "well").toBe(kind);
    expect(found).toBe(kind === "older" ? null : `as joe, PostgreSQL ${version}, database shop`);
  });

  test("tells transaction_timeout where the server is too old for it, alone", () => {
    expect(texts(connection("16.4", "160004", "pg_dump (PostgreSQL) 17.6").warnings)[0]).toContain(
      "transaction_timeout",
    );
    expect(texts(connection("17.4", "170004", "pg_dump (PostgreSQL) 18.0").warnings)[0]).not.toContain(
      "transaction",
    );
  });

  test("that gives no answer is told with its words and the advice on them", () => {
    const outcome = {
      exitCode: 2,
      stderr: 'psql: error: FATAL:  password authentication failed for user "joe"',
    };
    expect(answer({ ...base, title: "connection", outcome }).problems).toEqual([
      {
        message: `the database can't be reached: ${outcome.stderr}`,
        words: outcome.stderr,
        hint: "check the user and password",
      },
    ]);
    const late = { exitCode: null, isLate: true };
    expect(answer({ ...base, title: "connection", outcome: late }).problems).toEqual([
      {
        message: "the database can't be reached: there was no answer in time",
        hint: "check the host and port, and whether a firewall stands between",
      },
    ]);
  });

  const found = (rows: string, extraArgs: readonly string[] = []) =>
    answer({ ...base, title: "rights", outcome: { stdout: `user\tjoe\n${rows}` }, change: { extraArgs } });

  test.each([
    ["", [], 0, 0],
    ["table\tpublic.a\n", [], 1, 0],
    ["objects\t2\n", [], 1, 0],
    ["objects\t2\n", ["-B"], 0, 0],
    ["objects\t2\n", ["--no-blobs"], 0, 0],
    ["objects\t2\n", ["--schema=crm"], 0, 1],
    ["table\tpublic.a\nsequence\tpublic.s\nrows\tpublic.r\n", [], 3, 0],
    ["table\tpublic.a\n", ["-T", "a"], 0, 1],
    ["table\tpublic.a\n", ["--schema=crm"], 0, 1],
    ["table\tpublic.a\n", ["--no-comments"], 0, 1],
    ["rows\tpublic.r\ntable\tpublic.a\n", ["--enable-row-security"], 1, 1],
  ])("rights %j with %j: %d problems, %d open", (rows, extraArgs, problems, left) => {
    const answered = found(rows, extraArgs);
    expect([answered.problems.length, answered.warnings.length + answered.untried.length]).toEqual([
      problems,
      left,
    ]);
  });

  test.each([
    ["", [], 0],
    ["passwords\t1\n", [], 1],
    ["passwords\t1\n", ["--no-role-passwords"], 0],
    ["passwords\t1\ndatabase\tcrm\ndatabase\thr\n", [], 2],
  ])("rights to all databases %j with %j: %d problems", (rows, extraArgs, problems) => {
    const request = { ...base, title: "rights", change: { database: null, extraArgs } };
    expect(answer({ ...request, outcome: { stdout: `user\tjoe\n${rows}` } }).problems).toHaveLength(problems);
  });

  test("counts the large objects of others, with the advice of a run", () => {
    const words = "pg_dump: error: ERROR:  permission denied for large object 16501";
    const hint = postgres.hint(words) ?? "";
    expect(found("objects\t1\n").problems).toEqual([
      { message: "joe may not read 1 large object of other owners", hint },
    ]);
  });

  test("names a few of many", () => {
    const rows = [1, 2, 3, 4, 5, 6, 7].map((n) => `table\tt${n}\n`).join("");
    expect(found(rows).problems[0]?.message).toBe("joe may not read 7 tables (t1, t2, t3, t4, t5, …)");
  });

  test.each([
    [["--role=owner"], ['--command=SET ROLE "owner"']],
    [["--role", 'o"w'], ['--command=SET ROLE "o""w"']],
    [["--no-owner"], []],
  ])("reads the rights as pg_dump with %j does", (extraArgs, commands) => {
    const request = requestOf(base.uri, { extraArgs });
    const rights = postgres.questions(request, paths, { facts: {}, toolVersion: "" })[1];
    expect(rights?.command.args.filter((word) => word.includes("SET ROLE"))).toEqual(commands);
  });
});

describe("MySQL and MariaDB", () => {
  const base = { engine: mysql, uri: "mysql://joe@db/shop" };
  const connection = (server: string, client: string) =>
    answer({
      ...base,
      title: "connection",
      outcome: { stdout: `user\tjoe@%\nserver\t${server}\n` },
      known: { facts: { client } },
    });

  test.each([
    ["8.4.6", "oracle 8 4", "as 'joe'@'%', MySQL 8.4.6, database shop", 0],
    ["8.4.6", "oracle 9 7", "as 'joe'@'%', MySQL 8.4.6, database shop", 1],
    ["11.8.3-MariaDB-ubu2404", "oracle 8 4", "as 'joe'@'%', MariaDB 11.8.3, database shop", 0],
    ["10.11.1-MariaDB", "mariadb 12 0", "as 'joe'@'%', MariaDB 10.11.1, database shop", 1],
  ])("%s by %s", (server, client, text, warnings) => {
    const answered = connection(server, client);
    expect([answered.found, answered.warnings.length]).toEqual([text, warnings]);
  });

  const rights = (grants: string, rows = "", extraArgs: readonly string[] = []) =>
    answer({
      ...base,
      title: "rights",
      outcome: { stdout: `server\t8.4.6\nuser\tjoe@%\n${rows}${grants}` },
      change: { extraArgs },
    });
  const grant = (privileges: string): string => `GRANT ${privileges} ON \`shop\`.* TO \`joe\`@\`%\`\n`;

  test.each([
    ["ALL PRIVILEGES", "views\t3\n", [], 0, 0],
    ["SELECT, TRIGGER, EXECUTE, EVENT", "views\t0\nunreadable\t0\n", [], 0, 0],
    ["SELECT, TRIGGER, EXECUTE, EVENT", "views\t1\n", [], 1, 0],
    ["SELECT, TRIGGER, EXECUTE", "", [], 1, 0],
    ["SELECT, TRIGGER, EXECUTE", "", ["--skip-events"], 0, 0],
    ["SELECT, EVENT, EXECUTE", "", [], 0, 1],
    ["SELECT, TRIGGER, EXECUTE, EVENT", "unreadable\t2\n", [], 1, 0],
    ["SELECT, TRIGGER, EXECUTE, EVENT", "unreadable\t2\n", ["--skip-routines"], 0, 0],
  ])("%s and %j with %j: %d fail, %d are left out", (privileges, rows, extraArgs, problems, leftOut) => {
    const answered = rights(grant(privileges), rows, extraArgs);
    expect([answered.problems.length, answered.leftOut.length]).toEqual([problems, leftOut]);
    expect(answered.found === null).toBe(problems + leftOut > 0);
  });

  test("grants that nobody can read say nothing", () => {
    const { found, problems, untried } = rights("");
    expect([found, problems, texts(untried)]).toEqual([null, [], ["the grants can't be asked for"]]);
  });
});

describe("MongoDB", () => {
  const base = { engine: mongo, uri: "mongodb://joe@db/shop", title: "connection" };
  const head = "\u0002server_version\0\u0007\0\0\u00008.0.12\0";

  test.each<[Partial<ProbeOutcome>, string | null]>([
    [
      { stdout: head, stderr: "x\twriting shop.items to archive on stdout" },
      "as joe, MongoDB 8.0.12, database shop",
    ],
    [{ stdout: head, isEnough: true, exitCode: null }, "as joe, MongoDB 8.0.12, database shop"],
    [{ stderr: "x\tdone dumping shop.items (3 documents)" }, "as joe, database shop"],
    [{ stdout: head }, null],
    [{ exitCode: 1, stderr: "x\tFailed: auth error" }, null],
    [{ exitCode: null, isLate: true }, null],
  ])("%j: %p", (outcome, text) => {
    const answered = answer({ ...base, outcome });
    expect([answered.found, answered.problems.length]).toEqual([text, text === null ? 1 : 0]);
  });

  test.each([
    [{ stderr: "" }, "the user may read all databases", 0],
    [{ exitCode: 1, stderr: "Failed: not authorized on admin to execute command" }, null, 1],
    [{ exitCode: 1, stderr: "Failed: no reachable servers" }, "the user may read all databases", 0],
  ])("rights to all databases %j: %p", (outcome, text, leftOut) => {
    const asked = { ...base, title: "rights", uri: "mongodb://joe@db", change: { database: null } };
    const answered = answer({ ...asked, outcome });
    expect([answered.found, answered.leftOut.length]).toEqual([text, leftOut]);
  });

  test("is asked by a dump that is not compressed, whatever the mode", () => {
    const request = requestOf(base.uri, { mode: "directory", compression: { kind: "native" } });
    const [question] = mongo.questions(
      request,
      { ...paths, outputDir: "/out" },
      { facts: {}, toolVersion: "" },
    );
    expect(question?.command.args).toEqual([expect.stringMatching(/^--config=/), "--archive"]);
    expect(question?.enoughBytes).toBeGreaterThan(0);
  });
});

describe("Redis", () => {
  const base = { engine: redis, uri: "redis://db" };

  test.each([
    ["connection", "PONG\n", "as default, the server answers", 0, 0],
    ["connection", "NOAUTH Authentication required.\n", null, 1, 0],
    ["server", "# Server\r\nredis_version:7.2.4\r\n", "Redis 7.2.4", 0, 0],
    ["server", "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.1\r\n", "Valkey 8.1.1", 0, 0],
    ["server", "NOPERM no\n", null, 0, 1],
    ["rights", "OK\n", "the user may run SYNC, by which a backup is read", 0, 0],
    ["rights", "User default has no permissions to run the 'sync' command\n", null, 1, 0],
    ["rights", "NOPERM User x has no permissions to run the 'acl|dryrun' command\n", null, 0, 1],
    ["rights", "ERR unknown subcommand 'DRYRUN'. Try ACL HELP.\n", null, 0, 1],
  ])("%s %j", (title, stdout, found, problems, warnings) => {
    const answered = answer({ ...base, title, outcome: { stdout } });
    const left = answered.warnings.length + answered.untried.length;
    expect([answered.found, answered.problems.length, left, answered.untried.length]).toEqual([
      found,
      problems,
      warnings,
      title === "rights" ? warnings : 0,
    ]);
  });
});
