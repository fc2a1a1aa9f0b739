import { describe, expect, test } from "bun:test";
import { Secret } from "../../../../src/config/secret.ts";
import { connectionFromParts } from "../../../../src/engine/connection.ts";
import type { DumpRequest } from "../../../../src/engine/engine.ts";
import { findConflicts } from "../../../../src/engine/flags.ts";
import { mongo } from "../../../../src/engine/mongo/mongo.ts";
import { outcomeOf, requestOf as request, streamPaths as stream } from "../dump-request.ts";

const folder = { ...stream, outputDir: "/spool/out" };

/** The URI that mongodump is given, out of its private file. */
function givenUri(wanted: DumpRequest): string {
  const [file] = mongo.dumpCommand(wanted, stream).files;
  return (JSON.parse(file?.content.reveal() ?? "{}") as { uri: string }).uri;
}

describe("the URI given to mongodump", () => {
  test.each([
    ["mongodb://h/app", "mongodb://h/app"],
    [
      "mongodb://u:p@h1:27017,h2:27018,h3/app?replicaSet=rs0&tls=true",
      "mongodb://u:p@h1:27017,h2:27018,h3/app?replicaSet=rs0&tls=true",
    ],
    ["mongodb+srv://u:p@cluster.example.net/app?w=majority", "mongodb+srv://u:p@cluster.example.net/app"],
    ["mongodb://[::1]:27017/app", "mongodb://[::1]:27017/app"],
    ["mongodb://%2Ftmp%2Fmongodb-27017.sock/app", "mongodb://%2Ftmp%2Fmongodb-27017.sock/app"],
    ["mongodb://u:p/w@h/app", "mongodb://u:p%2Fw@h/app"],
    ["mongodb://u:p@ss@h/app", "mongodb://u:p%40ss@h/app"],
    ["mongodb://u%40x:p%25@h/app", "mongodb://u%40x:p%25@h/app"],
    ["mongodb://u@h/app?authMechanism=MONGODB-X509", "mongodb://u@h/app?authMechanism=MONGODB-X509"],
    ["mongodb://u:p@h/my%20db", "mongodb://u:p@h/my%20db"],
    ["mongodb://u:p@h/übung", "mongodb://u:p@h/%C3%BCbung"],
    ["mongodb://u:p@h/app?replicaSet=@ä@&x=a+b", "mongodb://u:p@h/app?replicaSet=%40%C3%A4%40"],
    ["mongodb://h/app?serverSelectionTimeoutMS=3000&replicaSet=a", "mongodb://h/app?replicaSet=a"],
    ["mongodb://h/app?SERVERSELECTIONTIMEOUTMS=3000", "mongodb://h/app"],
  ])("for %s", (uri, expected) => {
    expect(givenUri(request(uri))).toBe(expected);
  });

  test.each([
    ["mongodb://u:p@h/app", "mongodb://u:p@h/?authSource=app"],
    [
      "mongodb://u:p@h/app?authMechanism=SCRAM-SHA-256",
      "mongodb://u:p@h/?authMechanism=SCRAM-SHA-256&authSource=app",
    ],
    ["mongodb://u:p@h/app?authSource=admin", "mongodb://u:p@h/?authSource=admin"],
    ["mongodb://u:p@h/app?authMechanism=MONGODB-AWS", "mongodb://u:p@h/?authMechanism=MONGODB-AWS"],
    ["mongodb://h/app", "mongodb://h/"],
    ["mongodb://u:p@h", "mongodb://u:p@h/"],
    ["mongodb+srv://u:p@h/app", "mongodb+srv://u:p@h/"],
  ])("for all databases of %s keeps where the account lies", (uri, expected) => {
    expect(givenUri(request(uri, { database: null }))).toBe(expected);
  });

  test("names admin as the account's place where another database is dumped than the URI's none", () => {
    expect(givenUri(request("mongodb://u:p@h", { database: "app" }))).toBe(
      "mongodb://u:p@h/app?authSource=admin",
    );
  });

  test.each([
    [{}, "mongodb://u%40x:p%2Fw@h/my%20db?authSource=admin"],
    [{ user: null, password: null }, "mongodb://h/my%20db"],
    [{ host: "::1", port: 27_018 }, "mongodb://u%40x:p%2Fw@[::1]:27018/my%20db?authSource=admin"],
    [{ host: "/tmp/mongodb.sock" }, "mongodb://u%40x:p%2Fw@%2Ftmp%2Fmongodb.sock/my%20db?authSource=admin"],
    [{ host: "h1,h2", port: 7 }, "mongodb://u%40x:p%2Fw@h1:7,h2:7/my%20db?authSource=admin"],
  ])("is built from separate settings %j", (change, expected) => {
    const connection = connectionFromParts({
      host: "h",
      port: null,
      user: "u@x",
      password: new Secret("p/w"),
      database: "my db",
      authSource: "admin",
      ...change,
    });
    expect(givenUri(request("mongodb://x", { connection, database: "my db" }))).toBe(expected);
  });
});

