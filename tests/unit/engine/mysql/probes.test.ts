import { describe, expect, test } from "bun:test";
import { mariadb, mysql } from "../../../../src/engine/mysql/mysql.ts";
import { outcomeOf, requestOf, streamPaths } from "../dump-request.ts";

const client = { client: "mariadb 11 8" };
const probe = mysql.nextProbe(requestOf("mysql://u:p@h/db"), streamPaths, client);

describe("the question for any answer", () => {
  test("is asked once, by the client, with a limit of its own", () => {
    expect(probe?.command.tools).toEqual(["mariadb", "mysql"]);
    expect(probe?.command.args).toContain("--connect-timeout=25");
    expect(probe?.command.args).toContain("--execute=SELECT 1");
    expect(probe?.command.args.join(" ")).not.toContain("p@");
    expect(mysql.nextProbe(requestOf("mysql://h/db"), streamPaths, { ...client, answer: "true" })).toBeNull();
  });

  test.each([
    ["no end", { exitCode: null, isLate: true }],
    [
      "no greeting, in MariaDB's words",
      {
        exitCode: 1,
        stderr:
          "ERROR 2013 (HY000): Lost connection to server at 'handshake: reading initial communication packet', system error: 110",
      },
    ],
    [
      "no greeting, in MySQL's words",
      {
        exitCode: 1,
        stderr:
          "ERROR 2013 (HY000): Lost connection to MySQL server at 'waiting for initial communication packet', system error: 110",
      },
    ],
    [
      "no connection",
      { exitCode: 1, stderr: "ERROR 2003 (HY000): Can't connect to MySQL server on 'h:3306' (110)" },
    ],
  ])("is a problem with %s", (_, change) => {
    expect(probe?.interpret(outcomeOf(change)).problems).toEqual([
      {
        message: "the server at h:3306 gave no answer within 30 s",
        hint: expect.stringContaining("firewall"),
      },
    ]);
  });

  test.each([
    ["an answer", { stdout: "1\n" }],
    ["a refused login", { exitCode: 1, stderr: "ERROR 1045 (28000): Access denied for user 'u'@'h'" }],
    ["a missing database", { exitCode: 1, stderr: "ERROR 1049 (42000): Unknown database 'db'" }],
    [
      "a refused connection",
      { exitCode: 1, stderr: "ERROR 2003 (HY000): Can't connect to MySQL server on 'h' (111)" },
    ],
    [
      "a connection that is closed at once",
      {
        exitCode: 1,
        stderr:
          "ERROR 2013 (HY000): Lost connection to MySQL server at 'reading initial communication packet', system error: 0",
      },
    ],
    ["no client program", { exitCode: null }],
  ])("lets the dump go on with %s", (_, change) => {
    expect(probe?.interpret(outcomeOf(change)).problems).toEqual([]);
  });

  test.each([
    ["mysql://[::1]:3307/db", "[::1]:3307"],
    ["mysql:///db", "localhost:3306"],
    ["mysql://h/db?socket=/run/m.sock", "/run/m.sock"],
  ])("names the server of %s", (uri, address) => {
    const finding = mariadb
      .nextProbe(requestOf(uri), streamPaths, client)
      ?.interpret(outcomeOf({ isLate: true }));
    expect(finding?.problems[0]?.message).toBe(`the server at ${address} gave no answer within 30 s`);
  });
});

describe("what MariaDB's client can't do", () => {
  const problems = (query: string, stdout: string) =>
    mysql
      .nextProbe(requestOf(`mysql://h/db?${query}`), streamPaths, {})
      ?.interpret(outcomeOf({ stdout }))
      .problems.map(({ message }) => message);
  const maria = "mariadb-dump from 11.8.9-MariaDB, client 10.19";
  const oracle = "mysqldump  Ver 9.7.4 for Linux";

  test.each([
    "tlsCiphersuites=TLS_AES_128_GCM_SHA256",
    "server_public_key_path=/k.pem",
    "useSSL=true&verifyServerCertificate=true&disableSslHostnameVerification=true",
  ])("is a problem before the dump: %s", (query) => {
    expect(problems(query, maria)).toHaveLength(1);
    expect(problems(query, oracle)).toEqual([]);
  });

  test("is left out where it does the same by itself", () => {
    expect(
      problems("ssl-mode=REQUIRED&allowCleartextPasswords=true&allowPublicKeyRetrieval=true", maria),
    ).toEqual([]);
  });
});
