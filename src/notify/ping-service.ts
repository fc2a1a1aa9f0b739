import type { Outgoing } from "./outgoing.ts";

/** What a dead man's switch is told of. */
export interface PingEvent {
  /** `test` must not change what the service thinks of the runs. */
  readonly kind: "start" | "success" | "failure" | "test";
  /** The run's id, the same at its start and its end; null where no run has begun. */
  readonly runId: string | null;
  readonly durationMs: number | null;
  readonly exitCode: number | null;
  /** What happened, on one line; empty at the start. */
  readonly line: string;
  /** The same at length; empty at the start. */
  readonly text: string;
}

/** A service that expects to hear of each run. */
export interface PingService {
  readonly name: string;
  /** Whether an address is one of its own. */
  matches(url: URL): boolean;
  /** What is sent to an address; null where the service is not told of such an event. */
  request(url: URL, event: PingEvent): Outgoing | null;
}

/** Bytes of a text that goes into an address: percent-encoded it is up to three times as long, and servers take 8 kB. */
export const longestInUrl = 1000;