describe("the command", () => {
  test.each([
    ["stream", { kind: "none" }, "--archive"],
    ["stream", { kind: "native" }, "--archive --gzip"],
    ["stream", { kind: "gzip", level: 3 }, "--archive"],
    ["stream", { kind: "zstd", level: null }, "--archive"],
    ["directory", { kind: "none" }, "--out=/spool/out"],
    ["directory", { kind: "native" }, "--out=/spool/out --gzip"],
    ["directory", { kind: "gzip", level: null }, "--out=/spool/out --gzip"],
    ["tar", { kind: "native" }, "--out=/spool/out --gzip"],
    ["tar", { kind: "gzip", level: null }, "--out=/spool/out"],
  ] as const)("of %s mode with compression %j", (mode, compression, own) => {
    const wanted = request("mongodb://u:p%40w@h/app", { mode, compression, extraArgs: ["--quiet"] });
    const { tools, args, env, files } = mongo.dumpCommand(wanted, mode === "stream" ? stream : folder);
    expect(tools).toEqual(["mongodump"]);
    expect(args.join(" ")).toBe(`--config=/private/mongodump.yaml ${own} --quiet`);
    expect(env).toEqual({});
    expect(files.map(({ path }) => path)).toEqual(["/private/mongodump.yaml"]);
  });

  test("writes a private file of ASCII, whatever the secrets are", () => {
    const [file] = mongo.dumpCommand(request("mongodb://u:p\u2028ä\u007f😀\"'@h/a?b=é"), stream).files;
    expect(file?.content.reveal()).toMatch(/^[\x21-\x7e]+\n$/);
  });
});

describe("a folder", () => {
  const { check } = mongo.folderPlan(request("mongodb://h/app", { mode: "directory" }), folder);

  test.each(["app/c.bson", "app/c.bson.gz", "app/view.metadata.json", "app/view.metadata.json.gz"])(
    "with %s is a backup",
    (path) => {
      expect(check([{ path, bytes: 10 }])).toEqual([]);
    },
  );

  test("without a collection is none", () => {
    for (const files of [[], [{ path: "app/prelude.json", bytes: 10 }]]) {
      expect(check(files).map(({ message }) => message)).toEqual([
        "the database app does not exist or holds no collection",
      ]);
    }
  });
});

describe("the review", () => {
  test.each([
    ["mongodb://h1,h2:7/app", {}, [], []],
    ["mongodb+srv://h/app", {}, [], []],
    ["mongodb+srv://h:27017/app", {}, ["one host, without a port"], []],
    ["mongodb+srv://h1,h2/app", {}, ["one host, without a port"], []],
    ["mongodb://h/app?serverSelectionTimeoutMS=1", {}, [], ["reads it as seconds"]],
    [
      "mongodb://h/app",
      { mode: "directory", compression: { kind: "zstd", level: null } },
      ["zstd files"],
      [],
    ],
    ["mongodb://h/app", { mode: "tar", compression: { kind: "zstd", level: null } }, [], []],
    ["mongodb://h/app", { mode: "directory", compression: { kind: "gzip", level: 9 } }, [], ["gzip's level"]],
  ] as const)("of %s with %j", (uri, change, problems, warnings) => {
    const review = mongo.review(request(uri, change));
    expect(review.problems.map(({ message }) => message)).toEqual(
      problems.map((part) => expect.stringContaining(part)),
    );
    expect(review.warnings).toEqual(warnings.map((part) => expect.stringContaining(part)));
  });
});

describe("names and formats", () => {
  test.each([
    [{}, ".archive", "mongodump archive"],
    [{ compression: { kind: "native" } }, ".archive.gz", null],
    [{ extraArgs: ["--gzip"] }, ".archive.gz", null],
    [{ mode: "tar", extraArgs: ["--gzip"] }, ".tar", null],
    [{ compression: { kind: "zstd", level: null } }, ".archive", "mongodump archive"],
    [{ mode: "directory" }, "", null],
    [{ mode: "tar", compression: { kind: "native" } }, ".tar", null],
  ] as const)("of %j", (change, extension, format) => {
    const wanted = request("mongodb://h/app", change);
    expect(mongo.defaultExtension(wanted)).toBe(extension);
    expect(mongo.expectedFormat(wanted)?.title ?? null).toBe(format);
  });
});

