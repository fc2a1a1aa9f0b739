import { describe, expect, test } from "bun:test";
import { connectionFromParts, parseUri } from "../../src/engine/connection.ts";
import type { DumpRequest } from "../../src/engine/engine.ts";
import { findConflicts } from "../../src/engine/flags.ts";
import { postgres } from "../../src/engine/postgres/postgres.ts";
import { Secret } from "../../src/config/secret.ts";
import { requestOf } from "./dump-request.ts";

const uri = "postgresql://u:p@h/db";
const stream = { privateDir: "/private", outputDir: null };
const folder = { privateDir: "/private", outputDir: "/spool/out" };

const request = (text = uri, change: Partial<DumpRequest> = {}): DumpRequest => requestOf(text, change);

/** The conninfo string of the command, without the parameters that are always there. */
function conninfo(text: string): string {
  const last = postgres.dumpCommand(request(text), stream).args.at(-1) ?? "";
  return last
    .replace(/^--dbname=/, "")
    .replace(/ (connect_timeout=30|keepalives_idle=60|fallback_application_name=dbstash)/g, "");
}

describe("the connection string", () => {
  test.each([
    ["postgresql://u:p@h/db", "host=h user=u dbname=db"],
    ["postgresql://h:5433/db", "host=h port=5433 dbname=db"],
    ["postgresql://u@h1:1,h2/db", "host=h1,h2 port=1, user=u dbname=db"],
    ["postgresql://[::1]:5433/db", "host=::1 port=5433 dbname=db"],
    ["postgresql://%2Frun%2Fpg/db", "host=/run/pg dbname=db"],
    ["postgresql:///db?host=/run/pg", "host=/run/pg dbname=db"],
    ["postgresql:///db?port=5433", "port=5433 dbname=db"],
    ["postgresql://h/my%20db", "host=h dbname='my db'"],
    ["postgresql://h/it's%5C", "host=h dbname='it\\'s\\\\'"],
    ["postgresql://it%27s%20u@h/db", "host=h user='it\\'s u' dbname=db"],
    [
      "postgresql://h/db?sslmode=verify-full&sslrootcert=/ca.pem",
      "host=h dbname=db sslmode=verify-full sslrootcert=/ca.pem",
    ],
    ["postgresql://h/db?ssl=true", "host=h dbname=db sslmode=require"],
    ["postgresql://h/db?schema=public&pgbouncer=true", "host=h dbname=db"],
    ["postgresql://h/-x", "host=h dbname=-x"],
    ["postgresql://h/a=b", "host=h dbname='a=b'"],
  ])("of %s", (text, expected) => {
    expect(conninfo(text)).toBe(expected);
  });

  test("gives way to the URI's own time limits", () => {
    const [last] = postgres
      .dumpCommand(request("postgresql://h/db?connect_timeout=3"), stream)
      .args.slice(-1);
    expect(last).toContain("connect_timeout=3 ");
    expect(last).not.toContain("connect_timeout=30");
  });
});

describe("secrets", () => {
  test("travel in the environment", () => {
    const { args, env, files } = postgres.dumpCommand(request("postgresql://u:p%40%27s@h/db"), stream);
    expect(env).toEqual({ PGPASSWORD: "p@'s" });
    expect(files).toEqual([]);
    expect(args.join(" ")).not.toContain("p@'s");
  });

  test("of a client key travel in a private service file", () => {
    const { args, env, files } = postgres.dumpCommand(request("postgresql://h/db?sslpassword=k3y"), stream);
    expect(env).toEqual({ PGSERVICEFILE: "/private/pg_service.conf" });
    expect(files.map(({ path, content }) => [path, content.reveal()])).toEqual([
      ["/private/pg_service.conf", "[dbstash]\nsslpassword=k3y\n"],
    ]);
    expect(args.join(" ")).not.toContain("k3y");
    expect(args.at(-1)).toStartWith("--dbname=service=dbstash ");
  });

  test("that are not set ask for nothing", () => {
    expect(postgres.dumpCommand(request("postgresql://u@h/db"), stream).env).toEqual({});
  });
});

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
      ["the parameter schema is unknown"],
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
  ] as const)("of %j", (change, extension, format) => {
    const wanted = request(uri, change);
    expect(postgres.defaultExtension(wanted)).toBe(extension);
    expect(postgres.expectedFormat(wanted)?.title ?? null).toBe(format);
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
      findConflicts(words.split(" "), postgres.conflictingFlags("stream")).map(({ flag }) => flag),
    ).toEqual(found);
  });

  test("are told with what comes of them", () => {
    const [folderForm, fileForm] = findConflicts(["-Fd", "-fd"], postgres.conflictingFlags("stream"));
    expect(folderForm?.consequence).toContain("a folder and no stream");
    expect(fileForm?.consequence).toContain("to that file and no stream");
  });

  test.each([
    ["-Fc", ["-Fc"]],
    ["--format custom", ["--format custom"]],
    ["-Fd --format=directory -F d -j4", []],
  ])("in directory mode are the other formats: %s", (words, found) => {
    const conflicts = findConflicts(words.split(" "), postgres.conflictingFlags("directory"));
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
  ])("for %s", (words, advice) => {
    expect(postgres.hint(words)).toContain(advice);
  });

  test("is none where nothing is known", () => {
    expect(postgres.hint("pg_dump: something else")).toBeNull();
  });
});

test("a client key's password that a service file can't hold is refused", () => {
  const problems = (query: string) => postgres.review(request(`postgresql://u@h/db?${query}`)).problems;
  expect(problems("sslpassword=a%20b")).toEqual([]);
  for (const password of ["ab%20", "%09ab", "a%0Ab"])
    expect(problems(`sslpassword=${password}`).map(({ message }) => message)).toEqual([
      expect.stringContaining("a service file of libpq's can't hold"),
    ]);
});

test("PostgreSQL asks nothing before a dump, and adds nothing to the stream", () => {
  expect(postgres.nextProbe(request(), stream, {})).toBeNull();
  expect(postgres.inspection(request(), stream, {})).toBeNull();
  expect(postgres.streamFilter("")).toBeNull();
  expect(postgres.announcedBytes("")).toBeNull();
  expect(postgres.judge("")).toEqual({ problems: [], warnings: [] });
  expect(
    postgres.judge("pg_dump: last built-in OID is 16383\npg_dump: warning: left out\n").warnings,
  ).toEqual(["pg_dump: left out"]);
  expect(postgres.emptiness).toBeNull();
  expect(postgres.serverWritesFolder).toBe(false);
});
