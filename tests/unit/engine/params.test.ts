import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Engine } from "../../../src/engine/engine.ts";
import { mongo } from "../../../src/engine/mongo/mongo.ts";
import { mariadb, mysql } from "../../../src/engine/mysql/mysql.ts";
import { postgres } from "../../../src/engine/postgres/postgres.ts";
import { redis } from "../../../src/engine/redis.ts";
import { DbstashError } from "../../../src/errors.ts";
import { requestOf, streamPaths } from "./dump-request.ts";

const seed = Number(process.env["TEST_SEED"] ?? crypto.getRandomValues(new Int32Array(1))[0]);
console.log(`parameter properties: TEST_SEED=${seed}`);

const engines: readonly (readonly [string, Engine])[] = [
  ["postgresql", postgres],
  ["mysql", mysql],
  ["mariadb", mariadb],
  ["mongodb", mongo],
  ["rediss", redis],
];
const names = (
  "sslmode ssl tls sslcert sslkey sslca sslrootcert sslaccept sslpassword password auth token schema service options " +
  "useSSL trustStorePassword authMechanism authMechanismProperties tlsCAFile sslPEMKeyPassword cacert cert key insecure " +
  "proxyPassword readPreferenceTags foo secureFoo connect_timeout replicaSet scram_client_key ssl_ca_data db socket user"
).split(" ");
const token = "zQ7Kx9Vb";
const value = fc.constantFrom(
  token,
  `/${token}`,
  `-----BEGIN ${token}`,
  `{"key":"${token}"}`,
  `{"ca":"${token}"}`,
  `AWS_SESSION_TOKEN:${token}`,
  `${token}.p12`,
  "true",
  "false",
  "",
  "require",
  "verify-full",
);

describe("for any parameters", () => {
  test.each(engines)("no sentence about a %s URI holds a value", (scheme, engine) => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...names), value), { maxLength: 4 }),
        fc.constantFrom("", `u:${token}@`),
        (params, login) => {
          const query = params.map(([key, text]) => `${key}=${encodeURIComponent(text)}`).join("&");
          const uri = `${scheme}://${login}h/?${query}`;
          try {
            const request = requestOf(uri);
            const authority = engine.missingAuthority(request, { caBundle: null, libpqRoot: null });
            expect(JSON.stringify([engine.review(request), authority])).not.toContain(token);
          } catch (error) {
            if (!(error instanceof DbstashError)) throw error;
            expect(`${error.message} ${error.hint}`).not.toContain(token);
          }
        },
      ),
      { seed, numRuns: 1500 },
    );
  });

  test.each(engines)("no command for a %s URI shows a password or secret", (scheme, engine) => {
    const secrets = [
      "password",
      "auth",
      "sslpassword",
      "sslPEMKeyPassword",
      "token",
      "authMechanismProperties",
    ];
    fc.assert(
      fc.property(fc.constantFrom(...secrets), fc.constantFrom("", `u:${token}@`), (key, login) => {
        const uri = `${scheme}://${login}h/1?${key}=${token}`;
        const { args } = engine.dumpCommand(requestOf(uri), streamPaths);
        expect(args.join(" ")).not.toContain(token);
      }),
      { seed },
    );
  });

  test.each(engines)(
    "the wish for TLS of a %s URI that is not understood is never left out",
    (scheme, engine) => {
      for (const key of [
        "sslEverything",
        "tlsWanted",
        "verifyAll",
        "encryption",
        "trustNobody",
        "authBinding",
      ]) {
        const { problems, warnings } = engine.review(requestOf(`${scheme}://h/1?${key}=1`));
        expect(problems.map(({ message }) => message)).toEqual([expect.stringContaining(key)]);
        expect(warnings).toEqual([]);
      }
    },
  );

  test.each(engines)("of several problems with a %s URI all are told", (scheme, engine) => {
    const { problems } = engine.review(requestOf(`${scheme}://h/1?sslEverything=1&tlsWanted=1`));
    expect(problems).toHaveLength(2);
  });
});
