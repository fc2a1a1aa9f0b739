import { describe, expect, test } from "bun:test";
import type { DatabaseList, Engine, Facts, ProbeOutcome } from "../../../src/engine/engine.ts";
import { mongo } from "../../../src/engine/mongo/mongo.ts";
import { mariadb, mysql } from "../../../src/engine/mysql/mysql.ts";
import { postgres } from "../../../src/engine/postgres/postgres.ts";
import { redis } from "../../../src/engine/redis.ts";
import { outcomeOf, requestOf, streamPaths as paths } from "./dump-request.ts";

function question(engine: Engine, uri: string, facts: Facts = {}) {
  const asked = engine.databases(requestOf(uri), paths, facts);
  if (asked === null) throw new Error(`${engine.name} asks nothing`);
  return asked;
}

/** What an inquiry makes of an outcome; the last one by default. */
function answer(engine: Engine, uri: string, outcome: Partial<ProbeOutcome>, at = -1): DatabaseList | null {
  const inquiry = question(engine, uri).inquiries.at(at);
  if (inquiry === undefined) throw new Error("no such inquiry");
  return inquiry.interpret(outcomeOf(outcome));
}

const names = (list: DatabaseList | null, isApart = false): string[] =>
  (list?.databases ?? []).filter((each) => each.isApart === isApart).map(({ name }) => name);

test.each<[Engine, string]>([
  [postgres, "postgres://joe:hunter2@db/shop"],
  [mysql, "mysql://joe:hunter2@db/shop"],
  [mariadb, "mariadb://joe:hunter2@db/shop"],
  [mongo, "mongodb://joe:hunter2@db/shop"],
])("the question is a command without secrets in its arguments", (engine, uri) => {
  for (const { command } of question(engine, uri).inquiries)
    expect(command.args.join(" ")).not.toContain("hunter2");
});

test("Redis has no databases that one could ask for", () => {
  expect(redis.databases(requestOf("redis://db"), paths, {})).toBeNull();
});

describe("PostgreSQL", () => {
  const uri = "postgres://joe@db/shop";
  const row = (name: string, change: object = {}) =>
    JSON.stringify({ name, template: false, open: true, connect: true, user: "joe", ...change });
  const told = (...rows: readonly string[]) => answer(postgres, uri, { stdout: `${rows.join("\n")}\n` });

  test("is asked in the URI's database, else where pg_dumpall looks for them", () => {
    const asked = (text: string) =>
      question(postgres, text).inquiries.map(
        ({ command }) => /dbname=(\S+)/.exec(command.args.at(-1)?.replace("--dbname=", "") ?? "")?.[1],
      );
    expect(asked(uri)).toEqual(["shop"]);
    expect(asked("postgres://joe@db")).toEqual(["postgres", "template1"]);
  });

  test.each<[number, Partial<ProbeOutcome>, "next" | "problem"]>([
    [0, { exitCode: 2, stderr: 'FATAL:  database "postgres" does not exist' }, "next"],
    [0, { exitCode: 2, stderr: "FATAL:  Datenbank »postgres« existiert nicht" }, "next"],
    [0, { exitCode: 2, stderr: 'FATAL:  password authentication failed for user "joe"' }, "problem"],
    [0, { exitCode: null, isLate: true, stderr: "postgres" }, "problem"],
    [1, { exitCode: 2, stderr: 'FATAL:  database "template1" does not exist' }, "problem"],
  ])("in inquiry %i %j leads to the %s", (at, outcome, kind) => {
    const list = answer(postgres, "postgres://joe@db", outcome, at);
    expect(list === null ? "next" : list.problems.length === 1 ? "problem" : "well").toBe(kind);
  });

  test("names every database, and sets apart what is the server's or its provider's", () => {
    const odd = 'a"b\\c\n\td 日本 %@!*';
    const list = told(row("shop"), row(odd), row("template1", { template: true }), row("rdsadmin"));
    expect(names(list)).toEqual(["shop", odd]);
    expect(names(list, true)).toEqual(["template1", "rdsadmin"]);
    expect(list?.problems).toEqual([]);
  });

  test.each<[object, boolean, RegExp | null]>([
    [{}, false, null],
    [{ connect: false }, false, /^joe may not connect to this database$/],
    [{ open: false, connect: false }, true, /lets nobody connect/],
    [{ template: true }, true, null],
  ])("of one that is %j it tells what keeps it from a backup", (change, isApart, problem) => {
    const [database] = told(row('my "shop"', change))?.databases ?? [];
    expect(database?.isApart).toBe(isApart);
    if (problem === null) expect(database?.problem).toBeNull();
    else expect(database?.problem?.message).toMatch(problem);
    if (problem?.source.startsWith("^joe") === true)
      expect(database?.problem?.hint).toContain('GRANT CONNECT ON DATABASE "my ""shop""" TO "joe"');
  });

  test("learns whether the passwords of roles can be read, by which @globals is dumped", () => {
    const request = requestOf("postgres://joe@db", { database: null, isGlobals: true });
    for (const passwords of [true, false]) {
      const list = told(row("shop"), JSON.stringify({ passwords }));
      expect(list?.leftOutOfGlobals).toHaveLength(passwords ? 0 : 1);
      const { tools, args } = postgres.dumpCommand(request, paths, list?.facts ?? {});
      expect(tools).toEqual(["pg_dumpall"]);
      expect(args).toContain("--globals-only");
      expect(args.includes("--no-role-passwords")).toBe(!passwords);
    }
  });

  test.each([{ exitCode: 2, stderr: "x" }, { stdout: '{"name":"sho' }])("%j is no answer", (outcome) => {
    expect(answer(postgres, uri, outcome)?.problems[0]?.message).toStartWith(
      "the server can't be asked for its databases",
    );
  });
});

