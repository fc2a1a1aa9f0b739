import type { Logger } from "../logger.ts";
import type { Past } from "./past.ts";
import type { NotifyDoors } from "./webhook.ts";

/** What telling of a run takes. */
export interface TellDoors {
  readonly log: Logger;
  readonly notify: NotifyDoors;
  /** Aborted when somebody wants dbstash to stop. */
  readonly stop: AbortSignal;
  /** This machine's name, for the notification. */
  readonly host: string;
  /** What the schedule's runs before it came to; none where there is no schedule. */
  readonly past?: Past;
}

/** A time that begins with a stop. */
export interface StopLimit {
  readonly signal: AbortSignal;
  end(): void;
}

/** A signal that fires when a time, from the stop on, is over. @param stopped whether that has begun already */
export function limitAfter(stop: AbortSignal, stopped: boolean, ms: number, onEnd?: () => void): StopLimit {
  const limit = new AbortController();
  let timer: Timer | undefined;
  const start = () => {
    timer = setTimeout(() => {
      limit.abort();
      onEnd?.();
    }, ms);
  };
  if (stopped || stop.aborted) start();
  else stop.addEventListener("abort", start);
  return {
    signal: limit.signal,
    end() {
      stop.removeEventListener("abort", start);
      clearTimeout(timer);
    },
  };
}
