import { expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { DbstashOptions, DbstashResult } from "../support/dbstash.ts";
import type { FakeTools } from "../support/fake-tools.ts";
import { waitUntilGone } from "../support/procs.ts";
import { leftovers, type Place, startFaultRun, tools } from "./places.ts";
import { wholeDump } from "./whole-dump.ts";

/** A dump of a few thousand bytes, to be called by the body of one database. */
const whole = `whole() {\n${wholeDump(5000)}\n}`;

/** Stand-ins for a server with several databases, and for what dumps them. */
export interface SeveralTools extends FakeTools {
  /** Sets which databases the server has from now on. */
  has(databases: readonly string[]): void;
  /** The names of the databases that were dumped, or were to be, in their order. */
  readonly dumped: readonly string[];
}

/**
 * Stand-ins for psql and pg_dump.
 * @param databases which there are, the letters of their names without a meaning to a shell
 * @param bodies what pg_dump does for one of them, in place of a whole dump: `whole` writes one, `$db` is its name
 * @param more other stand-ins, and what psql does before it answers
 */
export function severalTools(
  databases: readonly string[],
  bodies: Readonly<Record<string, string>> = {},
  more: Readonly<Record<string, string>> = {},
): SeveralTools {
  const cases = Object.entries(bodies).map(([name, body]) => `${name}) ${body} ;;`);
  const { psql = "", ...others } = more;
  const fakes = tools({
    psql: `${psql}\ncat "$FAKE_DIR/../databases"`,
    pg_dump: `case "$*" in *--version*) echo 'pg_dump (PostgreSQL) 16.0'; exit ;; esac
db=$(printf %s "$*" | sed 's/.* dbname=\\([^ ]*\\).*/\\1/')
${whole}
case "$db" in ${cases.join("\n")} *) whole ;; esac`,
    ...others,
  });
  const has: SeveralTools["has"] = (names) => {
    const rows = names.map((name) => ({ name, template: false, open: true, connect: true, user: "backup" }));
    const text = [...rows, { passwords: true }].map((row) => `${JSON.stringify(row)}\n`).join("");
    writeFileSync(join(dirname(fakes.dir), "databases"), text);
  };
  has(databases);
  return Object.defineProperty({ ...fakes, has, dumped: [] as readonly string[] }, "dumped", {
    get: () => fakes.calls("pg_dump").flatMap((words) => / dbname=([^ ]*)/.exec(words.join(" "))?.[1] ?? []),
  });
}

/** Fails as pg_dump does where the server is gone. */
export const serverIsGone =
  "echo 'pg_dump: error: connection to server failed: Connection refused' >&2; exit 1";

/** A job of several databases. */
interface SeveralRun extends Pick<DbstashOptions, "args" | "timeoutMs"> {
  readonly place: Place;
  readonly tools: FakeTools;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts `dbstash-pg` for every database of the stand-in's server. */
export function startSeveral({ place, tools: fakes, env = {}, ...options }: SeveralRun) {
  const own = { DB_NAME: "", DUMP_EXTRA_ARGS: "", BACKUP_DATABASES: "*" };
  return startFaultRun({ ...options, place, tools: fakes, env: { ...own, ...env } });
}

/** What a run over several databases must have come to. */
export interface ExpectedSeveral {
  readonly exitCode: number;
  /** All whose backups stand whole. */
  readonly stored: readonly string[];
  readonly failed?: readonly string[];
  /** The causes, or the warnings, in the last line. */
  readonly error?: RegExp;
  /** True after a signal, which leaves a second for what was staged: a busy machine needs more, and the next day's run removes it. */
  readonly partialMayStay?: boolean;
}

/**
 * The end of such a run: its exit code and its one summary are true, what lies at the place is whole and no more, every
 * other database is named, and no process or private folder is left.
 */
export async function expectSeveral(
  result: DbstashResult,
  place: Place,
  { exitCode, stored, failed = [], error, partialMayStay = false }: ExpectedSeveral,
): Promise<void> {
  await waitUntilGone(result.id);
  const { lastLine } = result;
  expect({ names: namesOf(place), files: place.files() }).toEqual({
    names: stored.toSorted(),
    files: partialMayStay ? place.files() : place.published(),
  });
  const texts = place.published().map((file) => readFileSync(join(place.remote, file), "utf8"));
  for (const text of texts)
    expect(text).toMatch(/\n-- PostgreSQL database dump complete\n--\n\n(\\unrestrict \w+\n\n)?$/);
  const isWarned = exitCode === 3;
  expect(lastLine).toMatchObject({
    msg: failed.length > 0 ? "backup failed" : isWarned ? "backup stored, with warnings" : "backup stored",
    status: failed.length > 0 ? "failure" : "success",
    databases: stored.length + failed.length,
    failed: failed.length,
    bytes: texts.length === 0 ? null : texts.reduce((sum, text) => sum + text.length, 0),
    exit_code: exitCode,
  });
  expect(lastLine?.["failed_names"]).toEqual(failed.length === 0 ? undefined : failed.join(", "));
  if (error === undefined) expect(lastLine?.["error"]).toBeUndefined();
  else expect(String(lastLine?.["error"])).toMatch(error);
  expect(result.lines.filter((line) => "exit_code" in line)).toHaveLength(1);
  expect(result.lines.filter(({ msg }) => msg === "database failed").map(({ database }) => database)).toEqual(
    expect.arrayContaining([...failed]),
  );
  expect([result.exitCode, result.signal, result.stderr]).toEqual([exitCode, null, ""]);
  expect(result.stdout).not.toContain("s3cret");
  expect(leftovers(result)).toEqual([]);
}

/** Whose backups lie at a place, sorted: one for each of them. */
export function namesOf(place: Place): string[] {
  return place.published().map((file) => file.replace(/-\d{8}T\d{6}Z\.sql$/, ""));
}
