import { describe, expect, test } from "bun:test";
import { Secret } from "../../src/config/secret.ts";
import { connectionFromParts } from "../../src/engine/connection.ts";
import type { DumpRequest, Facts, ProbeOutcome } from "../../src/engine/engine.ts";
import { findConflicts } from "../../src/engine/flags.ts";
import { parseClientVersion } from "../../src/engine/mysql/client.ts";
import { mariadb, mysql } from "../../src/engine/mysql/mysql.ts";
import { requestOf } from "./dump-request.ts";

const uri = "mysql://u:p@h/db";
const paths = { privateDir: "/private", outputDir: null };
const oracle: Facts = { client: "oracle 9 7" };
const oracle57: Facts = { client: "oracle 5 7" };
const maria: Facts = { client: "mariadb 11 8" };

const base = "--single-transaction --quick --hex-blob --no-tablespaces --max-allowed-packet=1G";
const objects = "--default-character-set=utf8mb4 --routines --events --triggers";

const request = (text = uri, change: Partial<DumpRequest> = {}): DumpRequest => requestOf(text, change);

function outcome(change: Partial<ProbeOutcome>): ProbeOutcome {
  return { exitCode: 0, stdout: "", stderr: "", fileContent: null, ...change };
}

describe("the command", () => {
  test("of Oracle's client", () => {
    const { tools, args } = mysql.dumpCommand(request(), paths, oracle);
    expect(tools).toEqual(["mysqldump", "mariadb-dump"]);
    expect(args.join(" ")).toBe(
      `--defaults-file=/private/mysqldump.cnf --protocol=tcp --host=h --user=u ${base} --set-gtid-purged=OFF --column-statistics=0 ${objects} db`,
    );
  });

  test("of MariaDB's client", () => {
    const { tools, args } = mariadb.dumpCommand(request(), paths, maria);
    expect(tools).toEqual(["mariadb-dump", "mysqldump"]);
    expect(args.join(" ")).toBe(
      `--defaults-file=/private/mysqldump.cnf --protocol=tcp --host=h --user=u ${base} --skip-add-locks ${objects} db`,
    );
  });

  test("leaves out what a client of 5.7 does not know", () => {
    const { args } = mysql.dumpCommand(request(), paths, oracle57);
    expect(args).toContain("--set-gtid-purged=OFF");
    expect(args).not.toContain("--column-statistics=0");
  });

  test("follows the client that is installed, not the engine's name", () => {
    expect(mysql.dumpCommand(request(), paths, maria).args).not.toContain("--set-gtid-purged=OFF");
    expect(mariadb.dumpCommand(request(), paths, oracle).args).toContain("--set-gtid-purged=OFF");
  });

  test("without facts is built for the engine's own client", () => {
    expect(mysql.dumpCommand(request(), paths).args).toContain("--set-gtid-purged=OFF");
    expect(mariadb.dumpCommand(request(), paths).args).not.toContain("--set-gtid-purged=OFF");
  });

  test.each([
    ["mysql://h:3307/db", "--protocol=tcp --host=h --port=3307"],
    ["mysql://localhost/db", "--protocol=tcp --host=localhost"],
    ["mysql://[::1]:3307/db", "--protocol=tcp --host=::1 --port=3307"],
    ["mysql://u@%2Frun%2Fm.sock/db", "--protocol=socket --socket=/run/m.sock --user=u"],
    ["mysql://h/db?socket=/run/m.sock", "--protocol=socket --socket=/run/m.sock"],
    ["mysql:///db", ""],
    ["mysql://-x@-h/db", "--protocol=tcp --host=-h --user=-x"],
  ])("reaches the server of %s", (text, expected) => {
    const { args } = mysql.dumpCommand(request(text), paths, maria);
    expect(args.slice(1, args.indexOf("--single-transaction")).join(" ")).toBe(expected);
  });

  test.each([
    ["db", [], "db"],
    ["my 'db\"", [], "my 'db\""],
    ["db", ["t1", "--where=id>1"], "db t1 --where=id>1"],
    ["-db", ["--skip-events"], "--skip-events -- -db"],
    [null, ["--skip-events"], "--all-databases --flush-privileges --skip-events"],
    [null, ["--users"], "--all-databases --users"],
  ] as const)("ends with what is dumped: %j with %j", (database, extraArgs, expected) => {
    const { args } = mysql.dumpCommand(request(uri, { database, extraArgs }), paths, maria);
    expect(args.slice(args.indexOf("--triggers") + 1).join(" ")).toBe(expected);
  });
});

