import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseUri } from "../../../src/engine/connection.ts";
import { DbstashError } from "../../../src/errors.ts";
import { refusal } from "./refusal.ts";

const seed = Number(process.env["TEST_SEED"] ?? crypto.getRandomValues(new Int32Array(1))[0]);
console.log(`connection properties: TEST_SEED=${seed}`);

/** Names and passwords of every kind of character, the awkward ones often. */
const word = fc.string({
  unit: fc.oneof(
    fc.constantFrom(...":@/?#%$&=+ '\"\\[]{},;<>|`~^!*()".split("")),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }),
  ),
  minLength: 1,
  maxLength: 24,
});
const scheme = fc.constantFrom("postgresql", "mongodb", "mysql", "mariadb", "redis", "rediss");
const host = fc.oneof(
  fc.constantFrom("h", "db.example.org", "10.0.0.1", "[::1]", "[2001:db8::7]", "%2Frun%2Fdb"),
  fc.domain(),
);
const port = fc.option(fc.integer({ min: 1, max: 65_535 }));

describe("for any URI", () => {
  test("built from escaped parts, the parts come back the same", () => {
    fc.assert(
      fc.property(
        scheme,
        word,
        word,
        word,
        fc.array(fc.tuple(host, port), { minLength: 1, maxLength: 3 }),
        (prefix, user, password, database, addresses) => {
          const hosts = addresses
            .map(([name, number]) => (number === null ? name : `${name}:${number}`))
            .join(",");
          const [u, p, d] = [user, password, database].map(encodeURIComponent);
          const connection = parseUri(`${prefix}://${u}:${p}@${hosts}/${d}`);
          expect(connection.user).toBe(user);
          expect(connection.password?.reveal()).toBe(password);
          expect(connection.database).toBe(database);
          expect(connection.hosts).toEqual(
            addresses.map(([name, number]) => ({
              host: decodeURIComponent(name.replace(/^\[|\]$/g, "")),
              port: number,
            })),
          );
        },
      ),
      { seed },
    );
  });

  test("with an unescaped password, the password is understood, or refused unquoted, and is never taken for something else", () => {
    const token = "zQ7Kx9Vb";
    // With `/`, `?`, `=` and `@` in this order a password reads like a URI's end; three of them are allowed for here.
    const raw = fc
      .tuple(
        fc.string({ unit: fc.constantFrom(..."ab1:@/?# +'\"\\$[]{},;&".split("")), maxLength: 6 }),
        fc.nat(6),
      )
      .map(([text, at]) => text.slice(0, at) + token + text.slice(at));
    fc.assert(
      fc.property(
        scheme,
        raw,
        fc.constantFrom("h/db", "h:1/db?a=b", "h1,h2/", "h"),
        (prefix, password, rest) => {
          try {
            const { password: read, ...shown } = parseUri(`${prefix}://user:${password}@${rest}`);
            expect(read?.reveal()).toBe(password);
            expect(JSON.stringify(shown)).not.toContain(token);
          } catch (error) {
            if (!(error instanceof DbstashError)) throw error;
            expect(`${error.message} ${error.hint}`).not.toContain(token);
          }
        },
      ),
      { seed, numRuns: 2000 },
    );
  });

  test("and any text whatever, a refusal holds none of it", () => {
    const tokens = fc.constantFrom(
      "zQ7Kx9Vb",
      "://",
      "@",
      "/",
      "?",
      ":",
      "%",
      "&",
      "=",
      ",",
      "[",
      "]",
      "postgresql",
    );
    fc.assert(
      fc.property(fc.array(tokens, { maxLength: 12 }), (pieces) => {
        expect(refusal(() => parseUri(pieces.join("")))).not.toContain("zQ7Kx9Vb");
      }),
      { seed, numRuns: 2000 },
    );
  });
});
