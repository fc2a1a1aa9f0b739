import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FakeTools } from "../support/fake-tools.ts";
import { pauseHere } from "./edges.ts";
import { type FaultRun, localPlace, type Place, rcloneExcept, startFaultRun, tools } from "./places.ts";
import { wholeDump } from "./whole-dump.ts";

/** Backups of earlier runs, which retention removes when the new one is good. */
export const earlier = ["app-20260101T000000Z.sql", "app-20260102T000000Z.sql"];

const dump = wholeDump(60_000);
/** A pg_dump of directory mode. */
const folderDump =
  'for word; do case $word in --file=*) mkdir "${word#*=}" && echo data >"${word#*=}/toc.dat" ;; esac; done';

interface Step {
  readonly scripts?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

/** A stand-in for rclone that stands still before it does this, or when it has done it. */
const before = (verb: string): Step => ({
  scripts: { rclone: rcloneExcept(verb, `${pauseHere()}; exec "$REAL" "$@"`) },
});
const after = (verb: string): Step => ({
  scripts: { rclone: rcloneExcept(verb, `"$REAL" "$@"; code=$?; ${pauseHere()}; exit $code`) },
});
const ofFolder = (step: Step): Step => ({
  scripts: { pg_dump: folderDump, ...step.scripts },
  env: { BACKUP_MODE: "directory" },
});

/** Where a run to a local folder can be made to stand still, in the order of a run. */
export const steps = {
  "in the pre hook": { env: { HOOK_PRE_BACKUP: pauseHere("$PAUSE") } },
  "while the place is listed": before("lsjson"),
  "before the dump's first byte": { scripts: { pg_dump: pauseHere() } },
  "in the middle of the dump": { scripts: { pg_dump: `${dump}\n${pauseHere()}` } },
  "at the end of the upload": after("rcat"),
  "while it is verified": before("cat"),
  "before the rename": before("moveto"),
  "when the rename is done": after("moveto"),
  "before retention": before("delete"),
  "in the post hook": { env: { HOOK_POST_BACKUP: pauseHere("$PAUSE") } },
  "in a dump into a folder": ofFolder({ scripts: { pg_dump: `${folderDump}; ${pauseHere()}` } }),
  "when a folder's files are uploaded": ofFolder(after("copy")),
  "when a folder has its manifest": ofFolder(after("rcat")),
} as const satisfies Record<string, Step>;
export type StepName = keyof typeof steps;
export const stepNames = Object.keys(steps) as StepName[];

/** A run that stands still at one step, with two earlier backups at its place and retention on. */
export interface SteppedRun extends Disposable {
  readonly place: Place;
  readonly running: ReturnType<typeof startFaultRun>;
  /** Where `untilThere` and `goOn` look. */
  readonly dir: string;
}

/** Starts such a run. */
export function startStepped(name: StepName, env: FaultRun["env"] = {}): SteppedRun {
  const { scripts = {}, env: ofStep = {} }: Step = steps[name];
  const place = localPlace();
  for (const file of earlier) writeFileSync(join(place.remote, file), "old");
  const fakes: FakeTools = tools({ pg_dump: dump, ...scripts });
  const own = { RETENTION_MAX_FILES: "1", DUMP_EXTRA_ARGS: "", PAUSE: fakes.dir, ...ofStep, ...env };
  return {
    place,
    running: startFaultRun({ place, tools: fakes, env: own }),
    dir: fakes.dir,
    [Symbol.dispose]: () => {
      place[Symbol.dispose]();
      fakes.remove();
    },
  };
}
