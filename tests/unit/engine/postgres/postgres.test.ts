import { describe, expect, test } from "bun:test";
import { connectionFromParts, parseUri } from "../../../../src/engine/connection.ts";
import type { DumpRequest } from "../../../../src/engine/engine.ts";
import { findConflicts } from "../../../../src/engine/flags.ts";
import { postgres } from "../../../../src/engine/postgres/postgres.ts";
import { Secret } from "../../../../src/config/secret.ts";
import { requestOf, streamPaths as stream } from "../dump-request.ts";

const uri = "postgresql://u:p@h/db";
const folder = { ...stream, outputDir: "/spool/out" };

const request = (text = uri, change: Partial<DumpRequest> = {}): DumpRequest => requestOf(text, change);

describe("the command", () => {
  test.each([
    ["stream", { kind: "none" }, ["--format=plain"]],
    ["stream", { kind: "native" }, ["--format=custom"]],
    ["stream", { kind: "zstd", level: 7 }, ["--format=plain"]],
    ["directory", { kind: "none" }, ["--format=directory", "--file=/spool/out", "--compress=0"]],
    ["directory", { kind: "native" }, ["--format=directory", "--file=/spool/out"]],
    ["directory", { kind: "gzip", level: null }, ["--format=directory", "--file=/spool/out"]],
    ["directory", { kind: "gzip", level: 3 }, ["--format=directory", "--file=/spool/out", "--compress=3"]],
    [
      "directory",
      { kind: "zstd", level: null },
      ["--format=directory", "--file=/spool/out", "--compress=zstd"],
    ],
    [
      "directory",
      { kind: "zstd", level: 9 },
      ["--format=directory", "--file=/spool/out", "--compress=zstd:9"],
    ],
    ["tar", { kind: "none" }, ["--format=directory", "--file=/spool/out", "--compress=0"]],
    ["tar", { kind: "zstd", level: 9 }, ["--format=directory", "--file=/spool/out", "--compress=0"]],
    ["tar", { kind: "native" }, ["--format=directory", "--file=/spool/out"]],
  ] as const)("of %s mode with compression %j", (mode, compression, format) => {
    const { tools, args } = postgres.dumpCommand(
      request(uri, { mode, compression, extraArgs: ["-j", "4"] }),
      mode === "stream" ? stream : folder,
    );
    expect(tools).toEqual(["pg_dump"]);
    expect(args.slice(0, -1)).toEqual(["--no-password", "--lock-wait-timeout=300000", ...format, "-j", "4"]);
  });

  test("of all databases is pg_dumpall's, by way of the URI's own database", () => {
    const { tools, args } = postgres.dumpCommand(
      request(uri, { database: null, extraArgs: ["--clean"] }),
      stream,
    );
    expect(tools).toEqual(["pg_dumpall"]);
    expect(args.slice(0, -1)).toEqual([
      "--no-password",
      "--lock-wait-timeout=300000",
      "--database=db",
      "--clean",
    ]);
    expect(args.at(-1)).not.toContain("dbname=db");
  });

  test("of all databases asks in the URI's own one beforehand, and looks by itself where that is postgres", () => {
    const all = request(uri, { database: null });
    const probe = postgres.nextProbe(all, stream, {});
    const answer = { exitCode: 2, isLate: false, isEnough: false, stdout: "", stderr: "", fileContent: null };
    expect(probe?.interpret({ ...answer, stderr: "FATAL:  no" }).problems).toMatchObject([
      { message: "the server can't be asked for its databases: FATAL:  no" },
    ]);
    for (const exitCode of [0, null]) expect(probe?.interpret({ ...answer, exitCode }).problems).toEqual([]);
    expect(postgres.nextProbe(all, stream, { reach: "true" })).toBeNull();
    expect(postgres.nextProbe(request(uri), stream, {})).toBeNull();
    const usual = request("postgresql://u@h/postgres", { database: null });
    expect(postgres.nextProbe(usual, stream, {})).toBeNull();
    expect(postgres.dumpCommand(usual, stream).args.join(" ")).not.toContain("--database");
  });

  test("of separate settings is the same as of a URI", () => {
    const connection = connectionFromParts({
      host: "h",
      port: 5433,
      user: "u",
      password: new Secret("p"),
      database: "db",
      authSource: null,
    });
    expect(postgres.dumpCommand(request(uri, { connection }), stream)).toEqual(
      postgres.dumpCommand(request("postgresql://u:p@h:5433/db"), stream),
    );
  });
});

