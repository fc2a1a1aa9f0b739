import type { Secret } from "../config/secret.ts";
import type { Job } from "../job/job.ts";
import type { RunResult } from "../result.ts";
import type { PingEvent } from "./ping-service.ts";
import { pingOfResult, pingOfStart, pingServiceOf } from "./ping-services.ts";
import { limitAfter, type TellDoors } from "./telling.ts";
import { type Delivery, type NotifyDoors, send, type SendLimits } from "./webhook.ts";

/** Who stops dbstash waits for it: after a signal the last ping gets one try of this long. */
const lastPingMs = 3000;

/** A run that a dead man's switch is told of. */
export interface RunPing {
  /** Tells how the run ended, once its start has been told or given up. Never fails. */
  end(result: RunResult): Promise<void>;
}

/**
 * Tells `PING_URL` that a run has begun, beside the run, which does not wait for it. Never fails: a service that is down
 * costs a warning.
 */
export function startPing(job: Job, runId: string, doors: TellDoors): RunPing {
  const { pingUrl } = job.settings;
  if (pingUrl === null) return { end: () => Promise.resolve() };
  // The run is over: the try that is on may end, and is the last one.
  const enough = new AbortController();
  const stop = new AbortController();
  const start = deliver(pingUrl, pingOfStart(runId), doors, { stop: stop.signal, enough: enough.signal });
  return {
    async end(result) {
      const isStopped = result.signal !== null || doors.stop.aborted;
      const now = limitAfter(doors.stop, isStopped, 0, () => stop.abort());
      enough.abort();
      await start.finally(() => now.end());
      const limit = limitAfter(doors.stop, isStopped, lastPingMs);
      const tries = { stop: limit.signal, enough: isStopped ? AbortSignal.abort() : doors.stop };
      await deliver(pingUrl, pingOfResult(result, runId, doors.host), doors, tries).finally(() =>
        limit.end(),
      );
    },
  };
}

async function deliver(
  url: Secret,
  event: PingEvent,
  { log, notify }: TellDoors,
  limits: SendLimits,
): Promise<void> {
  const delivery = await sendPing(url, event, notify, limits);
  if (delivery === null) return;
  const { delivered, attempts, problem } = delivery;
  if (delivered) log.debug("ping sent", { ping: event.kind, attempts });
  else
    log.warn("the ping could not be delivered", { ping: event.kind, attempts, error: problem ?? "unknown" });
}

/** Sends a ping to an address that has been found good. Never throws. @returns null where the service has no such call */
export async function sendPing(
  url: Secret,
  event: PingEvent,
  doors: NotifyDoors,
  limits: SendLimits,
): Promise<Delivery | null> {
  const secret = url.reveal();
  const address = new URL(secret);
  const outgoing = pingServiceOf(address).request(address, event);
  return outgoing === null ? null : send(outgoing, { title: "the ping's address", secret }, doors, limits);
}
