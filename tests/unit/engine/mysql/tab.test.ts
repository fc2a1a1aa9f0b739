import { describe, expect, test } from "bun:test";
import type { DumpRequest, ProbeOutcome } from "../../../../src/engine/engine.ts";
import { mariadb, mysql } from "../../../../src/engine/mysql/mysql.ts";
import { outcomeOf, requestOf, streamPaths } from "../dump-request.ts";

const token = "5f0c1d2e3a4b5c6d";
const paths = { ...streamPaths, outputDir: `/spool/o'ut/${token}` };
const client = { client: "mariadb 10 11", answer: "true" };
const facts = { ...client, tables: "2" };

const request = (extraArgs: readonly string[] = []): DumpRequest =>
  requestOf("mariadb://u:p@h/db", { mode: "directory", extraArgs });

const probe = mariadb.nextProbe(request(), paths, client);

function finding(change: Partial<ProbeOutcome>) {
  return probe?.interpret(outcomeOf({ stdout: "tables\t3\n", ...change }));
}

/** The first problem with its hint. */
function complaint(change: Partial<ProbeOutcome>): string {
  const problem = finding(change)?.problems[0];
  return `${problem?.message}: ${problem?.hint}`;
}

describe("the question whether the server shares our files", () => {
  test("is asked with a file that the server writes into the output folder", () => {
    const sql = probe?.command.args.find((word) => word.startsWith("--execute="));
    expect(sql).toEndWith(`SELECT '${token}' INTO OUTFILE '/spool/o\\'ut/${token}/dbstash-probe.txt'`);
    expect(probe?.command.args.slice(-2)).toEqual(["--", "db"]);
    expect(probe?.readsFile).toBe(`/spool/o'ut/${token}/dbstash-probe.txt`);
  });

  test("has an option file of its own", () => {
    expect(probe?.command.files.map(({ path }) => path)).toEqual(["/private/tab.cnf"]);
  });

  test("is asked once, and not in stream mode", () => {
    expect(mariadb.nextProbe(request(), paths, facts)).toBeNull();
    expect(mariadb.nextProbe(request(), { ...paths, outputDir: null }, client)).toBeNull();
  });

  test("is answered by that file with its content", () => {
    expect(finding({ fileContent: `${token}\n` })).toEqual({
      problems: [],
      warnings: [],
      leftOut: [],
      facts: { tables: "3" },
    });
  });

  test.each([
    ["no file", { fileContent: null }, "can't be read here"],
    ["another file", { fileContent: "else" }, "can't be read here"],
    ["no client program", { exitCode: null }, "gave no answer"],
    [
      "no such folder there",
      {
        exitCode: 1,
        stderr:
          "ERROR 1 (HY000) at line 1: Can't create/write to file '/x' (OS errno 2 - No such file or directory)",
      },
      "does not share",
    ],
    [
      "no such folder there, in MariaDB's words",
      {
        exitCode: 1,
        stderr: "ERROR 1 (HY000): Can't create/write to file '/x' (Errcode: 2 \"No such file or directory\")",
      },
      "does not share",
    ],
    [
      "a folder closed to the server",
      {
        exitCode: 1,
        stderr: "ERROR 1 (HY000): Can't create/write to file '/x' (Errcode: 13 \"Permission denied\")",
      },
      "mode 0711",
    ],
    [
      "secure_file_priv",
      {
        exitCode: 1,
        stderr: "ERROR 1290 (HY000): The MySQL server is running with the --secure-file-priv option",
      },
      "secure_file_priv",
    ],
    [
      "no privilege",
      {
        exitCode: 1,
        stderr: "ERROR 1227 (42000): Access denied; you need (at least one of) the FILE privilege(s)",
      },
      "GRANT FILE",
    ],
    [
      "no privilege, in another server's words",
      { exitCode: 1, stderr: "ERROR 1045 (28000): Access denied for user 'u'@'h' (using password: YES)" },
      "could not be asked",
    ],
    [
      "an unknown database",
      { exitCode: 1, stderr: "ERROR 1049 (42000): Unknown database 'db'" },
      "could not be asked",
    ],
  ] as const)("is answered badly by %s", (_, change, words) => {
    expect(complaint(change)).toContain(words);
  });

  test("is asked together with names that MySQL's client can't make files of", () => {
    const answer = outcomeOf({ stdout: "tables\t1\nunwritable\t../x\n", fileContent: token });
    const own = mysql.nextProbe(request(), paths, { client: "oracle 9 7", answer: "true" });
    expect(own?.command.args.join(" ")).toContain("'unwritable'");
    expect(own?.interpret(answer).problems.map(({ message }) => message)).toEqual([
      expect.stringContaining("can't hold ../x"),
    ]);
    expect(probe?.command.args.join(" ")).not.toContain("'unwritable'");
  });

  test("is asked together with character sets whose files can't be read back", () => {
    const stdout = "tables\t1\nunescaped\tgbk\torders\n";
    const [problem] = probe?.interpret(outcomeOf({ stdout, fileContent: token })).problems ?? [];
    expect(problem?.message).toContain("can't hold orders: in the character set gbk");
    expect(problem?.hint).toContain("BACKUP_MODE=stream");
  });

  test("names the way out where the server is elsewhere", () => {
    expect(complaint({ fileContent: null })).toContain("BACKUP_MODE=stream");
  });
});

