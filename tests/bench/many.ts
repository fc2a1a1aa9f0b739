import { closeSync, mkdirSync, openSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { median } from "./measure.ts";
import type { Place, Target } from "./place.ts";
import { alternate, heading, seconds, verdict } from "./report.ts";

const [own, foreign, kept] = [50_000, 500_000, 20_000];
const hourMs = 3_600_000;

/** `list`, `prune` and a run with retention where 50,000 backups of the job lie among 500,000 files of others. */
export async function many(place: Place): Promise<void> {
  const folder = join(place.local.remote, "many");
  const target: Target = { ...place.local, remote: folder, clear: () => undefined, bytes: () => 0 };
  const source = await place.tiny();
  const job = { BACKUP_NAME_TEMPLATE: "{db}-{timestamp}", RETENTION_MAX_FILES: String(own + 10) };
  mkdirSync(folder);
  for (let index = 0; index < foreign; index++) closeSync(openSync(join(folder, `other-${index}.sql`), "w"));
  const nowMs = Date.now();
  for (let hours = 1; hours <= own; hours++) {
    const time = new Date(nowMs - hours * hourMs).toISOString().replace(/[-:]|\.\d+/g, "");
    writeFileSync(join(folder, `postgres-${time}.sql`), "x");
  }
  heading(`${own} backups of a job among ${foreign} files of others, in ${place.local.title}`);
  const word = (name: string, env: Record<string, string>) => () =>
    place.dbstash(source, target, { env: { ...job, ...env }, args: [name] });
  const runs = await alternate(place, {
    list: word("list", {}),
    "list, with rules by calendar": word("list", {
      RETENTION_MAX_FILES: "0",
      RETENTION_KEEP_DAILY: "30",
      RETENTION_KEEP_MONTHLY: "12",
      TZ: "Europe/Berlin",
    }),
    "a run with retention that removes nothing": () => place.dbstash(source, target, { env: job }),
  });
  const removing = { RETENTION_MAX_FILES: String(kept) };
  const last = await alternate(
    { ...place, scale: { ...place.scale, runs: 1 } },
    {
      [`a run that removes some ${own - kept}`]: () =>
        place.dbstash(source, target, { env: { ...job, ...removing } }),
    },
  );
  for (const [name, measured] of Object.entries({ ...runs, ...last })) {
    const cpu = median(measured.map((run) => run.cpuSeconds)).toFixed(2);
    const [mine, largest] = [
      Math.max(...measured.map((run) => run.peakBytes)),
      Math.max(...measured.map((run) => run.largestBytes)),
    ].map((bytes) => (bytes / 1e6).toFixed(0));
    console.log(
      `${name.padEnd(44)} ${seconds(measured).toFixed(2)} s, CPU ${cpu} s, own memory ${mine} MB, largest process ${largest} MB`,
    );
  }
  verdict("list, seconds", seconds(runs.list), 3);
  const left = readdirSync(folder).filter((name) => name.startsWith("postgres-")).length;
  verdict("backups that stay beyond those kept", left - kept, 0);
}
