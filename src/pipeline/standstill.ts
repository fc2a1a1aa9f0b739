import { DbstashError } from "../errors.ts";
import { seconds } from "./limits.ts";

/** MariaDB, MySQL and Redis drop a reader that stands still for 60 s; stopping an upload takes up to 5 more. */
const impatientMs = 45_000;

/** How long each of several places may stand still, in milliseconds; 0 for ever. */
export interface StandstillLimits {
  /** While the dump may still come. */
  readonly duringMs: number;
  /** After the end of input, when nobody but the run waits for it. */
  readonly afterMs: number;
}

/**
 * The limits of a place among several.
 * @param stallTimeoutMs `BACKUP_STALL_TIMEOUT`, 0 for none
 * @param isServerImpatient whether the server drops a dump that waits for its reader
 */
export function standstillLimits(stallTimeoutMs: number, isServerImpatient: boolean): StandstillLimits {
  if (!isServerImpatient) return { duringMs: stallTimeoutMs, afterMs: stallTimeoutMs };
  const duringMs = stallTimeoutMs === 0 ? impatientMs : Math.min(impatientMs, stallTimeoutMs);
  return { duringMs, afterMs: stallTimeoutMs };
}

/** Tells a place that stands still from one that has nothing to do. */
export class Standstill {
  #sinceMs: number;
  #bytes = 0;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  /**
   * Looks at the place.
   * @param isWaitedFor the others wait for it: its own pipe is full, or it alone has the end of input to come to terms with
   * @param bytes what it has taken so far
   * @returns for how long it has been waited for without a byte, in milliseconds
   */
  look(nowMs: number, isWaitedFor: boolean, bytes: number): number {
    if (!isWaitedFor || bytes !== this.#bytes) this.#sinceMs = nowMs;
    this.#bytes = bytes;
    return nowMs - this.#sinceMs;
  }
}

/** Why a place is out that stood still. */
export function stoodStill(limitMs: number, { afterMs }: StandstillLimits): DbstashError {
  const hint =
    limitMs === afterMs
      ? "BACKUP_STALL_TIMEOUT (--backup-stall-timeout) sets this limit"
      : "the server drops a dump that waits for 60 s, so a place that keeps the others waiting gets no longer";
  return new DbstashError(`it stood still: not one byte was taken for ${seconds(limitMs)}`, hint);
}
