import { describe, expect, test } from "bun:test";
import { readCommandLine } from "../../../src/commands/command-line.ts";
import { UsageError } from "../../../src/errors.ts";

const read = (...argv: string[]) => readCommandLine("pg", argv);

async function problemsOf(...argv: string[]) {
  const error = await read(...argv).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  return error instanceof UsageError ? error.problems : [];
}

describe("flags", () => {
  test.each<[string, string[], Record<string, string>]>([
    ["two words", ["--db-host", "db"], { "db-host": "db" }],
    ["one word", ["--db-host=db"], { "db-host": "db" }],
    ["a value with an equals sign", ["--db-uri=postgres://h/d?a=b"], { "db-uri": "postgres://h/d?a=b" }],
    [
      "a value that begins with --no-",
      ["--dump-extra-args", "--no-owner"],
      { "dump-extra-args": "--no-owner" },
    ],
    [
      "the same in one word",
      ["--dump-extra-args=--no-owner --no-acl"],
      { "dump-extra-args": "--no-owner --no-acl" },
    ],
    ["a value that begins with one dash", ["--dump-extra-args", "-Fc"], { "dump-extra-args": "-Fc" }],
    ["true or false alone", ["--dry-run"], { "dry-run": "true" }],
    ["true or false with a value", ["--dry-run", "false"], { "dry-run": "false" }],
    [
      "true or false before another flag",
      ["--dry-run", "--db-host", "db"],
      { "dry-run": "true", "db-host": "db" },
    ],
    ["compression alone", ["--backup-compress"], { "backup-compress": "true" }],
    ["compression with a method", ["--backup-compress", "zstd:7"], { "backup-compress": "zstd:7" }],
    ["a file", ["--db-password-file", "/run/secrets/pw"], { "db-password-file": "/run/secrets/pw" }],
    ["an alias", ["--backup-all-dbs"], { "backup-all-dbs": "true" }],
    ["a cron expression", ["--backup-schedule", "0 2 * * *"], { "backup-schedule": "0 2 * * *" }],
    ["blanks and quotes", ["--hook-pre-backup", `echo "it's on"`], { "hook-pre-backup": `echo "it's on"` }],
  ])("%s", async (_, argv, expected) => {
    const line = await read(...argv);
    expect(line.command).toBe("backup");
    expect(Object.fromEntries(line.flags)).toEqual(expected);
  });

  test.each<[string, string[], string, string | undefined]>([
    [
      "an unknown flag is told with the nearest name",
      ["--retention-max-day", "3"],
      "unknown flag: --retention-max-day",
      "did you mean --retention-max-days?",
    ],
    [
      "an unknown flag never repeats its value",
      ["--pasword=hunter2"],
      "unknown flag: --pasword",
      "see --help",
    ],
    ["a short flag", ["-x"], "unknown flag: -x", "see --help"],
    ["a missing value", ["--db-host"], "--db-host needs a value", undefined],
    ["a forgotten value", ["--db-host", "--db-name", "shop"], "--db-host needs a value", undefined],
    ["another engine's flag", ["--db-auth-source", "admin"], "unknown flag: --db-auth-source", "see --help"],
    ["a stray word", ["lst"], "unknown command: lst", "did you mean list?"],
    [
      "a second stray word",
      ["list", "shop"],
      "unexpected word: shop",
      "settings are given as flags or variables; see --help",
    ],
  ])("%s", async (_, argv, message, hint) => {
    const problem = (await problemsOf(...argv))[0];
    expect(problem?.message).toBe(message);
    expect(problem?.hint).toBe(hint as string);
  });

  test("all of them are told at once", async () => {
    expect(await problemsOf("--aaa", "--bbb=1", "--db-host")).toHaveLength(3);
  });
});

describe("commands", () => {
  test.each<[string[], string]>([
    [["list"], "list"],
    [["--db-host", "db", "list"], "list"],
    [["verify"], "verify"],
    [["healthcheck"], "healthcheck"],
    [["--help"], "help"],
    [["list", "-h"], "help"],
    [["--version"], "version"],
    [[], "backup"],
  ])("%j is %s", async (argv, command) => {
    expect((await read(...argv)).command).toBe(command as "backup");
  });

  test("list takes --json, verify takes a name", async () => {
    expect((await read("list", "--json")).json).toBe(true);
    expect((await read("verify", "shop-20260207T020000Z.sql")).name).toBe("shop-20260207T020000Z.sql");
    expect((await read("verify")).name).toBeNull();
    for (const words of [["--json"], ["verify", "--json"], ["--db-name", "list", "--json"]])
      expect((await problemsOf(...words)).map(({ message }) => message)).toEqual(["unknown flag: --json"]);
  });
});
