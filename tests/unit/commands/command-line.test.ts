import { describe, expect, test } from "bun:test";
import { type CommandLine, readCommandLine } from "../../../src/commands/command-line.ts";
import type { CommandName } from "../../../src/commands/words.ts";
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
    expect(line.command).toBeNull();
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
    [
      "an unknown flag takes the word behind it along",
      ["--retention-days", "3"],
      "unknown flag: --retention-days",
      "did you mean --retention-max-days?",
    ],
    [
      "one whose words may be several",
      ["--retention-max", "3"],
      "unknown flag: --retention-max",
      "did you mean --retention-max-files or --retention-max-days?",
    ],
    [
      "one word of a name",
      ["--template=x"],
      "unknown flag: --template",
      "did you mean --backup-name-template?",
    ],
    ["a name of others", ["--db-username", "joe"], "unknown flag: --db-username", "did you mean --db-user?"],
    [
      "a flag that is given twice",
      ["--rclone-remote", "/a", "--rclone-remote=/b"],
      "--rclone-remote stands there twice, with different values",
      "leave one of both out",
    ],
    [
      "one that is given by both of its names",
      ["--backup-all-dbs", "--backup-all-databases=false"],
      "--backup-all-databases stands there twice, with different values",
      "leave one of both out",
    ],
    ["a short flag", ["-x"], "unknown flag: -x", "see --help"],
    ["a missing value", ["--db-host"], "--db-host needs a value", undefined],
    ["a forgotten value", ["--db-host", "--db-name", "shop"], "--db-host needs a value", undefined],
    ["another engine's flag", ["--db-auth-source", "admin"], "unknown flag: --db-auth-source", "see --help"],
    ["a stray word", ["lst"], "unknown command: lst", "did you mean list?"],
    ["two letters that changed places", ["hlep"], "unknown command: hlep", "did you mean help?"],
    ["a word of help that is none", ["help", "verfy"], "unknown command: verfy", "did you mean verify?"],
    [
      "a word that is like none",
      ["frobnicate"],
      "unknown command: frobnicate",
      "commands are backup, check, list, verify, prune, restore, healthcheck, help, version; without one a backup is made as BACKUP_SCHEDULE says",
    ],
    ["an env file without a name", ["--env-file"], "--env-file needs a file", undefined],
    ["an env file with an empty name", ["--env-file=", "list"], "--env-file needs a file", undefined],
    ["a flag in place of an env file", ["--env-file", "--json"], "--env-file needs a file", undefined],
    ["two env files", ["--env-file", "a", "--env-file=b"], "--env-file stands there twice", undefined],
    [
      "a flag that is nearly --env-file",
      ["--env-fil", "a"],
      "unknown flag: --env-fil",
      "did you mean --env-file?",
    ],
    [
      "a stray word behind backup",
      ["backup", "now"],
      "unexpected word: now",
      "settings are given as flags or variables; see --help",
    ],
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

  test.each([
    [["--retention-days", "3"]],
    [["--frobnicate", "3", "list"]],
    [["-x", "3"]],
    [["--frobnicate", "list"]],
    [["list", "--frobnicate=1"]],
  ])("%j has one fault, and one alone is told", async (argv) => {
    expect(await problemsOf(...argv)).toHaveLength(1);
  });

  test("the same thing twice is no fault", async () => {
    const { flags } = await read("--db-host", "a", "--db-host=a", "--dry-run", "--dry-run=true");
    expect(Object.fromEntries(flags)).toEqual({ "db-host": "a", "dry-run": "true" });
  });

  test("two values of one flag are not told", async () => {
    const problems = await problemsOf("--db-password=hunter2", "--db-password=hunter3");
    expect(JSON.stringify(problems)).not.toContain("hunter");
  });

  test("all of them are told at once", async () => {
    expect(await problemsOf("--aaa", "--bbb=1", "--db-host")).toHaveLength(3);
  });
});

describe("commands", () => {
  test.each<[string[], CommandLine["command"]]>([
    [["list"], "list"],
    [["--db-host", "db", "list"], "list"],
    [["--dry-run", "prune"], "prune"],
    [["prune", "--dry-run"], "prune"],
    [["backup"], "backup"],
    [["check", "--notify", "--json"], "check"],
    [["verify"], "verify"],
    [["healthcheck"], "healthcheck"],
    [["restore"], "restore"],
    [["restore", "shop-20260207T020000Z.sql", "here"], "restore"],
    [["help"], "help"],
    [["--help"], "help"],
    [["--nonsense", "-h"], "help"],
    [["version"], "version"],
    [["--version"], "version"],
    [["-V"], "version"],
    [["--env-file", "list"], null],
    [[], null],
  ])("%j is %s", async (argv, command) => {
    expect((await read(...argv)).command).toBe(command);
  });

  test.each<[string[], CommandName | null]>([
    [["help"], null],
    [["help", "list"], "list"],
    [["list", "--help"], "list"],
    [["-h", "prune"], "prune"],
    [["--help", "nonsense"], null],
  ])("%j asks for help on %s", async (argv, name) => {
    expect(await read(...argv)).toMatchObject({ command: "help", name });
  });

  test("a flag's value is no call for help", async () => {
    expect((await read("--db-name", "--help")).command).toBe("help");
    expect(Object.fromEntries((await read("--db-host=--help")).flags)).toEqual({ "db-host": "--help" });
    expect(Object.fromEntries((await read("--dump-extra-args", "-h")).flags)).toEqual({
      "dump-extra-args": "-h",
    });
  });

  test.each([
    [["--env-file", "/etc/x.env", "list"]],
    [["list", "--env-file", "/etc/x.env"]],
    [["list", "--env-file=/etc/x.env"]],
  ])("%j reads an env file", async (argv) => {
    expect(await read(...argv)).toMatchObject({ command: "list", envFile: "/etc/x.env" });
  });

  test("each takes the flags that are its own, and no other", async () => {
    expect([...(await read("list", "--json")).switches]).toEqual(["json"]);
    expect([...(await read("--notify", "check")).switches]).toEqual(["notify"]);
    for (const words of [["--json"], ["verify", "--json"], ["--db-name", "list", "--json"]])
      expect((await problemsOf(...words)).map(({ message }) => message)).toEqual(["unknown flag: --json"]);
  });

  test("verify takes a name", async () => {
    expect((await read("verify", "shop-20260207T020000Z.sql")).name).toBe("shop-20260207T020000Z.sql");
    expect((await read("verify")).name).toBeNull();
  });
});
