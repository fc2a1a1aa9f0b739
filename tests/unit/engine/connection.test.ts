import { describe, expect, test } from "bun:test";
import { Secret } from "../../../src/config/secret.ts";
import {
  type Connection,
  connectionFromParts,
  type ConnectionSettings,
  parseUri,
} from "../../../src/engine/connection.ts";
import { refusal } from "./refusal.ts";

/** A connection as one line: `user:password@host:port,host/database?key=value`, with ~ for what is not there. */
function line({ hosts, user, password, database, params }: Connection): string {
  const addresses = hosts.map(({ host, port }) => `${host}|${port ?? "~"}`).join(",");
  const query = params.map(([key, value]) => `${key}=${value}`).join("&");
  return `${user ?? "~"} ${password?.reveal() ?? "~"} ${addresses || "~"} ${database ?? "~"} ${query || "~"}`;
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
    ["postgresql:///?host=a,b&port=1,2&user=v&dbname=e", "v ~ a|1,b|2 e ~"],
    ["postgresql://u@h:1/db?host=h&port=1&user=u&dbname=db&password=p", "u p h|1 db ~"],
    ["postgresql://u@localhost/db?host=/cloudsql/p", "u ~ /cloudsql/p|~ db ~"],
    ["postgresql://u@h/db?unix_sock=/tmp/.s.PGSQL.5433", "u ~ /tmp|5433 db ~"],
    ["mysql://h?user=v&database=e&port=7", "v ~ h|7 e ~"],
    ["redis://h/1?username=v&password=p&db=1", "v p h|~ 1 db=1"],
    ["redis://?path=/run/redis.sock", "~ ~ /run/redis.sock|~ ~ ~"],
    [
      "mongodb://h/?readPreferenceTags=a:b&readPreferenceTags=",
      "~ ~ h|~ ~ readPreferenceTags=a:b&readPreferenceTags=",
    ],
    ["postgresql://h/db?sslmode=require&SSL_MODE=require", "~ ~ h|~ db sslmode=require"],
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
      ["SSLKeyPassphrase", "k2"],
    ]);
    expect(password?.reveal()).toBe("p");
  });

  test.each([
    "redis://h?auth=s3cret",
    "postgresql://h/db?scram_client_key=s3cret",
    "redis://h?ssl_ca_data=s3cret",
    "mysql://h/db?sslca=-----BEGIN%20CERTIFICATE-----s3cret",
    'mysql://h/db?ssl={"key":"s3cret"}',
    "mongodb://h/?sslPass=s3cret",
  ])("shows nothing of %s", (uri) => {
    const { params, secretParams } = parseUri(uri);
    expect(params).toEqual([]);
    expect(JSON.stringify(secretParams)).not.toContain("s3cret");
    expect(secretParams[0]?.[1].reveal()).toContain("s3cret");
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
    ["", "is empty"],
    [" \n", "is empty"],
    ["jdbc:postgresql://h/db", "write it without jdbc: in front"],
    ["postgresql://h/db?sslmode=require&sslmode=disable", "the parameter sslmode twice"],
    ["postgresql://h/db?ssl_mode=require&sslMode=disable", "the parameter sslMode twice"],
    ["mongodb://h/?w=1&W=2", "the parameter W twice"],
    ["postgresql://u:a@h/db?password=b", "two passwords"],
    ["redis://h?password=a&passwd=b", "two passwords"],
    ["postgresql://u@h/db?user=v", "two users, by its user part and by user"],
    ["postgresql://u@h/db?dbname=e", "two databases, by its path and by dbname"],
    ["mysql://h/db?schema=e", "two databases, by its path and by schema"],
    ["mysql://h?db=d&database=e", "two databases, by db and by database"],
    ["postgresql://h/db?host=i", "two hosts, by its host part and by host"],
    ["postgresql://h:1/db?port=2", "two ports, by its host part and by port"],
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

  test("Java's form, with the scheme to write", () => {
    for (const uri of ["jdbc:mysql://h/db", "jdbc:mysql:replication://h/db"])
      expect(refusal(() => parseUri(uri, ["mysql", "mariadb"]))).toBe(
        "begins with jdbc:, which is Java's alone (write it without jdbc: in front, so that it begins with mysql://)",
      );
  });

  test.each([
    'psql "postgresql://u:s3cret@h/db"',
    "DATABASE_URL=postgresql://u:s3cret@h/db",
    "export DB_URI='postgresql://u:s3cret@h/db'",
  ])("what stands around a URI, with what to write: %s", (text) => {
    const words = refusal(() => parseUri(text, ["postgres", "postgresql"]));
    expect(words).toContain("write the URI alone, from postgresql:// on and without quotes");
    expect(words).not.toContain("s3cret");
  });

  test("what is no URI of the engine, by the engine's own schemes", () => {
    expect(refusal(() => parseUri("h:27017/db", ["mongodb", "mongodb+srv"]))).toBe(
      "has no scheme such as mongodb:// (it begins with mongodb:// or mongodb+srv://)",
    );
  });

  test.each([
    "postgresql://h/shop?connection_limit=1?sslmode=verify-full",
    "postgresql://h/shop?schema=public?sslmode=verify-full",
    "postgresql://h/shop?foo?sslmode=verify-full",
    "postgresql://h/shop&sslmode=verify-full",
    "postgresql://h/shop?connect_timeout=5&amp;sslmode=verify-full",
    "postgresql://h/shop?options=-c%20a=b?sslmode=require",
    "postgresql://h/shop?password=a;sslmode=require",
    "mongodb://h/app?replicaSet=rs0&retryWrites=true?tls=true",
    "mongodb://h/app?replicaSet=rs0&retryWrites=true;tls=true",
    "mongodb://h/app?replicaSet=rs0;tls=true",
    "mongodb://h/app;tls=true",
    "mysql://h/shop?charset=utf8mb4?ssl-mode=VERIFY_IDENTITY",
    "redis://h/0?timeout=5?ssl=true",
    "redis://h?timeout=5; ssl=true",
  ])("%s, where a wish might be lost", (uri) => {
    expect(refusal(() => parseUri(uri))).toContain(
      "write ? before the first parameter and & between parameters",
    );
  });

  test.each([
    ["postgresql://h/db?options=-c%20a=b", "-c a=b"],
    ["postgresql://h/db?options=-c%20a%3D1%3Bb%3D2%3Fc%3D3", "-c a=1;b=2?c=3"],
    ["mysql://h/db?initCommand=SET%20a=1;SET%20b=2", "SET a=1;SET b=2"],
    ["mongodb://h/?appName=what?", "what?"],
  ])("but not %s", (uri, value) => {
    expect(parseUri(uri).params[0]?.[1]).toBe(value);
  });

  test.each([
    ["redis+unix:///run/s3cret.sock", "redis", "DB_HOST=/path/to/the.sock"],
    ["unix://u:s3cret@/x?db=1", "redis", "DB_HOST=/path/to/the.sock"],
    ["redis+socket:///x", "redis", "DB_HOST=/path/to/the.sock"],
    ["/tmp/s3cret.sock", "redis", "DB_HOST=/path/to/the.sock"],
    ["u:s3cret@unix(/run/m.sock)/db", "mysql", "DB_HOST=/path/to/the.sock"],
    ["u:s3cret@tcp(h:3306)/db", "mysql", "mysql://user:password@host:port/database?"],
    ["tcp(h:3306)/db", "mysql", "mysql://user:password@host:port/database?"],
    ["mysql:host=h;dbname=shop", "mysql", "mysql://user:password@host:port/database?"],
    ["Server=h;Uid=u;Pwd=s3cret", "mysql", "mysql://user:password@host:port/database?"],
    ["host=h dbname=shop password=s3cret", "postgresql", "postgresql://user:password@host:port/database?"],
    ["host = 's3cret'", "postgresql", "postgresql://user:password@host:port/database?"],
  ])("%s with the form that is read here", (text, scheme, form) => {
    const words = refusal(() => parseUri(text, [scheme]));
    expect(words).toContain(form);
    expect(words).not.toContain("s3cret");
  });

  test("with advice on how the characters are written", () => {
    expect(refusal(() => parseUri("postgresql://u:p@q/r@h/db"))).toContain("%40");
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

  test.each(["postgresql://u:s3cret@h/db", "jdbc:mysql://h/db", " redis://h"])(
    "refuses the URI %s as a host",
    (name) => {
      const words = refusal(() => connectionFromParts({ ...settings, host: name }));
      expect(words).toContain("holds a URI, which belongs into DB_URI (--db-uri)");
      expect(words).not.toContain("s3cret");
    },
  );

  test("refuses a host that is none", () => {
    expect(refusal(() => connectionFromParts({ ...settings, host: "a b" }))).toContain("can't be read");
  });
});
