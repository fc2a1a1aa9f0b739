import { type OffsetAt, writeRfc3339 } from "../catalog/local-time.ts";
import { humanAge } from "../human.ts";
import { type Html, markup } from "./markup.ts";

/** A time as people read it, in the zone of the settings: `2026-02-07 02:00`. */
export function shownTime(timeMs: number, offsetAt: OffsetAt): string {
  return writeRfc3339(timeMs, offsetAt).slice(0, 16).replace("T", " ");
}

/** The clock of a page: when it was made, and in which zone its times are. */
export interface PageClock {
  readonly now: Date;
  readonly offsetAt: OffsetAt;
}

/** A time, and with `ago` how long ago it was or, of one to come, how long it takes. */
export function timeOf(date: Date, { now, offsetAt }: PageClock, ago = true): Html {
  const timeMs = date.getTime();
  const awayMs = now.getTime() - timeMs;
  const away = awayMs >= 0 ? `${humanAge(awayMs)} ago` : `in ${humanAge(-awayMs)}`;
  const shown = markup`<time datetime="${writeRfc3339(timeMs, offsetAt)}"
    >${shownTime(timeMs, offsetAt)}</time
  >`;
  return ago ? markup`${shown} <span class="muted">(${away})</span>` : shown;
}
