import { expect } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DbstashResult, RunningDbstash } from "../support/dbstash.ts";
import { descendants, marked, sendSignal, waitUntilGone } from "../support/procs.ts";
import { waitFor } from "../support/run.ts";
import { type SmallS3, type SmallS3Options, startSmallS3 } from "../support/small-s3.ts";
import { leftovers, type Place } from "./places.ts";

/** A small S3 as the place of one test. */
export interface SmallPlace extends Place, AsyncDisposable {
  readonly s3: SmallS3;
}

/** Starts a small S3 whose bucket is one test's alone. */
export function smallPlace(options: SmallS3Options = {}): SmallPlace {
  const s3 = startSmallS3(options);
  const files = (): string[] => [...s3.objects("b").keys()].map((key) => key.replace(/^shop\//, ""));
  return {
    s3,
    remote: `${options.name ?? "small"}:b/shop`,
    env: s3.env,
    files,
    published: files,
    [Symbol.dispose]: () => void s3.stop(),
    [Symbol.asyncDispose]: () => s3.stop(),
  };
}

/** What a run must have come to. */
export interface ExpectedEnd {
  readonly exitCode: number;
  /** The cause, or the warnings, in the last line. */
  readonly error?: RegExp;
  readonly hint?: RegExp;
  /** All that lies at the place, under whatever name. */
  readonly files?: readonly (string | RegExp)[];
}

/** What a backup of the tests is called; earlier ones are of January 2026. */
export const newBackup = /^app-(?!202601)\d{8}T\d{6}Z\.sql/;

/** The end of a run: its exit code, its last line, what lies at the place; and no process, private folder or lock. */
export async function expectEnd(
  result: DbstashResult,
  place: Pick<Place, "files">,
  { exitCode, error, hint, files }: ExpectedEnd,
): Promise<void> {
  await waitUntilGone(result.id);
  const { lastLine } = result;
  const isStored = exitCode === 0 || exitCode === 3;
  const msg = { 0: "backup stored", 3: "backup stored, with warnings" }[exitCode] ?? "backup failed";
  expect(lastLine).toMatchObject({
    msg,
    exit_code: exitCode,
    status: isStored ? "success" : "failure",
  });
  expect([result.exitCode, result.signal, result.stderr]).toEqual([exitCode, null, ""]);
  if (error === undefined) expect(lastLine?.["error"]).toBeUndefined();
  else expect(String(lastLine?.["error"])).toMatch(error);
  if (hint !== undefined) expect(String(lastLine?.["hint"])).toMatch(hint);
  expect(leftovers(result)).toEqual([]);
  expect(result.stdout).not.toContain("s3cret");
  if (files === undefined) return;
  const found = place.files();
  expect(found).toHaveLength(files.length);
  for (const file of files) {
    if (typeof file === "string") expect(found).toContain(file);
    else expect(found.filter((name) => file.test(name))).toHaveLength(1);
  }
}

/** What stands in a script where a test wants to be asked: it tells that it is there, and waits for the word to go on. */
export function pauseHere(dir = "$FAKE_DIR"): string {
  return `: >"${dir}/there"; while [ ! -e "${dir}/go" ]; do sleep 0.05; done`;
}

/** Waits until a script is where `pauseHere` stands. */
export async function untilThere(dir: string): Promise<void> {
  await waitFor("the script's pause", () => existsSync(join(dir, "there")));
}

/** Lets a script go on from its pause. */
export function goOn(dir: string): void {
  writeFileSync(join(dir, "go"), "");
}

/** Kills the guards of a run: shells that do not carry its mark, since they get a clean environment. */
export function killGuard(running: RunningDbstash): void {
  const ours = new Set(marked(running.id).map(({ pid }) => pid));
  const guards = descendants(running.pid).filter(({ command, pid }) => command === "sh" && !ours.has(pid));
  expect(guards.length).toBeGreaterThan(0);
  for (const { pid } of guards) sendSignal(pid, "SIGKILL");
}
