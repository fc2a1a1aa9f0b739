import { describe, expect, test } from "bun:test";
import { Secret } from "../../../../src/config/secret.ts";
import { connectionFromParts } from "../../../../src/engine/connection.ts";
import type { DumpRequest, Facts } from "../../../../src/engine/engine.ts";
import { findConflicts } from "../../../../src/engine/flags.ts";
import { mariadb, mysql } from "../../../../src/engine/mysql/mysql.ts";
import { requestOf, streamPaths as paths } from "../dump-request.ts";
import { maria, oracle, uri } from "./parts.ts";

const oracle57: Facts = { client: "oracle 5 7" };

const base = "--single-transaction --quick --hex-blob --no-tablespaces --max-allowed-packet=1G";
const objects = "--default-character-set=utf8mb4 --routines --events --triggers";

const request = (text = uri, change: Partial<DumpRequest> = {}): DumpRequest => requestOf(text, change);

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

describe("the review", () => {
  test.each([
    [uri, {}, [], []],
    ["mysql://h1,h2/db", {}, ["several hosts"], []],
    ["mysql://u:a%0Ab@h/db", {}, ["a line break"], []],
    [`${uri}?ssl-mode=loud`, {}, ["no TLS mode"], []],
    [`${uri}?charset=utf8`, {}, [], []],
    [
      `${uri}?foo=1`,
      {},
      [],
      ["the parameter foo is unknown to the client programs of MySQL and MariaDB and is left out"],
    ],
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
    [{}, ".sql", "mysqldump"],
    [{ extraArgs: ["--xml"] }, ".xml", "mysqldump XML"],
    [{ extraArgs: ["-X"] }, ".xml", "mysqldump XML"],
    [{ extraArgs: ["-qX"] }, ".xml", "mysqldump XML"],
    [{ mode: "directory" }, "", null],
    [{ mode: "tar" }, ".tar", null],
    [{ mode: "tar", extraArgs: ["--xml"] }, ".tar", null],
  ] as const)("of %j", (change, extension, format) => {
    const wanted = request(uri, change);
    expect(mysql.defaultExtension(wanted)).toBe(extension);
    expect(mysql.expectedFormat(wanted)?.title ?? null).toBe(format);
  });
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
    [
      "Got error: 2059: Authentication plugin 'mysql_native_password' cannot be loaded: /usr/lib/mysql_native_password.so",
      "caching_sha2_password",
    ],
    ["Got error: 2059: Authentication plugin 'x' cannot be loaded", "another client"],
    ["SSL connection error: SSL is required but the server doesn't support it", "ssl-mode=PREFERRED"],
    ["ERROR 2026: CA certificate is required if ssl-mode is VERIFY_CA or VERIFY_IDENTITY", "ssl-ca="],
    [
      "Connections using insecure transport are prohibited while --require_secure_transport=ON.",
      "ssl-mode=REQUIRED",
    ],
    ["SSL certificate validation failure: hostname mismatch", "another name"],
    [
      "Got error: 1130: Host '10.0.0.1' is not allowed to connect to this MariaDB server",
      "from this address",
    ],
    ["Got error: 1040: Too many connections", "max_connections"],
    ["Couldn't execute 'FLUSH TABLES': Access denied; you need the RELOAD privilege (1227)", "that is named"],
    ["Can't create/write to file '/x' (Errcode: 30 \"Read-only file system\")", "BACKUP_TEMP_DIR"],
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
    expect(
      findConflicts(words.split(" "), mysql.conflictingFlags({ mode, database: "db" })).map(
        ({ flag }) => flag,
      ),
    ).toEqual([...found]);
  });
});