describe("a folder", () => {
  test("is one command's, and needs its table of contents", () => {
    const wanted = request(uri, { mode: "directory" });
    const { steps, check } = postgres.folderPlan(wanted, folder);
    expect(steps).toEqual([{ command: postgres.dumpCommand(wanted, folder), stdoutFile: null }]);
    expect(check([{ path: "toc.dat", bytes: 1 }])).toEqual([]);
    expect(check([{ path: "3000.dat", bytes: 1 }])).toHaveLength(1);
    expect(check([{ path: "x/toc.dat", bytes: 1 }])).toHaveLength(1);
  });
});

describe("the review", () => {
  test.each([
    [{}, [], []],
    [{ database: null, mode: "directory" }, ["BACKUP_MODE=stream only"], []],
    [{ database: null, mode: "tar" }, ["BACKUP_MODE=stream only"], []],
    [{ database: null, compression: { kind: "native" } }, [], ["pg_dumpall can't compress"]],
    [
      { connection: parseUri("postgresql://h/db?schema=x&sslmode=require") },
      [],
      ["the backup holds the whole database"],
    ],
  ] as const)("of %j", (change, problems, warnings) => {
    const review = postgres.review(request(uri, change));
    expect(review.problems.map(({ message }) => message)).toEqual(
      problems.map((part) => expect.stringContaining(part)),
    );
    expect(review.warnings).toEqual(warnings.map((part) => expect.stringContaining(part)));
  });
});

describe("names and formats", () => {
  test.each([
    [{}, ".sql", "plain pg_dump"],
    [{ compression: { kind: "zstd", level: null } }, ".sql", "plain pg_dump"],
    [{ compression: { kind: "native" } }, ".dump", null],
    [{ database: null }, ".sql", "pg_dumpall"],
    [{ database: null, compression: { kind: "native" } }, ".sql", "pg_dumpall"],
    [{ mode: "directory" }, "", null],
    [{ mode: "tar" }, ".tar", null],
    [{ mode: "tar", extraArgs: ["-Fc"] }, ".tar", null],
    [{ extraArgs: ["-Fc"] }, ".dump", null],
    [{ extraArgs: ["-F", "c"] }, ".dump", null],
    [{ extraArgs: ["-vFc"] }, ".dump", null],
    [{ extraArgs: ["--format=custom"] }, ".dump", null],
    [{ extraArgs: ["--format", "custom"] }, ".dump", null],
    [{ extraArgs: ["--form=c"] }, ".dump", null],
    [{ extraArgs: ["-Ft"] }, ".tar", "tar"],
    [{ extraArgs: ["-Fc", "--format=plain"] }, ".sql", "plain pg_dump"],
    [{ extraArgs: ["-Fp"], compression: { kind: "native" } }, ".sql", "plain pg_dump"],
    [{ extraArgs: ["-Z6"] }, ".sql.gz", null],
    [{ extraArgs: ["--compress=zstd:3"] }, ".sql.zst", null],
    [{ extraArgs: ["-Z", "lz4"] }, ".sql.lz4", null],
    [{ extraArgs: ["-Z0"] }, ".sql", "plain pg_dump"],
    [{ extraArgs: ["-Z", "none"] }, ".sql", "plain pg_dump"],
    [{ extraArgs: ["-Fc", "-Z0"] }, ".dump", null],
    [{ extraArgs: ["-t", "Fc", "--file=x"] }, ".sql", "plain pg_dump"],
    [{ database: null, extraArgs: ["-Fc"] }, ".sql", "pg_dumpall"],
  ] as const)("of %j", (change, extension, format) => {
    const wanted = request(uri, change);
    expect(postgres.defaultExtension(wanted)).toBe(extension);
    expect(postgres.expectedFormat(wanted)?.title ?? null).toBe(format);
    const beginning = postgres.beginning(wanted)?.title ?? null;
    expect(beginning).toBe(extension === ".dump" ? "a custom-format dump" : null);
  });
});

