import { expect } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import {
  type DbstashOptions,
  type DbstashResult,
  type EngineName,
  startDbstash,
} from "../support/dbstash.ts";
import { type FakeTools, fakeTools } from "../support/fake-tools.ts";
import { sampleCommandLines, waitUntilGone } from "../support/procs.ts";
import { tempFolder } from "../support/temp.ts";

/** The password of every server here: no other program's command line holds it, and every quoting has to be right. */
export const password = "Tr0ub4dor&3 \"q'\\#é@:/%$";

/** The password as it is, and in the forms that the formats on its way give it; the last one begins in all of them. */
const passwordForms = [
  password,
  encodeURIComponent(password),
  JSON.stringify(password).slice(1, -1),
  password.slice(0, password.search(/\W/)),
];

/** What a client program overwrites in its command line before a look at /proc comes is seen by a stand-in before it. */
const clients = [
  ["pg_dump", "pg_dumpall"],
  ["mysqldump", "mariadb-dump", "mysql", "mariadb"],
  ["mongodump", "redis-cli", "valkey-cli"],
].flat();

/**
 * Runs dbstash to its end and looks at what can be seen of it from outside: the password must be nowhere,
 * and nothing may be left behind. How it ended is the caller's to judge.
 */
export async function watchedRun(engine: EngineName, options: DbstashOptions): Promise<DbstashResult> {
  using recorders = recordersOf(options.path ?? []);
  const running = startDbstash(engine, { ...options, path: [recorders.dir, ...(options.path ?? [])] });
  const { result, commandLines } = await sampleCommandLines(running.id, running.exited);
  await waitUntilGone(running.id);
  expect(commandLines.length).toBeGreaterThan(0);
  const given = clients.flatMap((client) => recorders.calls(client).map((words) => words.join(" ")));
  const seen = [...commandLines, ...given, result.stdout, result.stderr].join("\n");
  for (const form of passwordForms) expect(seen).not.toContain(form);
  expect(result.leftovers.filter((path) => !path.startsWith("run/"))).toEqual([]);
  return result;
}

/** Stand-ins for the client programs in these folders, which write down what they are given and become the real ones. */
function recordersOf(folders: readonly string[]): FakeTools {
  const scripts = clients.flatMap((client) => {
    const real = folders.map((folder) => join(folder, client)).find((file) => existsSync(file));
    return real === undefined ? [] : [[client, `exec '${real}' "$@"`]];
  });
  return fakeTools(Object.fromEntries(scripts));
}

/** What a run warned of, but for the warning that its last line is. */
export function warningsOf({ lines }: DbstashResult): string[] {
  return lines.flatMap(({ level, msg, status }) => (level === "warn" && status === undefined ? [msg] : []));
}

/**
 * Runs a backup into a fresh local folder; `file` is the one thing that lies there afterwards.
 * @param exitCode 3 where something is to be left out of it
 */
export async function backUp(
  engine: EngineName,
  remote: string,
  options: DbstashOptions,
  exitCode: 0 | 3 = 0,
): Promise<{ readonly file: string; readonly result: DbstashResult }> {
  const result = await watchedRun(engine, { ...options, env: { RCLONE_REMOTE: remote, ...options.env } });
  expect({ exitCode: result.exitCode, said: result.stdout + result.stderr }).toEqual({
    exitCode,
    said: expect.any(String),
  });
  const files = readdirSync(remote);
  expect(files).toHaveLength(1);
  return { file: join(remote, files[0] ?? ""), result };
}

/** A backup that must fail, with nothing stored and nothing left behind. Answers with the error and the hint of the last line. */
export async function failingBackUp(engine: EngineName, options: DbstashOptions): Promise<string> {
  using remote = tempFolder("remote");
  const result = await watchedRun(engine, {
    ...options,
    env: { RCLONE_REMOTE: remote.path, ...options.env },
  });
  expect(result.exitCode).toBe(1);
  expect(readdirSync(remote.path)).toEqual([]);
  expect(result.lastLine?.["status"]).toBe("failure");
  return [result.lastLine?.["error"], result.lastLine?.["hint"]].join("\n");
}
