import { describe, expect, test } from "bun:test";
import type { Facts, ProbeOutcome } from "../../../../src/engine/engine.ts";
import { mariadb, mysql } from "../../../../src/engine/mysql/mysql.ts";
import { outcomeOf as outcome, requestOf, streamPaths as paths } from "../dump-request.ts";
import { maria, oracle, uri } from "./parts.ts";

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
    const wanted = requestOf(`mysql://h/db${query}`);
    const tls = (facts: Facts) => {
      const { args } = mysql.dumpCommand(wanted, paths, facts);
      return args.slice(3, args.indexOf("--single-transaction")).join(" ");
    };
    expect(tls(oracle)).toBe(oracleArgs);
    expect(tls(maria)).toBe(mariadbArgs);
  });

  test("that must be is asked for first where MariaDB's client would go on without", () => {
    const probe = mariadb.nextProbe(requestOf(`${uri}?ssl-mode=REQUIRED`), paths, maria);
    expect(probe?.command.args.at(-3)).toContain("Ssl_cipher");
    expect(probe?.interpret(outcome({ stdout: "Ssl_cipher\tTLS_AES_128_GCM_SHA256\n" }))).toEqual({
      problems: [],
      warnings: [],
      leftOut: [],
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
    expect(mariadb.nextProbe(requestOf(text), paths, facts)).toBeNull();
  });
});
