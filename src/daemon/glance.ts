import type { OffsetAt } from "../catalog/local-time.ts";
import { rulesInWords } from "../catalog/rules-in-words.ts";
import type { FirstLook } from "./first-look.ts";
import type { HealthParts } from "./health.ts";
import type { Listings } from "./listings.ts";
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
export interface GlanceParts extends Pick<FirstLook, "job" | "inventory" | "stop"> {
  readonly version: string;
  readonly monitor: Monitor;
  readonly clock: Clock;
  readonly offsetAt: OffsetAt;
  /** Of the places. */
  readonly listings: Pick<Listings, "begunAt" | "ended" | "list">;
}

/**
 * What stands at the paths of the health server. For who looks at the page the places are listed, if that was a minute
 * ago or more and no run is on.
 */
export function glance(parts: GlanceParts): HealthParts["page"] {
  const { job, monitor, clock } = parts;
  const look = lookOf(parts);
  return async (path, isLook) => {
    const isPage = path === "/" && job.settings.statusPage;
    if (!isPage) return pageAt(path, monitor.state(), clock.now());
    if (isLook) await look();
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
function lookOf({ monitor, clock, stop, listings }: GlanceParts): () => Promise<void> {
  let isOn = false;
  return async () => {
    const sinceMs = clock.now().getTime() - listings.begunAt.getTime();
    // A clock that was set back must not keep them from being listed for hours.
    const isOld = sinceMs >= newForMs || sinceMs < 0;
    if (!isOn && isOld && !monitor.running && !stop.aborted) {
      isOn = true;
      void listings.list().finally(() => {
        isOn = false;
      });
    }
    await Promise.race([listings.ended, clock.wait(patienceMs, stop)]);
  };
}
