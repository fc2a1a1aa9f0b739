import { describe, expect, test } from "bun:test";
import { postgres } from "../../../../src/engine/postgres/postgres.ts";
import { requestOf, streamPaths } from "../dump-request.ts";
import { reviewOf } from "../review-of.ts";

const bundle = { ...streamPaths, caBundle: "/etc/ssl/ca.pem" };

/** What of the connection string comes from the query, where the system has its authorities. */
function given(query: string, paths = bundle): string {
  const last = postgres.dumpCommand(requestOf(`postgresql://h/db?${query}`), paths).args.at(-1) ?? "";
  return last
    .replace("--dbname=host=h dbname=db", "")
    .replace(/ (connect_timeout=30|keepalives_idle=60|fallback_application_name=dbstash)/g, "")
    .trim();
}

const review = (query: string) => reviewOf(postgres, `postgresql://h/db?${query}`);

describe("understood, without a word", () => {
  test.each([
    ["", ""],
    ["sslmode=require", "sslmode=require"],
    ["SSLMODE=VERIFY_CA&sslrootcert=/ca", "sslmode=verify-ca sslrootcert=/ca"],
    ["sslMode=REQUIRED", "sslmode=require"],
    ["sslmode=no-verify", "sslmode=require"],
    ["sslmode=no-verify&sslrootcert=/ca", "sslmode=require sslrootcert=/ca"],
    ["sslmode=VERIFY_IDENTITY", "sslmode=verify-full sslrootcert=/etc/ssl/ca.pem"],
    ["sslmode=verify-full&sslrootcert=/ca", "sslmode=verify-full sslrootcert=/ca"],
    ["sslrootcert=/ca", "sslmode=require sslrootcert=/ca"],
    ["sslmode=prefer&sslrootcert=/ca", "sslmode=prefer sslrootcert=/ca"],
    ["sslrootcert=system", "sslmode=verify-full sslrootcert=/etc/ssl/ca.pem"],
    ["sslrootcert=system&sslmode=verify-full", "sslmode=verify-full sslrootcert=/etc/ssl/ca.pem"],
    ["ssl=true", "sslmode=require"],
    ["ssl=1", "sslmode=require"],
    ["ssl", "sslmode=require"],
    ["ssl=false", "sslmode=prefer"],
    ["sslmode=disable&ssl=false", "sslmode=disable"],
    ["ssl=0&sslmode=disable", "sslmode=disable"],
    ["sslmode=allow&ssl=false", "sslmode=allow"],
    ["ssl=require", "sslmode=require"],
    ["ssl=verify-full", "sslmode=verify-full sslrootcert=/etc/ssl/ca.pem"],
    ["ssl=disable", "sslmode=disable"],
    ["ssl=true&sslmode=verify-full&sslrootcert=/ca", "sslmode=verify-full sslrootcert=/ca"],
    ["ssl=%7B%22rejectUnauthorized%22:false%7D", "sslmode=require"],
    ["ssl=%7B%22rejectUnauthorized%22:true%7D", "sslmode=verify-full sslrootcert=/etc/ssl/ca.pem"],
    ["ssl=%7B%7D", "sslmode=verify-full sslrootcert=/etc/ssl/ca.pem"],
    ["requiressl=1", "sslmode=require"],
    ["requiressl=0", ""],
    ["sslcert=/c&sslkey=/k", "sslcert=/c sslkey=/k"],
    ["sslaccept=strict", "sslmode=verify-full sslrootcert=/etc/ssl/ca.pem"],
    ["sslmode=require&sslaccept=strict&sslcert=/ca", "sslmode=verify-full sslrootcert=/ca"],
    ["sslaccept=accept_invalid_certs&sslcert=/ca", ""],
    ["sslfactory=org.postgresql.ssl.NonValidatingFactory&ssl=true", "sslmode=require"],
    ["direct_tls=true", "sslmode=require sslnegotiation=direct"],
    ["channelBinding=require&gssEncMode=disable", "channel_binding=require gssencmode=disable"],
    ["connect_timeout=10s&keepalives=true", "connect_timeout=10 keepalives=1"],
    ["loginTimeout=5", "connect_timeout=5"],
    ["ApplicationName=auth-service", "application_name=auth-service"],
    ["appName=auth-service", "application_name=auth-service"],
    ["target_session_attrs=master", "target_session_attrs=primary"],
    ["targetServerType=preferSecondary", "target_session_attrs=prefer-standby"],
    ["loadBalanceHosts=true", "load_balance_hosts=random"],
    ["options=-csearch_path%3Dauth", "options='-csearch_path=auth'"],
    ["endpoint=ep-1", "options='endpoint=ep-1'"],
    ["service=mine", "service=mine"],
    ["replication=false", ""],
    ["client_encoding=utf8", ""],
    ["uselibpqcompat=true&connection_limit=5&pool_timeout=0&statement_cache_size=0", ""],
    ["application=auth", ""],
  ])("%s", (query, expected) => {
    expect(review(query)).toEqual({ problems: [], warnings: [] });
    expect(given(query)).toBe(expected);
  });

  test("libpq's own authority is left to libpq", () => {
    expect(given("sslmode=verify-full", { ...bundle, libpqRoot: "/r" })).toBe("sslmode=verify-full");
    expect(given("sslrootcert=system", { ...bundle, libpqRoot: "/r" })).toContain(
      "sslrootcert=/etc/ssl/ca.pem",
    );
  });

  test("a service file goes by its variable", () => {
    const { env } = postgres.dumpCommand(
      requestOf("postgresql://h/db?servicefile=/s&service=x"),
      streamPaths,
    );
    expect(env).toEqual({ PGSERVICEFILE: "/s" });
  });
});