describe("the password", () => {
  test.each([
    ["plain", 'password="plain"'],
    ["a#b;c d ", 'password="a#b;c d "'],
    ['"quoted"', 'password="\\"quoted\\""'],
    ["back\\slash\\n", 'password="back\\\\slash\\\\n"'],
    ["it's $(x) %s", 'password="it\'s $(x) %s"'],
  ])("%s stands in a private option file alone", (password, expected) => {
    const connection = connectionFromParts({
      host: "h",
      port: null,
      user: "u",
      password: new Secret(password),
      database: "db",
      authSource: null,
    });
    const { args, env, files } = mysql.dumpCommand(request(uri, { connection }), paths, oracle);
    expect(files.map(({ path, content }) => [path, content.reveal()])).toEqual([
      ["/private/mysqldump.cnf", `[client]\n${expected}\n`],
    ]);
    expect(args[0]).toBe("--defaults-file=/private/mysqldump.cnf");
    expect(args.join(" ") + JSON.stringify(env)).not.toContain(password);
  });

  test("that is not set leaves an empty option file, which keeps the machine's own out", () => {
    const { files, env } = mysql.dumpCommand(request("mysql://u@h/db"), paths, oracle);
    expect(files.map(({ content }) => content.reveal())).toEqual(["[client]\n"]);
    expect(env).toEqual({ MYSQL_TEST_LOGIN_FILE: "/dev/null" });
  });
});

describe("TLS", () => {
  test.each([
    ["", "", ""],
    ["?ssl-mode=DISABLED", "--ssl-mode=DISABLED", "--skip-ssl"],
    ["?sslMode=preferred", "--ssl-mode=PREFERRED", "--ssl --skip-ssl-verify-server-cert"],
    ["?ssl_mode=required", "--ssl-mode=REQUIRED", "--ssl --skip-ssl-verify-server-cert"],
    ["?sslmode=require", "--ssl-mode=REQUIRED", "--ssl --skip-ssl-verify-server-cert"],
    [
      "?ssl-mode=VERIFY_CA&ssl-ca=/ca",
      "--ssl-mode=VERIFY_CA --ssl-ca=/ca",
      "--ssl --ssl-verify-server-cert --ssl-ca=/ca",
    ],
    ["?sslmode=verify-full", "--ssl-mode=VERIFY_IDENTITY", "--ssl --ssl-verify-server-cert"],
    ["?ssl_ca=/ca", "--ssl-mode=VERIFY_CA --ssl-ca=/ca", "--ssl --ssl-verify-server-cert --ssl-ca=/ca"],
    ["?ssl-cert=/c&ssl-key=/k", "--ssl-cert=/c --ssl-key=/k", "--ssl-cert=/c --ssl-key=/k"],
    ["?tls=skip-verify", "--ssl-mode=REQUIRED", "--ssl --skip-ssl-verify-server-cert"],
    ["?tls=true", "--ssl-mode=VERIFY_IDENTITY", "--ssl --ssl-verify-server-cert"],
    ["?useSSL=true&verifyServerCertificate=true", "--ssl-mode=VERIFY_CA", "--ssl --ssl-verify-server-cert"],
    [
      "?useSSL=true&verifyServerCertificate=false",
      "--ssl-mode=REQUIRED",
      "--ssl --skip-ssl-verify-server-cert",
    ],
    ["?useSSL=false", "--ssl-mode=DISABLED", "--skip-ssl"],
    ["?allowPublicKeyRetrieval=true", "--get-server-public-key", ""],
    ["?charset=utf8mb4&parseTime=true", "", ""],
  ])("of %s", (query, oracleArgs, mariadbArgs) => {
    const wanted = request(`mysql://h/db${query}`);
    const tls = (facts: Facts) => {
      const { args } = mysql.dumpCommand(wanted, paths, facts);
      return args.slice(3, args.indexOf("--single-transaction")).join(" ");
    };
    expect(tls(oracle)).toBe(oracleArgs);
    expect(tls(maria)).toBe(mariadbArgs);
  });

  test("that must be is asked for first where MariaDB's client would go on without", () => {
    const probe = mariadb.nextProbe(request(`${uri}?ssl-mode=REQUIRED`), paths, maria);
    expect(probe?.command.args.at(-3)).toContain("Ssl_cipher");
    expect(probe?.interpret(outcome({ stdout: "Ssl_cipher\tTLS_AES_128_GCM_SHA256\n" }))).toEqual({
      problems: [],
      warnings: [],
      facts: { tls: "true" },
    });
    const problem = (change: Partial<ProbeOutcome>) => probe?.interpret(outcome(change)).problems[0]?.message;
    expect(problem({ stdout: "Ssl_cipher\t\n" })).toContain("the server offers none");
    expect(problem({ exitCode: 1, stderr: "ERROR 1045 (28000): Access denied\n" })).toContain(
      "Access denied",
    );
    expect(problem({ exitCode: null })).toContain("no answer");
  });

  test.each([
    [uri, maria],
    [`${uri}?ssl-mode=PREFERRED`, maria],
    [`${uri}?ssl-mode=VERIFY_CA`, maria],
    [`${uri}?ssl-mode=REQUIRED`, oracle],
    [`${uri}?ssl-mode=REQUIRED`, { ...maria, tls: "true" }],
  ])("needs no question for %s with %j", (text, facts) => {
    expect(mariadb.nextProbe(request(text), paths, facts)).toBeNull();
  });
});