describe.each([mysql, mariadb])("$title", (engine) => {
  const uri = "mysql://joe@db";
  const hex = (name: string) => Buffer.from(name).toString("hex").toUpperCase();
  const told = (databases: readonly string[], grants: string) =>
    answer(engine, uri, {
      exitCode: 1,
      stdout: `user\tjoe@%\n${databases.map((name) => `database\t${hex(name)}\n`).join("")}all\ttold\n${grants}\n`,
    });
  const all = "GRANT ALL PRIVILEGES ON *.* TO `joe`@`%`";

  test("is asked for names in hexadecimal digits, and for no database of its own", () => {
    const odd = "a`b\\c\n\td Ünïcode %@!*";
    const list = told(
      ["information_schema", odd, "mysql", "performance_schema", "Shop", "sys", "#mysql50#lost+found"],
      all,
    );
    expect(names(list)).toEqual([odd, "Shop"]);
    expect(names(list, true)).toEqual(["mysql"]);
    expect(list).toMatchObject({ problems: [], leftOut: [] });
  });

  test.each<[string, boolean]>([
    [all, true],
    ["GRANT SHOW DATABASES ON *.* TO `joe`@`%`", true],
    ["GRANT SELECT, LOCK TABLES ON *.* TO `joe`@`%`", true],
    ["GRANT USAGE ON *.* TO `joe`@`%`\nGRANT ALL PRIVILEGES ON `shop`.* TO `joe`@`%`", false],
    ["GRANT RELOAD, PROCESS ON *.* TO `joe`@`%`\nGRANT SELECT ON `shop`.* TO `joe`@`%`", false],
    ["", true],
  ])("with %s it sees all: %p", (grants, seesAll) => {
    const list = told(["shop"], grants);
    expect(list?.leftOut).toHaveLength(seesAll ? 0 : 1);
    if (!seesAll) expect(list?.leftOut[0]).toContain("GRANT SHOW DATABASES ON *.* TO 'joe'@'%'");
  });

  test("that breaks off before all were told is no answer", () => {
    const list = answer(engine, uri, {
      exitCode: 1,
      stdout: `database\t${hex("shop")}\n`,
      stderr: "ERROR 2013",
    });
    expect(list?.databases).toEqual([]);
    expect(list?.problems[0]?.message).toBe("the server can't be asked for its databases: ERROR 2013");
  });
});