describe("left out with a warning", () => {
  test.each([
    ["schema=public", "the backup holds the whole database"],
    ["schema=auth", "the backup holds the whole database"],
    ["currentSchema=a", "DUMP_EXTRA_ARGS=--schema="],
    ["pgbouncer=true", "name the server itself"],
    ["client_encoding=latin1", "DUMP_EXTRA_ARGS=--encoding="],
    ["sslmode=", "is empty and is left out"],
    ["sslrootcert=", "is empty and is left out"],
    ["targetServerType=preferPrimary", "takes any server"],
    ["foo=bar", "the parameter foo is unknown to libpq and is left out"],
  ])("%s", (query, words) => {
    expect(given(query)).toBe("");
    expect(review(query)).toEqual({ problems: [], warnings: [expect.stringContaining(words)] });
  });

  test.each(["postgresql://ep-x-pooler.eu.aws.neon.tech/db", "postgresql://h:6543/db"])(
    "a pooler: %s",
    (uri) => {
      expect(reviewOf(postgres, uri).warnings).toEqual([expect.stringContaining("connection pooler")]);
    },
  );
});

describe("refused", () => {
  test.each([
    ["sslmode=loud", "sslmode has a value that is no TLS mode"],
    ["ssl=loud", "ssl has a value that is no TLS mode"],
    ["ssl=true&sslmode=disable", "ssl asks for more TLS than sslmode allows"],
    ["ssl=false&sslmode=require", "sslmode asks for more TLS than ssl allows"],
    ["ssl=0&sslmode=verify-full", "sslmode asks for more TLS than ssl allows"],
    ["sslaccept=strict&sslmode=prefer", "sslaccept asks for more TLS than sslmode allows"],
    ["sslaccept=accept_invalid_certs&sslmode=verify-full", "sslmode asks for more TLS than sslaccept allows"],
    ["sslaccept=loud", "sslaccept has a value"],
    [
      "sslrootcert=system&sslmode=require",
      "sslrootcert is system, which libpq takes with sslmode=verify-full alone",
    ],
    ["sslmode=disable&sslrootcert=/ca", "sslrootcert names a certificate, and TLS is switched off"],
    ["sslmode=disable&sslcert=/c&sslkey=/k", "sslcert names a certificate, and TLS is switched off"],
    ["sslcert=/c", "sslcert stands without sslkey"],
    ["ssl=%7B%22ca%22:%22/x%22%7D", "ssl holds an object"],
    ["sslrootcert=-----BEGIN%20CERTIFICATE-----", "sslrootcert must be the path of a PEM file"],
    ["sslrootcert=/x.jks", "keystore"],
    ["sslidentity=/x.p12", "keystore"],
    ["sslkeylogfile=/x", "session's keys"],
    ["oauth_issuer=x", "a person at a browser"],
    ["scram_client_key=x", "no safe way"],
    ["sslfactory=com.example.Own", "class of Java's"],
    ["replication=database", "replication connection"],
    ["connect_timeout=soon", "connect_timeout must be a whole number"],
    ["target_session_attrs=loud", "is none of any, read-write"],
    ["endpoint=a&options=-cx", "endpoint and options contradict each other"],
    ["sslpassword=a&service=b", "both need libpq's service file"],
    ["socketFactory=com.google.cloud.sql.postgres.SocketFactory", "Google's connector"],
    ["sshHost=a", "a tunnel or proxy"],
    ["wrapperPlugins=iam", "fetch its own password"],
    ["tls=true", "tls is unknown to libpq, and it speaks of security"],
    ["rejectUnauthorized=true", "speaks of security"],
    ["trustStorePassword=s3cret", "speaks of security"],
    ["mode=verify", "speaks of security"],
    ["ca=/x", "speaks of security"],
  ])("%s", (query, words) => {
    const { problems } = review(query);
    expect(problems).toContainEqual(expect.stringContaining(words));
    for (const problem of problems) expect(problem).toStartWith("DB_URI (--db-uri)");
  });
});