test("a collection dropped during the dump is told", () => {
  const line =
    "2026-11-23T09:43:44.973+0000\tthe collection shop.items appears to have been dropped after the dump started";
  expect(line).toMatch(mongo.remarks ?? /$^/);
  expect(mongo.judge(line).leftOut).toEqual([
    {
      message: "a collection was dropped during the dump, and is not in it: shop.items",
      words: "shop.items",
    },
  ]);
  const ordinary = "done dumping shop.items (2 documents)";
  expect(ordinary).not.toMatch(mongo.remarks ?? /^/);
  expect(mongo.judge(ordinary)).toEqual({ problems: [], warnings: [], leftOut: [] });
});

describe("the look at a user's rights", () => {
  const all = request("mongodb://bk%22:pw@h/", { database: null });
  const probe = mongo.inspection(all, stream, {});

  test("is for a dump of all databases alone, apart from it, and holds no secret", () => {
    expect(mongo.inspection(request("mongodb://h/app"), stream, {})).toBeNull();
    expect(probe?.command.args).toContain("--config=/private/mongodump-inspection.yaml");
    expect(probe?.command.args.join(" ")).not.toContain("pw");
    expect(probe?.command.files.map(({ path }) => path)).toEqual(["/private/mongodump-inspection.yaml"]);
  });

  test("takes over what the user's arguments say about the connection, and no more", () => {
    const extraArgs = ["--tlsInsecure", "--authenticationDatabase=x", "--gzip", "--excludeCollection=y"];
    const args = mongo.inspection({ ...all, extraArgs }, stream, {})?.command.args;
    expect(args?.slice(-2)).toEqual(["--tlsInsecure", "--authenticationDatabase=x"]);
  });

  test.each([
    [1, 'Failed: (Unauthorized) not authorized on admin to execute command { find: "system.users" }', 1],
    [1, "Failed: can't create session: server selection error: i/o timeout", 0],
    [1, "Failed: (Unauthorized) command listCollections requires authentication", 0],
    [0, "done dumping admin.system.users (0 documents)", 0],
  ])("exit code %d and %p give %d warnings", (exitCode, stderr, count) => {
    const warnings = probe?.interpret(outcomeOf({ exitCode, stderr })).leftOut ?? [];
    expect(warnings).toHaveLength(count);
    for (const warning of warnings)
      expect(warning).toContain('db.grantRolesToUser("bk\\"", [{ role: "backup", db: "admin" }])');
  });
});

describe("the hint", () => {
  test.each([
    [
      "connection() error occurred during connection handshake: auth error: sasl conversation error",
      "DB_AUTH_SOURCE",
    ],
    ["(Unauthorized) not authorized on shop to execute command", "role read"],
    ["server selection error: x509: certificate signed by unknown authority", "tlsCAFile"],
    [
      "server selection error: server at h:1 reports wire version 4, but this version requires at least 6",
      "mongodump",
    ],
    ["error parsing uri: lookup _mongodb._tcp.h on 10.0.0.1:53: no such host", "SRV"],
    ["server selection timeout, current topology: { Type: ReplicaSetNoPrimary, Servers: [] }", "replicaSet="],
    ["server selection error: dial tcp: lookup nohost: no such host", "check the host"],
    ["server selection error: dial tcp 10.0.0.1:27017: connect: connection refused", "listens there"],
    ["server selection error: dial tcp 10.0.0.1:27017: i/o timeout", "firewall"],
    ["socket was unexpectedly closed: EOF", "?tls=true"],
    ["tls: first record does not look like a TLS handshake", "has no TLS"],
    ["x509: certificate is valid for a, not b", "another name"],
    ["error parsing uri: invalid auth mechanism", "leave authMechanism out"],
    ["open /tmp/x: read-only file system", "BACKUP_TEMP_DIR"],
  ])("for %s", (words, advice) => {
    expect(mongo.hint(words)).toContain(advice);
  });
});

describe("conflicting arguments", () => {
  test.each([
    ["stream", "-o dir", ["-o"]],
    ["stream", "--out=dir --out dir", ["--out=dir", "--out"]],
    ["stream", "--archive=file", ["--archive=file"]],
    ["stream", "--archive --archive=- --gzip --oplog -j 2", []],
    ["directory", "--archive", ["--archive"]],
    ["directory", "--gzip", []],
  ] as const)("in %s mode: %s", (mode, words, found) => {
    expect(
      findConflicts(words.split(" "), mongo.conflictingFlags({ mode, database: "db" })).map(
        ({ flag }) => flag,
      ),
    ).toEqual([...found]);
  });

  test.each(["-d other", "-dother", "--db=other", "--db other"])(
    "%s beside all databases is refused",
    (words) => {
      for (const mode of ["stream", "directory"] as const)
        expect(
          findConflicts(words.split(" "), mongo.conflictingFlags({ mode, database: null })),
        ).toMatchObject([{ refusal: "set DB_NAME (--db-name) instead of BACKUP_ALL_DATABASES" }]);
      expect(
        findConflicts(words.split(" "), mongo.conflictingFlags({ mode: "stream", database: "other" })),
      ).toEqual([]);
    },
  );
});
