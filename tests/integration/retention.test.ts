import { afterAll, expect } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeManifest } from "../../src/catalog/manifest.ts";
import { needs } from "../support/components.ts";
import { runDbstash } from "../support/dbstash.ts";
import type { FakeTools } from "../support/fake-tools.ts";
import { startSmallS3 } from "../support/small-s3.ts";
import { tempFolder } from "../support/temp.ts";
import { localPlace, type Place, startFaultRun, tools } from "./places.ts";

const { describe, test } = needs("rclone-current");

/** A whole plain dump, which `verify` and `prune` take for good. */
const whole =
  "--\n-- PostgreSQL database dump\n--\n\nSELECT 1;\n\n--\n-- PostgreSQL database dump complete\n--\n\n";
const dumps = `printf %b '${whole.replaceAll("\n", "\\n")}'`;

const s3 = startSmallS3({ buckets: ["b"], name: "small" });
afterAll(() => s3.stop());

/** A place in which such files lie, as a folder and on S3. */
type Kind = readonly [string, (files: Readonly<Record<string, string>>) => Place];
const kinds: readonly [Kind, Kind] = [
  [
    "a local folder",
    (files) => {
      const place = localPlace();
      for (const [name, text] of Object.entries(files)) {
        mkdirSync(dirname(join(place.remote, name)), { recursive: true });
        writeFileSync(join(place.remote, name), text);
      }
      return place;
    },
  ],
  [
    "S3",
    (files) => {
      const prefix = crypto.randomUUID();
      for (const [name, text] of Object.entries(files)) s3.put(`${prefix}/${name}`, text);
      const names = (): string[] =>
        [...s3.objects().keys()].flatMap((key) =>
          key.startsWith(`${prefix}/`) ? [key.slice(prefix.length + 1)] : [],
        );
      const env = { ...s3.env, RCLONE_RETRIES: "1", RCLONE_LOW_LEVEL_RETRIES: "1" };
      const none = (): void => undefined;
      return { remote: `small:b/${prefix}`, env, files: names, published: names, [Symbol.dispose]: none };
    },
  ],
];
const [[, inFolder], [, onS3]] = kinds;

/** The name of a backup so many days ago. */
function daysAgo(days: number): string {
  const time = new Date(Date.now() - days * 86_400_000).toISOString();
  return `app-${time.slice(0, 19).replaceAll(/[-:]/g, "")}Z.sql`;
}

type Env = Readonly<Record<string, string>>;

/** One run of the job, its dump whole. */
function run(place: Place, fakes: FakeTools, env: Env) {
  return startFaultRun({ place, tools: fakes, env: { DUMP_EXTRA_ARGS: "", ...env } }).exited;
}

/** A command of the same job that looks at what is stored. */
function look(place: Place, env: Env, ...args: readonly string[]) {
  return runDbstash("pg", {
    args,
    env: { DB_NAME: "app", RCLONE_REMOTE: place.remote, ...place.env, ...env },
  });
}

/** What `list --json` says of each. */
function fatesIn(json: string): Record<string, string> {
  const rows = JSON.parse(json) as { name: string; next_run: string; reason: string }[];
  return Object.fromEntries(rows.map((row) => [row.name, `${row.next_run}: ${row.reason}`]));
}

for (const [kind, filled] of kinds)
  describe(`RETENTION_KEEP_YEARLY on ${kind}`, () => {
    // The last is of 2020 in London, and of 2021 in Berlin.
    const old = [
      "20180601T020000Z",
      "20190101T020000Z",
      "20191231T020000Z",
      "20200505T020000Z",
      "20201231T233000Z",
    ];
    const names = old.map((time) => `app-${time}.sql`);
    const [, , last2019 = "", mid2020 = "", last2020 = ""] = names;

    const inZones: readonly [string, string[], Record<string, string>][] = [
      [
        "UTC",
        [last2019, last2020],
        {
          [last2020]: "keep: yearly 2 of 3",
          [last2019]: "keep: yearly 3 of 3",
          [mid2020]: "remove: no rule keeps it",
        },
      ],
      [
        "Europe/Berlin",
        [mid2020, last2020],
        {
          [last2020]: "keep: yearly 2 of 3",
          [mid2020]: "keep: yearly 3 of 3",
          [last2019]: "remove: no rule keeps it",
        },
      ],
    ];
    for (const [TZ, stay, fates] of inZones)
      test(`in the zone ${TZ} a run keeps what list says it would`, async () => {
        using place = filled(
          Object.fromEntries([...names, "other-20180101T020000Z.sql"].map((name) => [name, whole])),
        );
        using fakes = tools({ pg_dump: dumps });
        const env = { RETENTION_KEEP_YEARLY: "3", TZ };
        const listed = await look(place, env, "list", "--json");
        expect(fatesIn(listed.stdout)).toMatchObject(fates);
        const result = await run(place, fakes, env);
        expect(result.lastLine).toMatchObject({ msg: "backup stored", exit_code: 0 });
        const fresh = place.files().filter((name) => !names.includes(name) && name.startsWith("app-"));
        expect(fresh).toHaveLength(1);
        expect(place.files().toSorted()).toEqual(
          [...stay, ...fresh, "other-20180101T020000Z.sql"].toSorted(),
        );
        const reasons = result.lines
          .filter(({ msg }) => msg === "removing a backup")
          .map(({ reason }) => reason);
        expect(reasons).toEqual(["no rule keeps it", "no rule keeps it", "no rule keeps it"]);
      });
  });

