import { describe, expect, test } from "bun:test";
import { mayAnywhere, mayReadTable, parseGrants } from "../../../../src/engine/mysql/grants.ts";

const to = "TO `u`@`%`";
const may = (lines: readonly string[], privilege: string, database: string | null): boolean =>
  mayAnywhere(parseGrants(lines), [privilege], database);

describe("a line is passed over that", () => {
  test.each([
    ["is none of grants", "server\t10.11.19-MariaDB"],
    ["grants a role", `GRANT \`r\`@\`%\` ${to}`],
    ["grants a proxy", "GRANT PROXY ON ''@'' TO 'root'@'localhost' WITH GRANT OPTION"],
    ["grants a routine", `GRANT EXECUTE ON PROCEDURE \`shop\`.\`p\` ${to}`],
    ["is cut", "GRANT SELECT ON `shop`"],
  ])("%s", (_, line) => {
    expect(parseGrants([line])).toEqual([]);
  });
});

describe("everything in a database may be read", () => {
  test.each<[string, string[], string | null, boolean]>([
    ["by a grant on all", [`GRANT SELECT ON *.* ${to}`], "shop", true],
    ["on all databases, by a grant on all alone", [`GRANT SELECT ON *.* ${to}`], null, true],
    ["not on all, by one on a database", [`GRANT SELECT ON \`shop\`.* ${to}`], null, false],
    ["by all privileges", [`GRANT ALL PRIVILEGES ON \`shop\`.* ${to}`], "shop", true],
    ["by one of several", [`GRANT INSERT, SELECT, EVENT ON \`shop\`.* ${to}`], "shop", true],
    ["not by another one", [`GRANT SHOW VIEW ON \`shop\`.* ${to}`], "shop", false],
    ["not by one on a table", [`GRANT SELECT ON \`shop\`.\`t\` ${to}`], "shop", false],
    ["not by one on columns", [`GRANT SELECT (\`a\`, \`b\`), INSERT ON \`shop\`.* ${to}`], "shop", false],
    ["by a pattern", [`GRANT SELECT ON \`s_o%\`.* ${to}`], "shop", true],
    ["not by a pattern of another length", [`GRANT SELECT ON \`sho_\`.* ${to}`], "shops", false],
    ["not by an escaped character", [`GRANT SELECT ON \`sho\\_\`.* ${to}`], "shop", false],
    ["by an escaped character as it is", [`GRANT SELECT ON \`my\\_shop\`.* ${to}`], "my_shop", true],
    [
      "not by what means something to a regular expression",
      [`GRANT SELECT ON \`sh.p\`.* ${to}`],
      "shop",
      false,
    ],
    [
      "not where it was revoked",
      [`GRANT SELECT ON *.* ${to}`, "REVOKE SELECT ON `shop`.* FROM `u`@`%`"],
      "shop",
      false,
    ],
    [
      "where it was revoked elsewhere",
      [`GRANT SELECT ON *.* ${to}`, "REVOKE SELECT ON `x`.* FROM `u`@`%`"],
      "shop",
      true,
    ],
  ])("%s", (_, lines, database, expected) => {
    expect(may(lines, "SELECT", database)).toBe(expected);
  });
});

describe("a table of the system may be read", () => {
  test.each([
    ["by a grant on it", "`mysql`.`proc`", true],
    ["by one on its schema", "`mysql`.*", true],
    ["by one on all", "*.*", true],
    ["not by one on another", "`mysql`.`db`", false],
  ])("%s", (_, on, expected) => {
    expect(mayReadTable(parseGrants([`GRANT SELECT ON ${on} ${to}`]), "mysql", "proc")).toBe(expected);
  });

  test("not by another privilege, nor by one that was revoked", () => {
    const lines = [`GRANT INSERT ON \`mysql\`.* ${to}`, "REVOKE SELECT ON `mysql`.* FROM `u`@`%`"];
    expect(mayReadTable(parseGrants(lines), "mysql", "proc")).toBe(false);
  });
});