describe("conflicting arguments", () => {
  test.each([
    ["-Fd", ["-Fd"]],
    ["-F d", ["-F d"]],
    ["-F directory", ["-F directory"]],
    ["--format=directory", ["--format=directory"]],
    ["--format directory", ["--format directory"]],
    ["--format d -j 4", ["--format d"]],
    ["-f out.sql", ["-f"]],
    ["-fout.sql", ["-fout.sql"]],
    ["--file=x --file y", ["--file=x", "--file"]],
    ["-Fc -F c --format=custom --format plain", []],
    ["-t directory --schema d --if-exists --no-owner", []],
  ])("%s", (words, found) => {
    expect(
      findConflicts(words.split(" "), postgres.conflictingFlags({ mode: "stream", database: "db" })).map(
        ({ flag }) => flag,
      ),
    ).toEqual(found);
  });

  test("are told with what comes of them", () => {
    const [folderForm, fileForm] = findConflicts(
      ["-Fd", "-fd"],
      postgres.conflictingFlags({ mode: "stream", database: "db" }),
    );
    expect(folderForm?.consequence).toContain("a folder and no stream");
    expect(fileForm?.consequence).toContain("to that file and no stream");
  });

  test.each([
    ["-Fc", ["-Fc"]],
    ["--format custom", ["--format custom"]],
    ["-Fd --format=directory -F d -j4", []],
  ])("in directory mode are the other formats: %s", (words, found) => {
    const conflicts = findConflicts(
      words.split(" "),
      postgres.conflictingFlags({ mode: "directory", database: "db" }),
    );
    expect(conflicts.map(({ flag }) => flag)).toEqual(found);
  });
});

describe("the hint", () => {
  test.each([
    ["pg_dump: error: aborting because of server version mismatch", "at least as new as the server"],
    ["fe_sendauth: no password supplied", "DB_PASSWORD"],
    ['could not translate host name "x" to address', "check the host"],
    ["permission denied for table pg_authid", "--no-role-passwords"],
    ['FATAL:  password authentication failed for user "backup"', "check the user and password"],
    ["ERROR:  permission denied for large object 16411", "lo_compat_privileges"],
    ['ERROR:  query would be affected by row-level security policy for table "t"', "BYPASSRLS"],
    ["ERROR:  permission denied for table orders", "GRANT pg_read_all_data"],
    ["ERROR:  permission denied for schema private", "GRANT pg_read_all_data"],
    ["canceling statement due to lock timeout", "stayed locked"],
    ['FATAL:  permission denied for database "rdsadmin"', "--exclude-database=rdsadmin"],
    ['FATAL:  permission denied for database "cloudsqladmin"', "--exclude-database=cloudsqladmin"],
    ['FATAL:  permission denied for database "shop"', "GRANT CONNECT"],
    ['invalid sslmode value: "no-verify"', "disable, allow, prefer"],
    ['FATAL:  database "nodb" does not exist', "check the name"],
    ['FATAL:  role "nobody" does not exist', "check the user"],
    [
      'connection to server at "h" (10.0.0.1), port 5432 failed: Connection refused',
      "check the host and port",
    ],
    [
      'connection to server on socket "/run/.s.PGSQL.5432" failed: No such file or directory',
      "without a host",
    ],
    ['connection to server at "h", port 5432 failed: timeout expired', "firewall"],
    ['FATAL:  no pg_hba.conf entry for host "h", user "u", database "d", no encryption', "sslmode=require"],
    ['FATAL:  no pg_hba.conf entry for host "h", user "u", database "d", SSL encryption', "pg_hba.conf"],
    ["server does not support SSL, but SSL was required", "sslmode=prefer"],
    [
      'private key file "/k" has group or world access; file must have permissions u=rw (0600) or less',
      "chmod 600",
    ],
    ['server certificate for "a" does not match host name "b"', "another name"],
    ["SSL error: certificate verify failed", "sslrootcert="],
    ['root certificate file "/root/.postgresql/root.crt" does not exist', "sslrootcert="],
    ['invalid connection option "sslnegotiation"', "newer client"],
    ['could not create directory "/x": Read-only file system', "BACKUP_TEMP_DIR"],
    ["FATAL:  remaining connection slots are reserved", "max_connections"],
    ["server closed the connection unexpectedly", "ended the connection"],
  ])("for %s", (words, advice) => {
    expect(postgres.hint(words)).toContain(advice);
  });

  test("is none where nothing is known", () => {
    expect(postgres.hint("pg_dump: something else")).toBeNull();
  });
});

test("PostgreSQL asks nothing before a dump of one database, and adds nothing to the stream", () => {
  expect(postgres.nextProbe(request(), stream, {})).toBeNull();
  expect(postgres.inspection(request(), stream, {})).toBeNull();
  expect(postgres.streamFilter("")).toBeNull();
  expect(postgres.announcedBytes("")).toBeNull();
  expect(postgres.judge("")).toEqual({ problems: [], warnings: [], leftOut: [] });
  expect(postgres.emptiness).toBeNull();
  expect(postgres.serverWritesFolder).toBe(false);
});
