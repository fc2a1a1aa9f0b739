import { type DbstashOptions, type DbstashResult, type EngineName, runDbstash } from "./dbstash.ts";

/** A line of `check --json`. */
export interface Checked {
  readonly topic: string;
  readonly result: "ok" | "failed" | "open";
  readonly found: string;
  readonly hint: string | null;
  readonly exit_code: number;
}

/** What a check has said. */
export interface CheckResult {
  readonly exitCode: number | null;
  readonly checks: readonly Checked[];
  /** Those that are wrong, as `topic: found; hint`. */
  readonly failed: readonly string[];
  readonly run: DbstashResult;
}

/** Runs `check --json` of an engine's executable to its end. */
export async function runCheck(engine: EngineName, options: DbstashOptions = {}): Promise<CheckResult> {
  const run = await runDbstash(engine, { ...options, args: ["check", "--json", ...(options.args ?? [])] });
  const { checks, exit_code: exitCode } = JSON.parse(run.stdout) as { checks: Checked[]; exit_code: number };
  if (exitCode !== run.exitCode) throw new Error(`it says ${exitCode} and ended with ${run.exitCode}`);
  const failed = checks.flatMap(({ topic, result, found, hint }) =>
    result === "failed" ? [`${topic}: ${found}; ${hint ?? "no hint"}`] : [],
  );
  return { exitCode, checks, failed, run };
}

/** What was found of a topic: `ok: …` for each of its lines. */
export function found({ checks }: CheckResult, topic: string): string[] {
  return checks.flatMap((check) => (check.topic === topic ? [`${check.result}: ${check.found}`] : []));
}
