import { describe, expect, test } from "bun:test";
import type { DumpRequest } from "../../../../src/engine/engine.ts";
import { mayAnywhere, parseGrants } from "../../../../src/engine/mysql/grants.ts";
import { mariadb, mysql } from "../../../../src/engine/mysql/mysql.ts";
import { outcomeOf, requestOf, streamPaths as paths } from "../dump-request.ts";

const mariadbServer = "10.11.19-MariaDB-0+deb12u1";
const everything = "GRANT ALL PRIVILEGES ON *.* TO `u`@`%` WITH GRANT OPTION";

const request = (change: Partial<DumpRequest> = {}): DumpRequest => requestOf("mysql://u:p@h/shop", change);

interface Answers {
  readonly server?: string;
  readonly grants?: readonly string[];
  readonly engines?: readonly string[];
  readonly client?: string;
  readonly change?: Partial<DumpRequest>;
}

/** What the inspection tells, of either kind. */
function told({ server = mariadbServer, grants = [everything], engines = [], client, change }: Answers): {
  readonly warnings: readonly string[];
  readonly leftOut: readonly string[];
} {
  const probe = mariadb.inspection(request(change), paths, { client: client ?? "mariadb 10 11" });
  const stdout = [
    `server\t${server}`,
    "user\tu@10.0.0.%",
    ...engines.map((row) => `engine\t${row}`),
    ...grants,
    "",
  ];
  const finding = probe?.interpret(
    outcomeOf({ exitCode: 1, stdout: stdout.join("\n"), stderr: "ERROR 1064" }),
  );
  return { warnings: finding?.warnings.map(String) ?? [], leftOut: finding?.leftOut.map(String) ?? [] };
}

function warnings(answers: Answers): readonly string[] {
  expect(told(answers).leftOut).toEqual([]);
  return told(answers).warnings;
}

function leftOut(answers: Answers): readonly string[] {
  expect(told(answers).warnings).toEqual([]);
  return told(answers).leftOut;
}

/** What is missing, by the privilege each warning names. */
function missing(
  grants: readonly string[],
  change: Partial<DumpRequest> = {},
  server = mariadbServer,
): string {
  return leftOut({
    grants,
    change,
    server,
    client: server.includes("MariaDB") ? "mariadb 10 11" : "oracle 9 7",
  })
    .map((warning) => /GRANT (\S+) ON/.exec(warning)?.[1])
    .join(" ");
}