test("prune by calendar, and what its dry run says of each", async () => {
  const names = [400, 401, 430, 470, 471].map(daysAgo);
  using place = inFolder(Object.fromEntries(names.map((name) => [name, whole])));
  const env = { RETENTION_KEEP_DAILY: "2", RETENTION_MIN_FILES: "3" };
  const dry = await look(place, env, "prune", "--dry-run");
  expect(dry.stdout.trimEnd().split("\n").slice(1)).toEqual([
    `${names[0]}: would be kept (the newest is always kept)`,
    `${names[1]}: would be kept (daily 2 of 2)`,
    `${names[2]}: would be kept (the newest 3 are always kept)`,
    `${names[3]}: would be removed (no rule keeps it)`,
    `${names[4]}: would be removed (no rule keeps it)`,
    `${place.remote}: 2 would be removed, 3 kept`,
  ]);
  expect(place.files()).toHaveLength(5);
  const { exitCode } = await look(place, env, "prune");
  expect([exitCode, place.files()]).toEqual([0, names.slice(0, 3).toSorted()]);
});

test("a folder of a day that prune empties is named", async () => {
  const days = [40, 41].map((age) => new Date(Date.now() - age * 86_400_000).toISOString().slice(0, 10));
  using place = inFolder(Object.fromEntries(days.map((day) => [`${day}/app.sql`, whole])));
  const env = { RETENTION_KEEP_LAST: "1", BACKUP_NAME_TEMPLATE: "{date}/{db}" };
  const { stdout } = await look(place, env, "prune");
  expect(stdout).toContain(
    `${days[1]}/app.sql: removed (no rule keeps it)\n${days[1]}: removed (an empty folder)\n`,
  );
});

describe("after an outage longer than RETENTION_MAX_DAYS", () => {
  const env = { RETENTION_MAX_DAYS: "30" };

  for (const [kind, filled] of kinds)
    test(`the first run removes nothing and says so: 3; prune and the next run do (${kind})`, async () => {
      const names = [40, 41, 42].map(daysAgo);
      using place = filled(Object.fromEntries(names.map((name) => [name, whole])));
      using fakes = tools({ pg_dump: dumps });
      const listed = fatesIn((await look(place, env, "list", "--json")).stdout);
      expect(new Set(Object.values(listed))).toEqual(
        new Set(["keep: older than 30 days, but so is the newest before this run"]),
      );
      const first = await run(place, fakes, env);
      const braked = expect.stringMatching(
        /^retention removed nothing by age: .* 3 backups older than that stay/,
      );
      expect(first.lastLine).toMatchObject({ status: "success", exit_code: 3, error: braked });
      expect(first.lines.filter(({ level }) => level === "warn").map(({ msg }) => msg)).toContainEqual(
        braked,
      );
      expect(place.files()).toHaveLength(4);
      expect((await look(place, env, "prune", "--dry-run")).stdout).toContain(
        ": 3 would be removed, 1 kept\n",
      );
      const second = await run(place, fakes, env);
      expect(second.lastLine).toMatchObject({ exit_code: 0 });
      expect(place.files().filter((name) => names.includes(name))).toEqual([]);
    });

  test("a job that runs so rarely is pruned by its own runs", async () => {
    using place = inFolder(Object.fromEntries([40, 80, 120].map((age) => [daysAgo(age), whole])));
    using fakes = tools({ pg_dump: dumps });
    expect((await run(place, fakes, env)).exitCode).toBe(0);
    expect(place.files()).toHaveLength(1);
  });

  test("RETENTION_MIN_FILES stay, and nobody is warned", async () => {
    using place = inFolder(Object.fromEntries([40, 41].map((age) => [daysAgo(age), whole])));
    using fakes = tools({ pg_dump: dumps });
    expect((await run(place, fakes, { ...env, RETENTION_MIN_FILES: "3" })).exitCode).toBe(0);
    expect(place.files()).toHaveLength(3);
  });
});

