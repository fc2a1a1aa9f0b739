import { expect } from "bun:test";
import type { DbstashResult, EngineName } from "../support/dbstash.ts";
import { runDbstash } from "../support/dbstash.ts";
import { password, watchedRun } from "./backups.ts";
import { pageScript, runDocumented } from "./readme.ts";

/** A run over several databases, and where it stores. */
export interface SeveralRun {
  readonly engine: EngineName;
  readonly binDir: string;
  readonly remote: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Runs it, and looks at it from outside as at any other run. */
export function backUpWatched({ engine, binDir, remote, env }: SeveralRun): Promise<DbstashResult> {
  return watchedRun(engine, { path: [binDir], env: { RCLONE_REMOTE: remote, ...env } });
}

/** Runs it; of many databases, so that looking on would take longer than they do. */
export function backUpEach({ engine, binDir, remote, env }: SeveralRun): Promise<DbstashResult> {
  return runDbstash(engine, {
    path: [binDir],
    env: { RCLONE_REMOTE: remote, ...env },
    timeoutMs: 280_000,
  });
}

/** What `list` shows, by database. */
export async function listed({ engine, binDir, remote, env }: SeveralRun): Promise<Map<string, string[]>> {
  const { stdout } = await runDbstash(engine, {
    path: [binDir],
    args: ["list", "--json"],
    env: { RCLONE_REMOTE: remote, ...env },
  });
  const rows = JSON.parse(stdout) as { readonly database: string; readonly name: string }[];
  const groups = Map.groupBy(rows, ({ database }) => database);
  return new Map([...groups].map(([database, each]) => [database, each.map(({ name }) => name)]));
}

/** What `verify` says of the newest of each: its exit code, and a line each. */
export async function verified({
  engine,
  binDir,
  remote,
  env,
}: SeveralRun): Promise<[number | null, string[]]> {
  const options = { path: [binDir], args: ["verify"], env: { RCLONE_REMOTE: remote, ...env } };
  const { exitCode, stdout } = await runDbstash(engine, options);
  return [exitCode, stdout.trimEnd().split("\n")];
}

/** The time that all names of a run have in common. */
export function runTimeOf({ lines }: DbstashResult): string {
  const times = new Set(
    lines.flatMap(({ msg, file }) =>
      msg === "backup verified" && typeof file === "string" ? (/\d{8}T\d{6}Z/.exec(file) ?? []) : [],
    ),
  );
  expect(times.size).toBe(1);
  return [...times][0] ?? "";
}

/** A server that takes a restore. */
interface EmptyServer {
  readonly binDir: string;
  readonly env: Readonly<Record<string, string>>;
  /** What stands for the script's client: another name for it, or where it is to connect to. */
  readonly client?: string;
}

/** Restores all of one run by the documents' script for an engine. */
export async function restoreAll(
  containing: string,
  folder: string,
  time: string,
  server: EmptyServer,
): Promise<void> {
  const text = pageScript("Every database of a server", containing);
  const { client } = server;
  const script = client === undefined ? text : text.replace(/\b(mariadb|mongorestore)\b/g, () => client);
  const words = { FOLDER: folder, RUN: time };
  await runDocumented(script, { words, shell: "bash", path: [server.binDir], env: server.env });
}

export { password };