describe("the grants of a user", () => {
  const usage =
    "GRANT USAGE ON *.* TO `u`@`%` IDENTIFIED BY PASSWORD '*1A9AA9F888DDB73CE60109B2A301F7C5A18C45E3'";
  const all = { database: null };

  test.each([
    ["everything", [everything], ""],
    ["everything on the database", [usage, "GRANT ALL PRIVILEGES ON `shop`.* TO `u`@`%`"], ""],
    [
      "what a backup needs",
      ["GRANT SELECT, LOCK TABLES, EXECUTE, SHOW VIEW, EVENT, TRIGGER ON *.* TO `u`@`%`"],
      "",
    ],
    ["reading alone", [usage, "GRANT SELECT, SHOW VIEW ON `shop`.* TO `u`@`%`"], "TRIGGER EXECUTE"],
    ["one table", [usage, "GRANT SELECT ON `shop`.`t` TO `u`@`%`"], "SELECT TRIGGER EXECUTE"],
    ["columns", ["GRANT SELECT (`a`, `b`), TRIGGER, EXECUTE ON `shop`.* TO `u`@`%`"], "SELECT"],
    ["another database", [usage, "GRANT ALL PRIVILEGES ON `shop2`.* TO `u`@`%`"], "SELECT TRIGGER EXECUTE"],
    ["a pattern", ["GRANT ALL PRIVILEGES ON `sh%`.* TO `u`@`%`"], ""],
    ["a pattern of one character", ["GRANT ALL PRIVILEGES ON `sho_`.* TO `u`@`%`"], ""],
    ["an escaped pattern", ["GRANT ALL PRIVILEGES ON `sho\\_`.* TO `u`@`%`"], "SELECT TRIGGER EXECUTE"],
    ["reading all, and routines by it", ["GRANT SELECT, TRIGGER ON *.* TO `u`@`%`"], ""],
    [
      "routines by mysql.proc",
      ["GRANT SELECT, TRIGGER ON `shop`.* TO `u`@`%`", "GRANT SELECT ON `mysql`.`proc` TO `u`@`%`"],
      "",
    ],
    [
      "a role's part",
      [
        "GRANT `r`@`%` TO `u`@`%`",
        "GRANT SELECT, EXECUTE ON `shop`.* TO `u`@`%`",
        "GRANT TRIGGER ON `shop`.* TO `r`",
      ],
      "",
    ],
    [
      "a routine's right",
      ["GRANT SELECT, TRIGGER ON `shop`.* TO `u`@`%`", "GRANT EXECUTE ON PROCEDURE `shop`.`p` TO `u`@`%`"],
      "EXECUTE",
    ],
  ] as const)("with %s", (_, grants, expected) => {
    expect(missing(grants)).toBe(expected);
  });

  test.each([
    [
      ["GRANT SELECT, TRIGGER, EXECUTE ON *.* TO `u`@`%`", "REVOKE SELECT ON `shop`.* FROM `u`@`%`"],
      {},
      "SELECT",
    ],
    [["GRANT SELECT, TRIGGER ON `shop`.* TO `u`@`%`", "GRANT SHOW_ROUTINE ON *.* TO `u`@`%`"], {}, ""],
    [["GRANT SELECT, TRIGGER ON `shop`.* TO `u`@`%`", "GRANT SELECT ON `mysql`.* TO `u`@`%`"], {}, "EXECUTE"],
    [["GRANT SELECT ON `shop`.* TO `u`@`%`"], { extraArgs: ["--skip-triggers", "--skip-routines"] }, ""],
    [["GRANT ALL PRIVILEGES ON `shop`.* TO `u`@`%`"], all, "SELECT TRIGGER EXECUTE"],
    [[everything], all, ""],
  ])("on MySQL (%#)", (grants, change, expected) => {
    expect(missing(grants, change, "9.7.4")).toBe(expected);
  });

  test("are told with the statement that mends them", () => {
    expect(leftOut({ grants: ["GRANT SELECT, EXECUTE ON `shop`.* TO `u`@`%`"] })).toEqual([
      "triggers the user may not see are missing from the backup: GRANT TRIGGER ON `shop`.* TO 'u'@'10.0.0.%' lets it see all",
    ]);
  });

  test("that can't be read lead to no warnings", () => {
    expect(warnings({ grants: [] })).toEqual([]);
  });

  test("quote names with backticks in them", () => {
    const grants = parseGrants(["GRANT SELECT ON `a``b`.* TO `u`@`%`"]);
    expect(mayAnywhere(grants, ["SELECT"], "a`b")).toBe(true);
    expect(mayAnywhere(grants, ["SELECT"], "a")).toBe(false);
  });
});

test("tables outside the snapshot are told by engine and number", () => {
  expect(warnings({ engines: ["MyISAM\t3", "Aria\t1"] })).toEqual([
    expect.stringContaining("(3 MyISAM, 1 Aria)"),
  ]);
});

describe("a client that does not fit the server", () => {
  test.each([
    ["mariadb 10 11", "10.11.19-MariaDB", []],
    ["mariadb 11 8", "10.11.19-MariaDB", []],
    ["mariadb 10 11", "11.8.2-MariaDB", ["older than the server"]],
    ["oracle 9 7", "8.4.9", []],
    ["oracle 8 4", "9.7.4-2", ["older than the server"]],
    ["oracle 8 0", "11.8.2-MariaDB", ["the server is MariaDB"]],
    ["oracle 8 0", "5.5.68-MariaDB", []],
    ["mariadb 11 8", "9.7.4", ["the client is MariaDB's"]],
    ["mariadb 11 8", "5.7.44", []],
  ])("%s against %s", (client, server, expected) => {
    expect(warnings({ client, server })).toEqual(expected.map((part) => expect.stringContaining(part)));
  });
});

test("the inspection runs apart from the dump, and holds no secret", () => {
  const command = mysql.inspection(request(), paths, { client: "oracle 9 7" })?.command;
  expect(command?.tools).toEqual(["mysql"]);
  expect(command?.args[0]).toBe("--defaults-file=/private/inspection.cnf");
  expect(command?.files.map(({ path }) => path)).toEqual(["/private/inspection.cnf"]);
  expect(command?.args.slice(-2)).toEqual(["--", "shop"]);
});

test("the inspection takes over what the user's arguments say about the connection, and no more", () => {
  const extraArgs = ["--skip-ssl", "--where=x", "--ssl-ca=/ca"];
  const args = mariadb.inspection(request({ extraArgs, database: null }), paths, { client: "mariadb 11 8" })
    ?.command.args;
  expect(args).toContain("--skip-ssl");
  expect(args).toContain("--ssl-ca=/ca");
  expect(args).not.toContain("--where=x");
  expect(args).not.toContain("--");
});