describe("the client's version", () => {
  test.each([
    ["mysqldump  Ver 9.7.4-2 for Linux on x86_64 ((Debian))", "oracle", 9, 7],
    ["mysqldump  Ver 8.0.36 for Linux on x86_64 (MySQL Community Server - GPL)", "oracle", 8, 0],
    ["mysqldump  Ver 10.13 Distrib 5.7.44, for Linux (x86_64)", "oracle", 5, 7],
    ["mysqldump  Ver 10.19 Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)", "mariadb", 10, 11],
    ["mariadb-dump from 11.8.9-MariaDB, client 10.19 for debian-linux-gnu (x86_64)", "mariadb", 11, 8],
  ])("%s", (line, flavour, major, minor) => {
    expect(parseClientVersion(line)).toEqual({ flavour, major, minor } as ReturnType<
      typeof parseClientVersion
    >);
  });

  test("is the first thing asked, and once", () => {
    const probe = mariadb.nextProbe(request(), paths, {});
    expect(probe?.command).toEqual({
      tools: ["mariadb-dump", "mysqldump"],
      args: ["--version"],
      env: {},
      files: [],
    });
    const finding = probe?.interpret(outcome({ stdout: "mysqldump  Ver 9.7.4 for Linux" }));
    expect(finding).toEqual({ problems: [], warnings: [], facts: { client: "oracle 9 7" } });
    expect(mariadb.nextProbe(request(), paths, finding?.facts ?? {})).toBeNull();
  });

  test.each([
    [mysql, "oracle 8 4"],
    [mariadb, "mariadb 11 8"],
  ])("is the engine's own where the tool gives none (%#)", (engine, expected) => {
    const finding = engine.nextProbe(request(), paths, {})?.interpret(outcome({ exitCode: null }));
    expect(finding?.facts).toEqual({ client: expected });
  });
});

describe("the review", () => {
  test.each([
    [uri, {}, [], []],
    ["mysql://h1,h2/db", {}, ["several hosts"], []],
    ["mysql://u:a%0Ab@h/db", {}, ["a line break"], []],
    [`${uri}?ssl-mode=loud`, {}, ["no TLS mode"], []],
    [`${uri}?charset=utf8`, {}, [], ["the parameter charset means nothing"]],
    [uri, { database: null, mode: "directory" }, ["BACKUP_MODE=stream only"], []],
    [uri, { database: null, mode: "tar" }, ["BACKUP_MODE=stream only"], []],
    [uri, { compression: { kind: "native" } }, [], []],
    [uri, { mode: "directory", compression: { kind: "zstd", level: null } }, ["BACKUP_MODE=directory"], []],
    [uri, { mode: "tar", compression: { kind: "zstd", level: null } }, [], []],
  ] as const)("of %s with %j", (text, change, problems, warnings) => {
    const review = mysql.review(request(text, change));
    expect(review.problems.map(({ message }) => message)).toEqual(
      problems.map((part) => expect.stringContaining(part)),
    );
    expect(review.warnings).toEqual(warnings.map((part) => expect.stringContaining(part)));
  });
});

