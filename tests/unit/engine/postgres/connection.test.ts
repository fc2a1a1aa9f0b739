import { describe, expect, test } from "bun:test";
import { postgres } from "../../../../src/engine/postgres/postgres.ts";
import { requestOf as request, streamPaths as stream } from "../dump-request.ts";

describe("the connection string", () => {
  test.each([
    ["postgresql://u:p@h/db", "host=h user=u dbname=db"],
    ["postgresql://h:5433/db", "host=h port=5433 dbname=db"],
    ["postgresql://u@h1:1,h2/db", "host=h1,h2 port=1, user=u dbname=db"],
    ["postgresql://[::1]:5433/db", "host=::1 port=5433 dbname=db"],
    ["postgresql://%2Frun%2Fpg/db", "host=/run/pg dbname=db"],
    ["postgresql:///db?host=/run/pg", "host=/run/pg dbname=db"],
    ["postgresql:///db?port=5433", "port=5433 dbname=db"],
    ["postgresql://h/my%20db", "host=h dbname='my db'"],
    ["postgresql://h/it's%5C", "host=h dbname='it\\'s\\\\'"],
    ["postgresql://it%27s%20u@h/db", "host=h user='it\\'s u' dbname=db"],
    [
      "postgresql://h/db?sslmode=verify-full&sslrootcert=/ca.pem",
      "host=h dbname=db sslmode=verify-full sslrootcert=/ca.pem",
    ],
    ["postgresql://h/db?ssl=true", "host=h dbname=db sslmode=require"],
    ["postgresql://h/db?schema=public&pgbouncer=true", "host=h dbname=db"],
    ["postgresql://h/-x", "host=h dbname=-x"],
    ["postgresql://h/a=b", "host=h dbname='a=b'"],
  ])("of %s", (text, expected) => {
    expect(conninfo(text)).toBe(expected);
  });

  test("gives way to the URI's own time limits", () => {
    const [last] = postgres
      .dumpCommand(request("postgresql://h/db?connect_timeout=3"), stream)
      .args.slice(-1);
    expect(last).toContain("connect_timeout=3 ");
    expect(last).not.toContain("connect_timeout=30");
  });
});

describe("secrets", () => {
  test("travel in the environment", () => {
    const { args, env, files } = postgres.dumpCommand(request("postgresql://u:p%40%27s@h/db"), stream);
    expect(env).toEqual({ PGPASSWORD: "p@'s" });
    expect(files).toEqual([]);
    expect(args.join(" ")).not.toContain("p@'s");
  });

  test("of a client key travel in a private service file", () => {
    const { args, env, files } = postgres.dumpCommand(request("postgresql://h/db?sslpassword=k3y"), stream);
    expect(env).toEqual({ PGSERVICEFILE: "/private/pg_service.conf" });
    expect(files.map(({ path, content }) => [path, content.reveal()])).toEqual([
      ["/private/pg_service.conf", "[dbstash]\nsslpassword=k3y\n"],
    ]);
    expect(args.join(" ")).not.toContain("k3y");
    expect(args.at(-1)).toStartWith("--dbname=service=dbstash ");
  });

  test("that are not set ask for nothing", () => {
    expect(postgres.dumpCommand(request("postgresql://u@h/db"), stream).env).toEqual({});
  });
});

test("a client key's password that a service file can't hold is refused", () => {
  const problems = (query: string) => postgres.review(request(`postgresql://u@h/db?${query}`)).problems;
  expect(problems("sslpassword=a%20b")).toEqual([]);
  for (const password of ["ab%20", "%09ab", "a%0Ab"])
    expect(problems(`sslpassword=${password}`).map(({ message }) => message)).toEqual([
      expect.stringContaining("a service file of libpq's can't hold"),
    ]);
});

/** The conninfo string of the command, without the parameters that are always there. */
function conninfo(text: string): string {
  const last = postgres.dumpCommand(request(text), stream).args.at(-1) ?? "";
  return last
    .replace(/^--dbname=/, "")
    .replace(/ (connect_timeout=30|keepalives_idle=60|fallback_application_name=dbstash)/g, "");
}