describe("MongoDB", () => {
  const uri = "mongodb://joe@db/shop";
  const text = (key: string, value: string): Buffer => {
    const bytes = Buffer.from(`${value}\0`);
    const length = Buffer.alloc(4);
    length.writeInt32LE(bytes.length);
    return Buffer.concat([Buffer.from(`\x02${key}\0`), length, bytes]);
  };
  const document = (...fields: readonly Buffer[]): Buffer => {
    const body = Buffer.concat([...fields, Buffer.from([0])]);
    const length = Buffer.alloc(4);
    length.writeInt32LE(body.length + 4);
    return Buffer.concat([length, body]);
  };
  const magic = Buffer.from([0x6d, 0xe2, 0x99, 0x81]);
  const end = Buffer.from([0xff, 0xff, 0xff, 0xff]);
  const collection = (database: string, name: string) =>
    document(
      text("db", database),
      text("collection", name),
      text("metadata", "{}"),
      Buffer.from("\x12size\0\xff\xff\xff\xff\0\0\0\0", "latin1"),
    );
  const prelude = (...collections: readonly Buffer[]) =>
    Buffer.concat([magic, document(text("version", "0.1")), ...collections]);
  const told = (bytes: Buffer, change: Partial<ProbeOutcome> = {}, at = -1) =>
    answer(mongo, uri, { stdout: bytes.toString("latin1"), ...change }, at);

  test("tells its databases in the prelude of a dump of everything", () => {
    const [{ command, isBinary } = { command: null, isBinary: false }] = question(mongo, uri).inquiries;
    expect(command?.args).toContain("--archive");
    expect(isBinary).toBe(true);
    const bytes = prelude(
      collection("shop", "a"),
      collection("shop", "b"),
      collection("größe & co", "a"),
      collection("config", "x"),
      collection("admin", "u"),
    );
    const list = told(Buffer.concat([bytes, end, Buffer.from("what follows")]), {
      isEnough: true,
      exitCode: 143,
    });
    expect(names(list)).toEqual(["admin", "größe & co", "shop"]);
    expect(names(list, true)).toEqual(["config"]);
  });

  test.each<[string, Buffer, Partial<ProbeOutcome>, number, string]>([
    ["an empty server's", Buffer.concat([prelude(), end]), {}, 0, "well"],
    ["one that is longer than was read", prelude(collection("shop", "a")), { isEnough: true }, 0, "next"],
    [
      "one that never ends",
      prelude(collection("shop", "a")),
      { isEnough: true },
      2,
      "the server has more collections than can be listed",
    ],
    [
      "a cut one",
      prelude(collection("shop", "a")).subarray(0, -3),
      {},
      0,
      "the server can't be asked for its databases",
    ],
    [
      "none",
      Buffer.alloc(0),
      { exitCode: 1, stderr: "no reachable servers" },
      0,
      "the server can't be asked for its databases: no reachable servers",
    ],
    ["another format's", Buffer.from("-- SQL"), {}, 0, "the server can't be asked for its databases"],
  ])("of %s prelude comes what it is", (_, bytes, change, at, expected) => {
    const list = told(bytes, change, at);
    expect(list === null ? "next" : (list.problems[0]?.message ?? "well")).toBe(expected);
  });

  test("asks by itself whether the user sees all of them", () => {
    const { sight } = question(mongo, uri);
    const refused = { exitCode: 1, stderr: "not authorized on admin to execute command" };
    expect(sight?.interpret(outcomeOf(refused)).leftOut).toHaveLength(1);
    expect(sight?.interpret(outcomeOf({})).leftOut).toEqual([]);
  });
});
