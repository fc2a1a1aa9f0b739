import { DbstashError, errorOf, toProblem, UsageError } from "../errors.ts";
import { encryptCommand } from "../job/filters.ts";
import type { Job } from "../job/job.ts";
import { commandStage } from "../pipeline/stage.ts";
import { capture } from "../process/capture.ts";
import { succeeded } from "../process/exit.ts";
import { processFailure, quoted } from "../process/failure.ts";
import { withWorkshop, type Workshop, type WorkshopDoors } from "../process/workshop.ts";
import { bad, type CheckLine, well } from "./line.ts";

/** A plugin of age's may wait for a device; nobody is there to touch it. */
const limitMs = 30_000;
const graceMs = 1_000;

/** What age says of a list that it could not even read is no word on a recipient. */
const aboutRecipient =
  /(?!.*failed to (?:open|read))^age: (?:warning|error): .*(?:recipient|ssh key|plugin)/im;

/**
 * Lets age encrypt nothing to a job's recipients: what it says of them, or fails of, it would in a run too.
 * @returns null where all is well, or `signal` ended it; a UsageError for what it says against a recipient, also where
 * it goes on without it; any other error for another bad end
 */
export async function askAge(
  job: Job,
  doors: WorkshopDoors,
  signal: AbortSignal,
): Promise<DbstashError | null> {
  if (job.request.recipients === null) return null;
  const { backupUmask } = job.settings;
  // Whatever may be left behind, a run tells of it.
  const noWarning = (): void => undefined;
  try {
    await withWorkshop(doors, backupUmask, [], noWarning, (workshop) => trial(job, workshop, signal));
    return null;
  } catch (error) {
    if (signal.aborted) return null;
    return error instanceof DbstashError ? error : errorOf(toProblem(error));
  }
}

/** @throws UsageError for what age says against a recipient; DbstashError; the signal's reason */
async function trial({ request }: Job, workshop: Workshop, signal: AbortSignal): Promise<void> {
  const command = encryptCommand(request.recipients ?? [], workshop);
  const { request: what, title } = commandStage(
    command,
    workshop,
    () => null,
    () => undefined,
  );
  const { exit, messages, isLate } = await capture({ ...what, graceMs, limitMs }, workshop.guard, signal);
  if (isLate) throw new DbstashError(`${title} did not end within ${limitMs / 1000} s, tried on nothing`);
  const words = quoted(messages);
  if (aboutRecipient.test(messages.toString()))
    throw new UsageError([
      toProblem(new DbstashError("age does not take a recipient", hintOf(words), words)),
    ]);
  if (!succeeded(exit)) throw processFailure(title, exit, words, null);
}

function hintOf(words: string): string | undefined {
  if (!/plugin/i.test(words)) return undefined;
  return "keys such as age1NAME1… need a program age-plugin-NAME on PATH, or with age1pq1… age 1.3 or newer";
}

/** The recipients as `check` shows them. */
export async function lookAtRecipients(
  job: Job,
  workshop: Workshop,
  signal: AbortSignal,
): Promise<CheckLine[]> {
  const { recipients } = job.request;
  const topic = "encryption";
  // That it is missing is told among the tools.
  if (recipients === null || Bun.which("age", { PATH: workshop.env["PATH"] ?? "" }) === null) return [];
  try {
    await trial(job, workshop, signal);
    return [
      well(
        topic,
        `to ${recipients.length === 1 ? "1 public key" : `${recipients.length} public keys`}, tried on nothing`,
      ),
    ];
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof UsageError) return error.problems.map((problem) => bad(topic, problem, "usage"));
    if (error instanceof DbstashError) return [bad(topic, toProblem(error))];
    throw error;
  }
}