describe("the folder", () => {
  const plan = mariadb.folderPlan(request(), paths, facts);

  test("takes tables first, and triggers, routines and events apart", () => {
    expect(plan.steps.map(({ stdoutFile }) => stdoutFile)).toEqual([
      "dbstash-sequences.sql",
      "dbstash-load.sql",
      "dbstash-routines.sql",
    ]);
    const [tables = [], , routines = []] = plan.steps.map(({ command }) => command.args);
    expect(tables.slice(-3)).toEqual(["--skip-triggers", `--tab=${paths.outputDir}`, "db"]);
    expect(tables).not.toContain("--routines");
    // The server would convert what it writes, and the definitions would not be in utf8mb4.
    expect(tables.join(" ")).not.toContain("character-set");
    expect(routines.slice(-7)).toEqual([
      "--no-data",
      "--no-create-info",
      "--default-character-set=utf8mb4",
      "--routines",
      "--events",
      "--triggers",
      "db",
    ]);
    expect(routines.join(" ")).not.toContain("--tab");
  });

  test("takes the user's arguments for the tables, and for the rest those that fit there too", () => {
    const { steps } = mariadb.folderPlan(
      request(["--fields-terminated-by=,", "--skip-ssl", "--skip-events"]),
      paths,
      facts,
    );
    const [tables, load, routines] = steps.map(({ command }) => command.args);
    expect(tables?.slice(-4)).toEqual(["db", "--fields-terminated-by=,", "--skip-ssl", "--skip-events"]);
    expect(routines?.slice(-3)).toEqual(["db", "--skip-ssl", "--skip-events"]);
    expect(load).toContain("--skip-ssl");
    expect(load).not.toContain("--skip-events");
  });

  const files = (...names: string[]) => names.map((path) => ({ path, bytes: 1 }));

  test("is whole with the data of every table", () => {
    expect(plan.check(files("a.sql", "a.txt", "b.sql", "b.txt", "dbstash-routines.sql"))).toEqual([]);
  });

  test("lacks a table whose data is missing", () => {
    expect(plan.check(files("a.sql", "a.txt", "b.sql")).map(({ message }) => message)).toEqual([
      "the server wrote the data of 1 of 2 tables",
    ]);
    expect(plan.check([])).toHaveLength(1);
  });

  test("may lack tables where the user's arguments leave some out", () => {
    const { check } = mariadb.folderPlan(request(["--ignore-table=db.b"]), paths, facts);
    expect(check(files("a.sql", "a.txt"))).toEqual([]);
  });

  test("is one the server writes, so it stands before the dump", () => {
    expect(mariadb.serverWritesFolder).toBe(true);
  });
});
