import { describe, expect, test } from "bun:test";
import { helpText } from "../../../src/commands/help.ts";
import { options } from "../../../src/config/options.ts";

describe("help", () => {
  test("names every setting of the engine, and none of another's", () => {
    const text = helpText("pg", "PostgreSQL");
    for (const row of Object.values(options)) {
      if ("engines" in row && row.engines !== undefined) expect(text).not.toContain(row.variable);
      else expect(text).toContain(`${row.variable}`);
    }
    expect(helpText("mongo", "MongoDB")).toContain("--db-auth-source, DB_AUTH_SOURCE");
  });

  test("prints the exit codes", () => {
    expect(helpText("pg", "PostgreSQL")).toMatch(/ {2}143 {2}stopped by SIGTERM/);
  });
});
