import { DbstashError, toProblem, withSentence } from "../errors.ts";
import { graceAfter, seconds, type TimeLimit, timeLimit } from "../pipeline/limits.ts";
import { backupsOf } from "../result.ts";
import type { Run } from "./attempt.ts";
import { type HookDoors, hookVariables, runHook } from "./hooks.ts";

/** After a timeout or a signal the post hook still gets this long. */
const lastHookMs = 60_000;

/** What the hooks around a run need of the world. */
export interface AroundDoors extends HookDoors {
  readonly now: () => Date;
  /** Aborted when somebody wants no more waiting. */
  readonly giveUp: AbortSignal;
}

/** Runs HOOK_PRE_BACKUP. @throws DbstashError when it fails: then nothing is dumped */
export async function preHook(run: Run, doors: AroundDoors): Promise<void> {
  const command = run.job.settings.hookPreBackup;
  if (command === null) return;
  const { warn, signals } = run;
  const { config } = run.job.places[0];
  const variables = identityVariables(run);
  const limit = hookLimit("HOOK_PRE_BACKUP", run);
  try {
    const stop = AbortSignal.any([signals.stop, limit.signal]);
    await runHook({ title: "HOOK_PRE_BACKUP", command, config, variables, results: [], warn }, doors, stop);
  } finally {
    limit.end();
  }
}

/** Runs HOOK_POST_BACKUP: it learns of both outcomes; a failure of its own is a warning. A signal leaves it a minute, and so does a limit. */
export async function postHook(run: Run, doors: AroundDoors): Promise<void> {
  const command = run.job.settings.hookPostBackup;
  if (command === null) return;
  const { outcome, warn, signals } = run;
  const { config } = run.job.places[0];
  const result = outcome.result(doors.now());
  const variables = { ...identityVariables(run), ...hookVariables(result) };
  const limit = hookLimit("HOOK_POST_BACKUP", run);
  const reason = new DbstashError(`it went on for ${seconds(lastHookMs)} after the run was to end`);
  const grace = graceAfter(signals.stop, lastHookMs, doors.giveUp, reason);
  const stop = AbortSignal.any([grace.signal, limit.signal]);
  try {
    const hook = { title: "HOOK_POST_BACKUP", command, config, variables, warn } as const;
    await runHook({ ...hook, results: backupsOf(result) }, doors, stop);
  } catch (error) {
    const problem = toProblem(error);
    warn(error === stop.reason ? withSentence("HOOK_POST_BACKUP was ended", problem) : problem);
  } finally {
    limit.end();
    grace.end();
  }
}

function hookLimit(title: string, { job }: Run): TimeLimit {
  const { hookTimeout } = job.settings;
  const hint = "HOOK_TIMEOUT (--hook-timeout) sets this limit";
  return timeLimit(hookTimeout, new DbstashError(`${title} took longer than ${seconds(hookTimeout)}`, hint));
}

function identityVariables({ job, backupId }: Run): Record<string, string> {
  return {
    DBSTASH_BACKUP_ID: backupId,
    DBSTASH_ENGINE: job.engine.name,
    DBSTASH_DATABASE: job.naming.database,
  };
}
