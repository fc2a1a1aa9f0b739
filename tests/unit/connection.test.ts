import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Secret } from "../../src/config/secret.ts";
import {
  type Connection,
  connectionFromParts,
  type ConnectionSettings,
  parseUri,
} from "../../src/engine/connection.ts";
import { DbstashError } from "../../src/errors.ts";

const seed = Number(process.env["TEST_SEED"] ?? crypto.getRandomValues(new Int32Array(1))[0]);
console.log(`connection properties: TEST_SEED=${seed}`);

/** A connection as one line: `user:password@host:port,host/database?key=value`, with ~ for what is not there. */
function line({ hosts, user, password, database, params }: Connection): string {
  const addresses = hosts.map(({ host, port }) => `${host}|${port ?? "~"}`).join(",");
  const query = params.map(([key, value]) => `${key}=${value}`).join("&");
  return `${user ?? "~"} ${password?.reveal() ?? "~"} ${addresses || "~"} ${database ?? "~"} ${query || "~"}`;
}

/** What a refusal says, hint included. */
function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof DbstashError) return `${error.message} (${error.hint ?? "no hint"})`;
    throw error;
  }
  return "nothing was refused";
}

describe("parseUri reads", () => {
  test.each([
    ["postgresql://u:p@h:5433/db", "u p h|5433 db ~"],
    ["POSTGRES://u@h/db", "u ~ h|~ db ~"],
    ["postgres://u:@h/db", "u ~ h|~ db ~"],
    ["postgresql://h/db", "~ ~ h|~ db ~"],
    ["postgresql://", "~ ~ ~ ~ ~"],
    ["postgresql:///db", "~ ~ ~ db ~"],
    ["postgresql://h", "~ ~ h|~ ~ ~"],
    ["postgresql://h/", "~ ~ h|~ ~ ~"],
    ["postgresql://h:/db", "~ ~ h|~ db ~"],
    [
      "postgresql://u:p@h1:1,h2:2,h3/db?target_session_attrs=any",
      "u p h1|1,h2|2,h3|~ db target_session_attrs=any",
    ],
    ["postgresql://u:p@[::1]:5433/db", "u p ::1|5433 db ~"],
    ["postgresql://u:p@[::1],[fe80::1%25eth0]:7/db", "u p ::1|~,fe80::1%eth0|7 db ~"],
    ["postgresql://u:p@%2Fvar%2Frun%2Fpostgresql/db", "u p /var/run/postgresql|~ db ~"],
    ["postgresql://%2Ftmp:5433/db", "~ ~ /tmp|5433 db ~"],
    ["postgresql:///db?host=/tmp", "~ ~ /tmp|~ db ~"],
    ["postgresql://:5433/db?host=/tmp", "~ ~ /tmp|5433 db ~"],
    ["postgresql:///db?port=5433", "~ ~ |5433 db ~"],
    ["postgresql://u@h/db?host=a,b&port=1,2&user=v&dbname=e", "v ~ a|1,b|2 e ~"],
    ["postgresql://h1,h2/db?port=7", "~ ~ h1|7,h2|7 db ~"],
    ["postgresql://u@h/db?password=s%26t", "u s&t h|~ db ~"],
    ["postgresql://h/db?sslmode=require&options=-c%20a%3Db", "~ ~ h|~ db sslmode=require&options=-c a=b"],
    ["postgresql://h/db?application_name=a+b", "~ ~ h|~ db application_name=a+b"],
    ["postgresql://u%40x:p%3A%2F%25%20%24@h/my%20db", "u@x p:/% $ h|~ my db ~"],
    ["postgresql://user@corp:p@h/db", "user@corp p h|~ db ~"],
    ["postgresql://u:p@ss@h/db", "u p@ss h|~ db ~"],
    ["postgresql://u:p/w@h/db", "u p/w h|~ db ~"],
    ["postgresql://u:p?w@h/db", "u p?w h|~ db ~"],
    ["postgresql://u:a/b?c@h/db?sslmode=require", "u a/b?c h|~ db sslmode=require"],
    ["postgresql://u:p#w&=+ '\"\\$@h/db", "u p#w&=+ '\"\\$ h|~ db ~"],
    ["mongodb://u:p@h1:27017,h2:27018/app?replicaSet=rs0", "u p h1|27017,h2|27018 app replicaSet=rs0"],
    ["mongodb+srv://u:p@cluster.example.net/?w=majority", "u p cluster.example.net|~ ~ w=majority"],
    ["mongodb://a:k==@a.example:10255/?ssl=true&appName=@a@", "a k== a.example|10255 ~ ssl=true&appName=@a@"],
    ["mongodb://%2Ftmp%2Fmongodb-27017.sock/app", "~ ~ /tmp/mongodb-27017.sock|~ app ~"],
    ["mysql://u:p@h/db?socket=/run/mysqld/mysqld.sock", "u p /run/mysqld/mysqld.sock|~ db ~"],
    ["mysql://u:p@localhost/db?unix_socket=/s&charset=utf8", "u p /s|~ db charset=utf8"],
    ["mysql://h/db?socket=relative", "~ ~ h|~ db socket=relative"],
    ["redis://:p@h:6380/3", "~ p h|6380 3 ~"],
    ["rediss://u:p@h?insecure=true", "u p h|~ ~ insecure=true"],
  ])("%s", (uri, expected) => {
    expect(line(parseUri(uri))).toBe(expected);
  });

  test("keeps secret parameters apart from those that may be shown", () => {
    const { params, secretParams, password } = parseUri(
      "postgresql://h/db?sslmode=require&sslpassword=k1&SSLKeyPassphrase=k2&password=p",
    );
    expect(params).toEqual([["sslmode", "require"]]);
    expect(secretParams.map(([key, value]) => [key, value.reveal()])).toEqual([
      ["sslpassword", "k1"],
      ["sslkeypassphrase", "k2"],
    ]);
    expect(password?.reveal()).toBe("p");
  });

  test("prefers the password before the @ to one in the query", () => {
    expect(parseUri("postgresql://u:a@h/db?password=b").password?.reveal()).toBe("a");
  });

  test("keeps the URI as it was given, unprinted", () => {
    const { uri } = parseUri("redis://:p@h");
    expect(uri?.reveal()).toBe("redis://:p@h");
    expect(String(uri)).not.toContain("p@h");
  });
});