describe("BACKUP_MIN_PERCENT", () => {
  const env = { BACKUP_MIN_PERCENT: "50", RETENTION_MAX_FILES: "1" };

  for (const [kind, filled] of kinds)
    test(`a small backup is stored, told of, and removes nothing: 3; a large one does (${kind})`, async () => {
      const names = [1, 2, 3].map(daysAgo);
      using place = filled(Object.fromEntries(names.map((name) => [name, whole.repeat(3)])));
      using small = tools({ pg_dump: dumps });
      const doubted = await run(place, small, env);
      const told = expect.stringMatching(
        /^this backup is suspiciously small: 9\d B, 33 % of the median of the 3 /,
      );
      expect(doubted.lastLine).toMatchObject({ status: "success", exit_code: 3, error: told });
      expect(doubted.lines.filter(({ level }) => level === "warn").map(({ msg }) => msg)).toEqual([
        told,
        "retention did not run, since the backup may lack something",
        expect.anything(),
      ]);
      expect(place.files()).toHaveLength(4);
      using large = tools({ pg_dump: `${dumps}; ${dumps}` });
      expect((await run(place, large, env)).exitCode).toBe(0);
      expect(place.files()).toHaveLength(1);
    });

  const manifest = writeManifest({
    engine: "pg",
    database: "app",
    createdAt: "2026-02-01T02:00:00.000Z",
    tool: "pg_dump (PostgreSQL) 18.0",
    files: [{ path: "toc.dat", bytes: 100_000 }],
  });
  const folders = [1, 2].map((age) => daysAgo(age).replace(".sql", ""));
  const small =
    'for word; do case $word in --file=*) mkdir "${word#*=}" && echo data >"${word#*=}/toc.dat" ;; esac; done';
  const ofFolders = (text: string) =>
    folders.flatMap((name) => [
      [`${name}/toc.dat`, "x"],
      [`${name}/dbstash.json`, text],
    ]);

  for (const [kind, filled] of kinds)
    test(`compares folders by what their dbstash.json say (${kind})`, async () => {
      using work = tempFolder("work");
      using fakes = tools({ pg_dump: small });
      using place = filled(Object.fromEntries(ofFolders(manifest)));
      const inFolders = { ...env, BACKUP_MODE: "directory", BACKUP_TEMP_DIR: work.path };
      const { lastLine } = await run(place, fakes, inFolders);
      const told = expect.stringMatching(
        /^this backup is suspiciously small: .* the 2 before it \(97\.9 KiB\)/,
      );
      expect(lastLine).toMatchObject({ status: "success", exit_code: 3, error: told });
      expect(place.files()).toHaveLength(6);
    });

  for (const [what, denied, text, words] of [
    ["may not be read", ["read"], manifest, /^rclone cat failed: .*(denied|403)/i],
    ["are none", [], "{}\n", /^the folder's manifest can't be read/],
  ] as const)
    test(`tells that folders can't be compared whose dbstash.json ${what}, and removes none`, async () => {
      using work = tempFolder("work");
      using fakes = tools({ pg_dump: small });
      using place = onS3(Object.fromEntries(ofFolders(text)));
      s3.change({ denied, faults: {} });
      const inFolders = { ...env, BACKUP_MODE: "directory", BACKUP_TEMP_DIR: work.path };
      const { lastLine } = await run(place, fakes, inFolders);
      s3.change({ denied: [], faults: {} });
      const said = "whether this backup is too small could not be found out: ";
      expect(lastLine).toMatchObject({ status: "success", exit_code: 3 });
      expect(lastLine?.["error"]).toStartWith(said);
      expect(String(lastLine?.["error"]).replace(said, "")).toMatch(words);
      expect(place.files()).toHaveLength(6);
    });
});

test("limits beside a calendar are refused, with what to write: 2", async () => {
  const env = { RETENTION_KEEP_WEEKLY: "4", RETENTION_MAX_DAYS: "30" };
  using place = localPlace("/nowhere");
  const { exitCode, stderr } = await look(place, env, "list");
  expect(stderr).toBe(
    "error: RETENTION_MAX_DAYS (--retention-max-days) can't stand beside RETENTION_KEEP_WEEKLY (--retention-keep-weekly): one removes what the other keeps\nhint: use RETENTION_KEEP_DAILY=30 in place of RETENTION_MAX_DAYS\n",
  );
  expect(exitCode).toBe(2);
});
