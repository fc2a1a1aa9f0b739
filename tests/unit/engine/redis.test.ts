import { describe, expect, test } from "bun:test";
import { Secret } from "../../../src/config/secret.ts";
import { connectionFromParts, type ConnectionSettings } from "../../../src/engine/connection.ts";
import type { DumpRequest } from "../../../src/engine/engine.ts";
import { findConflicts } from "../../../src/engine/flags.ts";
import { redis } from "../../../src/engine/redis.ts";
import { requestOf, streamPaths as paths } from "./dump-request.ts";

const request = (uri: string, change: Partial<DumpRequest> = {}): DumpRequest =>
  requestOf(uri, { database: null, ...change });

function ofParts(settings: Partial<ConnectionSettings>): DumpRequest {
  const nothing = { host: null, port: null, user: null, password: null, database: null, authSource: null };
  return request("redis://h", { connection: connectionFromParts({ ...nothing, ...settings }) });
}

function commandLine(wanted: DumpRequest): string {
  return redis.dumpCommand(wanted, paths).args.join(" ");
}

describe("the command", () => {
  test.each([
    ["redis://h", "-h h --rdb -"],
    ["redis://h:6380/3", "-h h -p 6380 --rdb -"],
    ["redis://:p@h", "-h h --rdb -"],
    ["redis://u:p@h", "-h h --user u --rdb -"],
    ["redis://[::1]:6380", "-h ::1 -p 6380 --rdb -"],
    ["redis://%2Frun%2Fredis.sock", "-s /run/redis.sock --rdb -"],
    ["redis:///0", "--rdb -"],
    ["redis://h?tls=true", "-h h --tls --sni h --rdb -"],
    ["rediss://h", "-h h --tls --sni h --rdb -"],
    ["rediss://10.0.0.1", "-h 10.0.0.1 --tls --rdb -"],
    ["rediss://[::1]", "-h ::1 --tls --rdb -"],
    ["rediss://h?sni=other", "-h h --tls --sni other --rdb -"],
    [
      "rediss://h?cacert=/a.pem&cert=/c&key=/k",
      "-h h --tls --cacert /a.pem --cert /c --key /k --sni h --rdb -",
    ],
    [
      "rediss://h?ssl_ca_certs=/a.pem&ssl_certfile=/c&ssl_keyfile=/k",
      "-h h --tls --cacert /a.pem --cert /c --key /k --sni h --rdb -",
    ],
    ["rediss://h?insecure=true", "-h h --tls --sni h --insecure --rdb -"],
    ["rediss://h?insecure=false", "-h h --tls --sni h --rdb -"],
    ["rediss://h?ssl_cert_reqs=none", "-h h --tls --sni h --insecure --rdb -"],
    ["rediss://h?ssl_cert_reqs=required", "-h h --tls --sni h --rdb -"],
    ["rediss://h?verifyPeer=NONE", "-h h --tls --sni h --insecure --rdb -"],
  ])("for %s", (uri, expected) => {
    expect(commandLine(request(uri))).toBe(expected);
  });

  test("puts the user's arguments behind its own, where a stray word can't become a command", () => {
    expect(commandLine(request("redis://h", { extraArgs: ["--tls", "PING"] }))).toBe(
      "-h h --rdb - --tls PING",
    );
  });

  test("reads separate settings", () => {
    expect(commandLine(ofParts({ host: "h", port: 6380, user: "u", password: new Secret("p") }))).toBe(
      "-h h -p 6380 --user u --rdb -",
    );
    expect(commandLine(ofParts({ host: "/run/redis.sock" }))).toBe("-s /run/redis.sock --rdb -");
  });

  test("is redis-cli's, else valkey-cli's", () => {
    expect(redis.dumpCommand(request("redis://h"), paths).tools).toEqual(["redis-cli", "valkey-cli"]);
  });

  test.each([
    [request("redis://:p%40%20w@h"), { REDISCLI_AUTH: "p@ w" }],
    [request("redis://h"), {}],
    [ofParts({ host: "h", user: "u" }), { REDISCLI_AUTH: "" }],
  ])("carries the password in the environment alone (%#)", (wanted, expected) => {
    const { env, args, files } = redis.dumpCommand(wanted, paths);
    expect(env).toEqual(expected);
    expect(files).toEqual([]);
    expect(args.join(" ")).not.toContain("p@ w");
  });
});

