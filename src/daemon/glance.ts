import type { OffsetAt } from "../catalog/local-time.ts";
import { rulesInWords } from "../catalog/rules-in-words.ts";
import type { Job } from "../job/job.ts";
import { isInPlace } from "./first-look.ts";
import type { Inventory } from "./inventory.ts";
import type { Monitor } from "./monitor.ts";
import { type Page, pageAt } from "./pages.ts";
import type { Clock } from "./scheduler.ts";
import { statusOf } from "./status.ts";
import { statusPage } from "./status-page.ts";

/** A listing is new for so long. */
const newForMs = 60_000;

/** Who looks at the page waits no longer for a listing: then it shows what was known before. */
const patienceMs = 3000;

/** What the pages are made of. */
export interface GlanceParts {
  readonly job: Job;
  readonly version: string;
  readonly monitor: Monitor;
  readonly inventory: Inventory;
  readonly clock: Clock;
  readonly offsetAt: OffsetAt;
  /** Aborted when the process is to stop. */
  readonly stop: AbortSignal;
  /** Lists the places; never rejects. */
  readonly list: () => Promise<unknown>;
}

/** What stands at the paths of the health server. For the page the places are listed, if that was a minute ago or more. */
export function glance(parts: GlanceParts): (path: string) => Promise<Page | null> {
  const { job, monitor, clock } = parts;
  const look = listing(parts);
  return async (path) => {
    const isPage = path === "/" && job.settings.statusPage;
    if (!isPage) return pageAt(path, monitor.state(), clock.now());
    await look();
    return drawn(parts, clock.now());
  };
}

function drawn({ job, version, monitor, inventory, offsetAt }: GlanceParts, now: Date): Page {
  const state = monitor.state();
  const { engine, retention, settings } = job;
  return statusPage(statusOf(state, inventory.places, now), {
    engine: engine.title,
    job: state.database,
    version,
    running: state.running,
    lastRun: state.lastRun,
    nextRun: state.nextRun,
    retention: rulesInWords(retention),
    timeZone: settings.tz,
    now,
    offsetAt,
  });
}

/** Lists the places, one listing at a time, and waits for it as long as a person does. */
function listing({ job, monitor, clock, stop, list }: GlanceParts): () => Promise<void> {
  let begunMs = -Infinity;
  let on: Promise<unknown> | null = null;
  return async () => {
    const nowMs = clock.now().getTime();
    // Two rclone processes must not save to one configuration at the same time.
    const isBusy = isInPlace(job) && monitor.running;
    if (on === null && !isBusy && !stop.aborted && nowMs - begunMs >= newForMs) {
      begunMs = nowMs;
      on = list().finally(() => {
        on = null;
      });
    }
    if (on !== null) await Promise.race([on, clock.wait(patienceMs, stop)]);
  };
}