describe("files and authorities", () => {
  test("that a URI names are told", () => {
    const files = postgres.namedFiles(
      requestOf("postgresql://h/db?ssl_root_cert=/ca&sslcert=/c&sslkey=/k&sslcrl=/l"),
    );
    expect(files.map(({ setting, path }) => `${setting} ${path}`)).toEqual([
      "DB_URI (--db-uri): ssl_root_cert /ca",
      "DB_URI (--db-uri): sslcert /c",
      "DB_URI (--db-uri): sslkey /k",
      "DB_URI (--db-uri): sslcrl /l",
    ]);
    expect(postgres.namedFiles(requestOf("postgresql://h/db?sslcert=/c&sslkey=pkcs11:a"))).toHaveLength(1);
    expect(postgres.namedFiles(requestOf("postgresql://h/db?sslrootcert=system"))).toEqual([]);
  });

  const nothing = { caBundle: null, libpqRoot: null };
  test.each([
    ["sslmode=require", nothing, null],
    ["sslmode=verify-full&sslrootcert=/ca", nothing, null],
    ["sslmode=verify-full", { caBundle: "/c", libpqRoot: null }, null],
    ["sslmode=verify-full", { caBundle: null, libpqRoot: "/r" }, null],
    ["sslmode=verify-ca", { caBundle: null, libpqRoot: "/r" }, null],
    ["sslmode=verify-full", nothing, "install ca-certificates"],
    ["sslrootcert=system", { caBundle: null, libpqRoot: "/r" }, "install ca-certificates"],
    ["sslmode=verify-ca", { caBundle: "/c", libpqRoot: null }, "name it with sslrootcert=FILE"],
  ])("for %s with %j", (query, authorities, hint) => {
    const problem = postgres.missingAuthority(requestOf(`postgresql://h/db?${query}`), authorities);
    if (hint === null) expect(problem).toBeNull();
    else expect(problem?.hint).toContain(hint);
  });
});