describe("the review", () => {
  test.each([
    ["redis://:p@h", {}, [], []],
    ["redis://h1,h2", {}, ["several hosts"], []],
    ["redis://secret@h", {}, ["a user and no password"], []],
    ["redis://h", { compression: { kind: "native" } }, [], ["compact already"]],
    ["redis://h", { compression: { kind: "zstd", level: null } }, [], []],
    [
      "rediss://h?db=1&ssl_ca_certs=/a&foo=1",
      {},
      [],
      ["the parameter foo is unknown to redis-cli and is left out"],
    ],
  ] as const)("of %s with %j", (uri, change, problems, warnings) => {
    const review = redis.review(request(uri, change));
    expect(review.problems.map(({ message }) => message)).toEqual(
      problems.map((part) => expect.stringContaining(part)),
    );
    expect(review.warnings).toEqual(warnings.map((part) => expect.stringContaining(part)));
  });

  test.each([
    ["redis:///tmp/x.sock", "DB_HOST=/path/to/the.sock"],
    ["redis://h/shop", "leave the path out"],
  ])("says of %s what to write", (uri, hint) => {
    expect(redis.review(request(uri)).problems.map((problem) => problem.hint)).toEqual([
      expect.stringContaining(hint),
    ]);
  });

  test("does not quote what may be a password", () => {
    const [problem] = redis.review(request("redis://s3cret@h")).problems;
    expect(JSON.stringify(problem)).not.toContain("s3cret");
  });

  test("lets a user without a password pass where it is set as such", () => {
    expect(redis.review(ofParts({ host: "h", user: "u" })).problems).toEqual([]);
  });
});

const start = "sending REPLCONF capa eof\nsending REPLCONF rdb-only 1\n";
const diskless = "SYNC sent to master, writing bytes of bulk transfer until EOF marker to '-'\n";
const valkeyDiskless = "SYNC sent to primary, writing bytes of bulk transfer until EOF marker to '-'\n";
const onDisk = "SYNC sent to master, writing 65032 bytes to '-'\n";

describe("redis-cli's messages", () => {
  test("ask for the marker to be taken off where the transfer is diskless", () => {
    for (const messages of [start + diskless, start + valkeyDiskless]) {
      expect(redis.streamFilter(messages)).toEqual({
        tools: ["head"],
        args: ["-c", "-40"],
        env: {},
        files: [],
      });
    }
  });

  test("ask for nothing where the server wrote a file first", () => {
    expect(redis.streamFilter(start + onDisk)).toBeNull();
  });

  test("do not tell before the transfer is on", () => {
    expect(redis.streamFilter("")).toBeUndefined();
    expect(redis.streamFilter(start)).toBeUndefined();
  });

  test.each([
    [start + diskless + "Transfer finished with success after 322786372 bytes\n", [322_786_372, 322_786_412]],
    [start + onDisk + "Transfer finished with success.\n", [65_032]],
    [start + diskless, null],
    ["", null],
  ])("announce the size (%#)", (messages, sizes) => {
    expect(redis.announcedBytes(messages)).toEqual(sizes);
  });
});

describe("the hint", () => {
  test.each([
    ["AUTH failed: WRONGPASS invalid username-password pair", "redis://:PASSWORD@host"],
    ["SYNC with master failed: -NOAUTH Authentication required.", "DB_PASSWORD"],
    ["AUTH failed: ERR AUTH <password> called without any password configured", "has no password"],
    ["SYNC with master failed: -NOPERM this user has no permissions to run the 'sync' command", "+sync"],
    ["SYNC with master failed: -ERR unknown command 'SYNC', with args beginning with:", "own export"],
    ["SYNC with master failed: -NOMASTERLINK Can't SYNC while not connected with my master", "replica"],
    ["Could not connect to Redis at h:6379: SSL_connect failed: certificate verify failed", "cacert"],
    ["I/O Error reading RDB payload from socket", "repl-timeout"],
    ["Error reading bulk length while SYNCing", "its own log"],
    ["I/O error", "rediss://"],
    ["Error: Server closed the connection", "rediss://"],
    ["SSL_connect failed: wrong version number", "redis:// instead"],
    ["SYNC with master failed: -LOADING Redis is loading the dataset in memory", "still loading"],
    ["SYNC with master failed: -ERR max number of clients reached", "maxclients"],
    ["SYNC with master failed: -DENIED Redis is running in protected mode", "protected-mode"],
    ["Could not connect to Redis at h:6379: Connection refused", "check the host"],
  ])("for %s", (words, advice) => {
    expect(redis.hint(words)).toContain(advice);
  });
});

describe("conflicting arguments", () => {
  test.each([
    ["--rdb /tmp/x", ["--rdb"]],
    ["--functions-rdb x", ["--functions-rdb"]],
    ["--bigkeys", ["--bigkeys"]],
    ["--latency-history", ["--latency-history"]],
    ["-r 5", ["-r"]],
    ["-h other -p 6380 -s /x.sock", ["-h", "-p", "-s"]],
    ["--tls --cacert /x -n 3 --user v", []],
  ])("%s", (words, found) => {
    expect(
      findConflicts(words.split(" "), redis.conflictingFlags({ mode: "stream", database: "db" })).map(
        ({ flag }) => flag,
      ),
    ).toEqual(found);
  });
});

test("Redis has one mode, one extension, and needs no database", () => {
  expect(redis.modes).toEqual(["stream"]);
  expect(redis.defaultExtension(request("redis://h"))).toBe(".rdb");
  expect(redis.needsDatabase).toBe(false);
  expect(redis.folderPlan(request("redis://h"), paths).check([])).toHaveLength(1);
});