describe("parseUri refuses", () => {
  test.each([
    ["h/db", "no scheme"],
    ["postgresql:h/db", "no scheme"],
    ["", "no scheme"],
    ["postgresql://u:p@h:99999/db", "port outside 1 to 65535"],
    ["postgresql://u:p@h:0/db", "port outside 1 to 65535"],
    ["postgresql:///db?port=no", "host that can't be read"],
    ["postgresql://u:p@::1/db", "host that can't be read"],
    ["postgresql://u:p@[::1/db", "host that can't be read"],
    ["postgresql://u:p@a b/db", "host that can't be read"],
    ["postgresql://u:p%w@h/db", "password with a broken percent escape"],
    ["postgresql://u%:p@h/db", "user with a broken percent escape"],
    ["postgresql://u:p@h/d%b", "database name with a broken percent escape"],
    ["postgresql://u:p@h/db?a=%", "query with a broken percent escape"],
    ["postgresql://u:p%00w@h/db", "password with a NUL character"],
    ["postgresql://u:p@h/db?a%20b=c", "query that can't be read"],
    ["postgresql://u:1/2@h/db", "more than one reading"],
    ["postgresql://u:p@q/r@h/db", "more than one reading"],
    ["postgresql://u:p@q?r@h/db", "more than one reading"],
    ["postgresql://u:a/b@c@h/db", "more than one reading"],
    ["redis://h?x=a@b", "more than one reading"],
  ])("%s", (uri, expected) => {
    expect(refusal(() => parseUri(uri))).toContain(expected);
  });

  test("with advice on how the characters are written", () => {
    expect(refusal(() => parseUri("postgresql://u:p@q/r@h/db"))).toContain("%40");
  });
});

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

describe("connectionFromParts", () => {
  const settings: ConnectionSettings = {
    host: "h",
    port: null,
    user: "u",
    password: new Secret("p"),
    database: "db",
    authSource: null,
  };

  test.each([
    [{}, "u p h|~ db ~"],
    [{ port: 5433 }, "u p h|5433 db ~"],
    [{ host: null }, "u p ~ db ~"],
    [{ host: "::1", port: 7 }, "u p ::1|7 db ~"],
    [{ host: "[::1]" }, "u p ::1|~ db ~"],
    [{ host: "fe80::1%eth0" }, "u p fe80::1%eth0|~ db ~"],
    [{ host: "/run/mysqld/mysqld.sock" }, "u p /run/mysqld/mysqld.sock|~ db ~"],
    [{ host: "h1, h2:8", port: 7 }, "u p h1|7,h2|8 db ~"],
    [{ authSource: "admin" }, "u p h|~ db authSource=admin"],
    [{ authSource: "admin", user: null, password: null }, "~ ~ h|~ db ~"],
  ])("takes %j", (change, expected) => {
    expect(line(connectionFromParts({ ...settings, ...change }))).toBe(expected);
  });

  test.each(["h:5432", "10.0.0.1:5432", "[::1]:5432"])("says that %s holds a port", (name) => {
    expect(refusal(() => connectionFromParts({ ...settings, host: name }))).toContain("DB_PORT");
  });

  test("refuses a host that is none", () => {
    expect(refusal(() => connectionFromParts({ ...settings, host: "a b" }))).toContain("can't be read");
  });
});
