import { describe, expect, test } from "bun:test";
import { DbstashError } from "../../../src/errors.ts";
import { catalogueJob, listBackups } from "../../../src/job/backups.ts";
import { tidyUp } from "../../../src/run/housekeeping.ts";
import { fakeRclone, type FakeRemoteParts } from "../fake-rclone.ts";
import { type Env, resolve, uri } from "../job/jobs.ts";
import { recordedLog } from "../recorded-log.ts";

const now = new Date("2026-02-07T02:05:00Z");
const name = "shop-20260207T020000Z.sql";
const old = "shop-20260101T020000Z.sql";
const older = "shop-20251201T020000Z.sql";
const never = new AbortController().signal;
/** Staged by a run of yesterday, and by one that began a minute ago. */
const [dead, live] = [partial("2026-02-06T02:00:00Z"), partial("2026-02-07T02:04:00Z")];
/** Keep one. */
const one = { RETENTION_MAX_FILES: "1" };

describe("after a backup", () => {
  test.each<[string, Env, string[], string[]]>([
    ["everything stays without a retention", {}, [name, old, older], [name, old, older]],
    ["what retention does not keep goes", one, [name, old, older], [name]],
    ["what is young enough stays", { RETENTION_MAX_DAYS: "40" }, [name, old, older], [name, old]],
    [
      "what is not this job's stays",
      one,
      [name, old, "stock-20250101T020000Z.sql", "shop-20250101T020000Z.sql.zst", "notes"],
      [name, "stock-20250101T020000Z.sql", "shop-20250101T020000Z.sql.zst", "notes"],
    ],
    ["what a dead run has staged goes", {}, [name, dead], [name]],
    ["what may be a live run's stays", {}, [name, live], [name, live]],
  ])("%s", async (_, env, before, after) => {
    const { problems, remote } = await tidy(env, before);
    expect(problems).toEqual([]);
    expect([...remote.files.keys()].map((path) => path.replace("/backups/", ""))).toEqual(after);
  });

  test.each<[string, string[], string[]]>([
    ["nothing is asked of the remote where there is nothing to do", [name], []],
    [
      "all that goes is removed by one call",
      [name, old, older, dead],
      [`removeAll /backups ${old} ${older} ${dead}`],
    ],
  ])("%s", async (_, before, calls) => {
    const { remote } = await tidy(one, before);
    expect(remote.calls).toEqual(calls);
  });

  test("by calendar the rules say what stays", async () => {
    const env = { RETENTION_KEEP_DAILY: "1", RETENTION_KEEP_MONTHLY: "2" };
    const { problems, remote, lines } = await tidy(env, [name, old, older]);
    expect([problems, remote.calls]).toEqual([[], [`removeAll /backups ${older}`]]);
    expect(lines).toMatchObject([{ level: "info", file: older, reason: "no rule keeps it" }]);
  });

  test("that came after a long outage nothing goes by its age, and the run is warned", async () => {
    const { problems, remote } = await tidy({ RETENTION_MAX_DAYS: "30" }, [name, old, older]);
    expect(problems).toEqual([
      "retention removed nothing by age: the last backup before this one is older than 30 days, after a long outage or by a clock that jumped; 2 backups older than that stay",
    ]);
    expect(remote.calls).toEqual([]);
  });

  test("that nobody has seen on the remote, nothing goes", async () => {
    for (const kind of ["missing", "unknown"] as const) {
      const { problems, remote } = await tidy(one, [name, old], { kind });
      expect([problems, remote.calls]).toEqual([[], []]);
    }
  });

  test("of another extension it is told that they are left alone", async () => {
    const { lines } = await tidy(one, [name, "shop-20250101T020000Z.sql.zst"]);
    expect(lines).toMatchObject([{ level: "info", count: 1, examples: "shop-20250101T020000Z.sql.zst" }]);
  });
});

describe("a remote that refuses", () => {
  const fails = { removeAll: new DbstashError("rclone delete failed: 403") };

  test("to remove old backups is a problem of the run", async () => {
    const { problems, lines } = await tidy(one, [name, old], { fails });
    expect(problems).toEqual([`retention failed: ${fails.removeAll.message}`]);
    expect(lines.filter(({ level }) => level === "warn")).toEqual([]);
  });

  test("to remove leftovers alone is a line of the log", async () => {
    const { problems, lines } = await tidy({}, [name, dead], { fails });
    expect(problems).toEqual([]);
    expect(lines.filter(({ level }) => level === "warn")).toMatchObject([{ error: fails.removeAll.message }]);
  });
});

describe("folders", () => {
  const folders = { BACKUP_MODE: "directory" };
  const [fresh, stale] = [name, old].map((file) => file.replace(".sql", "")) as [string, string];
  const whole = (folder: string) => [`${folder}/toc.dat`, `${folder}/dbstash.json`];

  test("that go lose what makes backups of them first", async () => {
    const { remote, problems } = await tidy({ ...folders, ...one }, [...whole(fresh), ...whole(stale)]);
    expect(problems).toEqual([]);
    expect(remote.calls).toEqual([
      `removeAll /backups ${stale}/dbstash.json`,
      `removeFolder /backups/${stale}`,
    ]);
    expect(remote.files.size).toBe(2);
  });

  test("that a dead run left unfinished go, and those of a live one stay", async () => {
    const young = "shop-20260207T020400Z/toc.dat";
    const { remote } = await tidy(folders, [...whole(fresh), `${stale}/toc.dat`, young]);
    expect([...remote.files.keys()]).toEqual([...whole(fresh), young].map((path) => `/backups/${path}`));
  });
});

/** What tidying up makes of a remote with these files, in which the first is the backup just written. */
async function tidy(
  env: Env,
  before: readonly string[],
  parts: FakeRemoteParts & { readonly kind?: "missing" | "unknown" } = {},
) {
  const job = resolve({ ...uri, ...env });
  const remote = fakeRclone(Object.fromEntries(before.map((path) => [`/backups/${path}`, "dump"])), {
    root: job.places[0].remote.path,
    ...parts,
  });
  const { log, lines } = recordedLog();
  const listed = await listBackups(
    fakeRclone(Object.fromEntries(remote.files), { root: "/backups" }).rclone,
    job,
    never,
  );
  const written = job.request.mode === "directory" ? name.replace(".sql", "") : name;
  const sights = {
    seen: { kind: "seen", bytes: 4, listed },
    missing: { kind: "missing", name: written },
    unknown: { kind: "unknown", problem: { message: "can't list" } },
  } as const;
  const sight = sights[parts.kind ?? "seen"];
  const problems = await tidyUp({
    rclone: remote.rclone,
    target: catalogueJob(job),
    rules: job.retention,
    name: written,
    sight,
    now,
    log,
    signal: never,
  });
  return { problems: problems.map(({ message }) => message), remote, lines };
}

/** A staged file of a run that began then. */
function partial(began: string): string {
  return `.${name}.${Bun.randomUUIDv7("hex", Date.parse(began))}.partial`;
}
