import { describe, expect, test } from "bun:test";
import { redis } from "../../../src/engine/redis.ts";
import { outcomeOf, requestOf, streamPaths } from "./dump-request.ts";
import { reviewOf } from "./review-of.ts";

function given(uri: string): string {
  const { args } = redis.dumpCommand(requestOf(uri), streamPaths);
  return args.slice(2, args.indexOf("--rdb")).join(" ");
}

describe("understood, without a word", () => {
  test.each([
    ["redis://h?db=3&protocol=3&socket_timeout=5&decode_responses=True&retry_on_timeout=True", ""],
    ["redis://h?ssl=false", ""],
    ["redis://h?useSsl=yes", "--tls --sni h"],
    ["rediss://h?ssl_cert_reqs=CERT_NONE", "--tls --sni h --insecure"],
    ["rediss://h?ssl_cert_reqs=ssl.CERT_REQUIRED", "--tls --sni h"],
    ["rediss://h?rejectUnauthorized=false", "--tls --sni h --insecure"],
    ["rediss://h?verify_peer=0", "--tls --sni h --insecure"],
    ["rediss://h?verifyPeer=CA&ssl_check_hostname=false", "--tls --sni h"],
    ["rediss://h?peer_name=x", "--tls --sni x"],
    ["rediss://h?ca=/ca", "--tls --cacert /ca --sni h"],
    ["rediss://h?ssl_ca_path=/d", "--tls --cacertdir /d --sni h"],
    ["rediss://h?ssl_ciphers=X&tls_ciphersuites=Y", "--tls --tls-ciphers X --tls-ciphersuites Y --sni h"],
    ["redis://h?role=master", ""],
    ["valkey://h", ""],
    ["valkeys://h?ca=/ca", "--tls --cacert /ca --sni h"],
  ])("%s", (uri, expected) => {
    expect(reviewOf(redis, uri)).toEqual({ problems: [], warnings: [] });
    expect(given(uri)).toBe(expected);
  });
});

describe("refused", () => {
  test.each([
    ["rediss://h?tls=false", "begins with rediss://, which asks for TLS, and tls asks against it"],
    ["valkeys://h?tls=false", "begins with rediss://, which asks for TLS, and tls asks against it"],
    ["redis://h?cacert=/ca.pem", "cacert is about TLS, and TLS is not asked for"],
    ["redis://h?cert=/c&key=/k", "cert is about TLS, and TLS is not asked for"],
    ["redis://h?insecure=true", "insecure is about TLS, and TLS is not asked for"],
    ["rediss://h?cert=/c", "cert stands alone"],
    ["rediss://h?insecure=true&ssl_cert_reqs=required", "insecure and ssl_cert_reqs contradict each other"],
    ["rediss://h?ssl_cert_reqs=loud", "must be required or none"],
    ["rediss://h?verifyPeer=FULL", "can't be honoured"],
    ["rediss://h?ssl_check_hostname=true", "can't be honoured"],
    ["rediss://h?ssl_password=x", "the password of a key"],
    ["rediss://h?ssl_ca_data=x", "holds a certificate itself"],
    ["rediss://h?ssl_min_version=TLSv1.3", "no option of redis-cli's"],
    ["redis://h?startTls=true", "no option of redis-cli's"],
    ["redis://h/shop", "is a database's number"],
    ["redis://h?auth=s3cret", "is a password in a place of its own"],
    ["redis://h?cluster=true", "is about a cluster"],
    ["redis://h?sentinelMasterId=x", "is about Sentinel"],
    ["redis://h?role=slave", "asks for a replica"],
    ["redis://h?socket=relative", "must be a path"],
    ["redis://h?credential_provider=x", "fetch its own password"],
    ["rediss://h?tlsFoo=1", "tlsFoo is unknown to redis-cli, and it speaks of security"],
  ])("%s", (uri, words) => {
    expect(reviewOf(redis, uri).problems).toContainEqual(expect.stringContaining(words));
  });
});

test("files that a URI names are told", () => {
  const uri = "rediss://h?cacert=/ca&cert=/c&key=/k&sni=x";
  expect(redis.namedFiles(requestOf(uri)).map(({ path }) => path)).toEqual(["/ca", "/c", "/k"]);
});

describe("the question for any answer", () => {
  const probe = (uri: string, extraArgs: readonly string[] = []) =>
    redis.nextProbe(requestOf(uri, { extraArgs }), streamPaths, {});

  test("is asked once, as the dump is", () => {
    expect(probe("rediss://u:p@h", ["-3", "--cacert", "/ca", "PING"])?.command.args.join(" ")).toBe(
      "-h h --user u --tls --sni h -3 --cacert /ca PING",
    );
    expect(probe("redis://:p@h")?.command.env).toEqual({ REDISCLI_AUTH: "p" });
    expect(redis.nextProbe(requestOf("redis://h"), streamPaths, { answer: "true" })).toBeNull();
  });

  test.each([
    ["redis://h", "write rediss://"],
    ["rediss://h", "write redis://"],
  ])("is a problem without an answer from %s", (uri, hint) => {
    expect(probe(uri)?.interpret(outcomeOf({ exitCode: null, isLate: true })).problems).toEqual([
      { message: "the server at h:6379 gave no answer within 30 s", hint: expect.stringContaining(hint) },
    ]);
  });

  test.each([
    { stdout: "PONG\n" },
    { stdout: "NOPERM this user has no permissions to run the 'ping' command\n" },
    { exitCode: 1, stderr: "AUTH failed: WRONGPASS" },
    { exitCode: null },
  ])("lets the dump go on with %j", (change) => {
    expect(probe("redis://h")?.interpret(outcomeOf(change)).problems).toEqual([]);
  });
});