describe("names and formats", () => {
  test.each([
    ["stream", ".sql", "mysqldump"],
    ["directory", "", null],
    ["tar", ".tar", null],
  ] as const)("of %s mode", (mode, extension, format) => {
    const wanted = request(uri, { mode });
    expect(mysql.defaultExtension(wanted)).toBe(extension);
    expect(mysql.expectedFormat(wanted)?.title ?? null).toBe(format);
  });
});

test("what the tool went on without is told, its other words are not", () => {
  const refused =
    "mysqldump: Error: 'SELECT command denied to user 'u'@'h'' when trying to dump masking policies";
  const stderr = `Warning: A partial dump\n${refused}\nmysqldump: [Warning] something\n`;
  const { problems, warnings } = mysql.judge(stderr);
  expect(problems).toEqual([]);
  expect(warnings).toEqual([
    expect.stringContaining(`left out: ${refused}: GRANT SELECT ON performance_schema.* `),
  ]);
});

describe("the hint", () => {
  test.each([
    [
      "mysqldump: Got error: 1045: Access denied for user 'u'@'h' (using password: YES) when trying to connect",
      "check the user and password",
    ],
    ["mysqldump: Got error: 1049: Unknown database 'nodb' when selecting the database", "check the name"],
    [
      'Got error: 2026: "TLS/SSL error: SSL is required, but the server does not support it"',
      "ssl-mode=PREFERRED",
    ],
    ['Got error: 2026: "TLS/SSL error: self-signed certificate in certificate chain"', "ssl-ca="],
    [
      "Authentication plugin 'caching_sha2_password' reported error: Authentication requires secure connection.",
      "ssl-mode=REQUIRED",
    ],
    ["Couldn't execute 'show events': Access denied for user 'u'@'%' to database 'db' (1044)", "EVENT"],
    ["u@h has insufficient privileges to SHOW CREATE FUNCTION `f`!", "SHOW_ROUTINE"],
    [
      "Couldn't execute 'SHOW CREATE TABLE `v`': SHOW VIEW command denied to user 'u'@'h' (1142)",
      "SHOW VIEW",
    ],
    ["Error: 1356: View 'db.v' references invalid table(s)", "view"],
    [
      "Error 1412: Table definition has changed, please retry transaction when dumping table",
      "altered or truncated",
    ],
    [
      "Error 2013: Lost connection to server during query when dumping table `t` at row: 396556",
      "ended the connection",
    ],
    ["Unknown table 'COLUMN_STATISTICS' in information_schema (1109)", "--column-statistics=0"],
    ["Got error: 2005: Unknown server host 'nohost' (-2) when trying to connect", "check the host"],
  ])("for %s", (words, advice) => {
    expect(mysql.hint(words)).toContain(advice);
  });

  test("does not take a row's number for an error's", () => {
    expect(mysql.hint("something odd when dumping table `t` at row: 1356, port 2013")).toBeNull();
  });
});

describe("conflicting arguments", () => {
  test.each([
    ["stream", "--tab=/x --tab /y -T /z", ["--tab=/x", "--tab", "-T"]],
    ["stream", "-r out.sql --result-file=x", ["-r", "--result-file=x"]],
    ["stream", "--where=a --routines -t --ignore-table=db.t", []],
    ["directory", "--tab=/x", ["--tab=/x"]],
    ["directory", "--fields-terminated-by=,", []],
  ] as const)("in %s mode: %s", (mode, words, found) => {
    expect(findConflicts(words.split(" "), mysql.conflictingFlags(mode)).map(({ flag }) => flag)).toEqual([
      ...found,
    ]);
  });
});
