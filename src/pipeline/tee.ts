import { DbstashError } from "../errors.ts";
import { capture } from "../process/capture.ts";
import { succeeded } from "../process/exit.ts";
import type { Workshop } from "../process/workshop.ts";
import { commandStage, type Stage } from "./stage.ts";

/** An output that breaks is left out, and the others go on (coreutils' tee(1)); other programs have no such option. */
const goingOn = "--output-error=warn-nopipe";

const tryLimitMs = 5_000;

/**
 * The program that writes what it reads to several pipes. It ends like a filter: not well unless all that it read was
 * written to every pipe that is still read from.
 * @param outputs write ends of the pipes
 * @throws DbstashError when it is not on PATH
 */
export function teeStage(
  workshop: Workshop,
  outputs: readonly number[],
  onLine: (line: string) => void = () => undefined,
): { readonly stage: Stage; readonly stdout: number } {
  const [stdout = -1, ...further] = outputs;
  const args = [goingOn, ...further.map((_, index) => `/proc/self/fd/${index + 4}`)];
  const command = { tools: ["tee"], args, env: {}, files: [] };
  const { request, ...stage } = commandStage(command, workshop, () => null, onLine);
  return { stage: { ...stage, request: { ...request, outputs: further } }, stdout };
}

/**
 * Tries whether this system's tee can do what several places take.
 * @throws DbstashError where it is missing or can't; the signal's reason
 */
export async function requireTee(workshop: Workshop, signal: AbortSignal): Promise<void> {
  const { request } = teeStage(workshop, []).stage;
  const limits = { graceMs: 0, limitMs: tryLimitMs, maxBytes: 1 };
  const { exit, messages } = await capture(
    { ...request, stdin: new Uint8Array(), ...limits },
    workshop.guard,
    signal,
  );
  if (succeeded(exit)) return;
  throw new DbstashError(
    `${request.file} can't go on when one of several places fails`,
    "install GNU coreutils, whose tee can; or name one place alone",
    messages.lines[0] ?? "",
  );
}
