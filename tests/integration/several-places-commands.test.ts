import { expect } from "bun:test";
import { rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type DbstashResult, runDbstash } from "../support/dbstash.ts";
import { startWebhook } from "../support/webhook.ts";
import { tempFolder } from "../support/temp.ts";
import { faultTests, type Place, rcloneExcept, tools } from "./places.ts";
import { wholeDump } from "./whole-dump.ts";

const { places, test } = faultTests();

test("list tells where each backup is, and verify looks in every place", async () => {
  await using job = await twoPlaces();
  await job.run();
  const [name = ""] = job.one.files();
  expect((await job.run("list")).stdout).toMatch(/NAME +SIZE +AGE +PLACES\n.* all\n$/);
  const good = await job.run("verify");
  expect(good.exitCode).toBe(0);
  expect(good.stdout.match(/: good \(/g)).toHaveLength(2);
  truncateSync(join(job.one.remote, name), 1000);
  const cut = await job.run("verify");
  expect(cut.exitCode).toBe(1);
  expect(cut.stdout).toMatch(/: bad: /);
  expect(cut.stdout).toMatch(/: good \(/);
  rmSync(join(job.one.remote, name));
  const missing = await job.run("verify", name);
  expect([missing.exitCode, /it is not there/.test(missing.stdout)]).toEqual([1, true]);
  expect((await job.run("list")).stdout).toContain(job.two.remote);
  const [row] = JSON.parse((await job.run("list", "--json")).stdout) as { places: { place: string }[] }[];
  expect(row?.places.map(({ place }) => place)).toEqual([job.two.remote]);
});

test("a place that does not answer is named, and the other is listed, verified and pruned", async () => {
  await using job = await twoPlaces();
  await job.run();
  const failing = `case "$*" in *"${job.one.remote}"*) echo "no such host" >&2; exit 1 ;; esac`;
  using lost = tools({ rclone: rcloneExcept("lsjson", failing) });
  for (const words of [["list"], ["verify"], ["prune"]]) {
    const result = await job.runWith({ RETENTION_MAX_FILES: "5" }, [lost.dir], ...words);
    expect([words, result.exitCode]).toEqual([words, 3]);
    expect(result.stdout + result.stderr).toMatch(/no such host/);
    expect(result.stdout).toContain(words[0] === "list" ? "app-" : job.two.remote);
  }
});

test("retention and prune work on each place by itself, and count no place's backups for another", async () => {
  await using job = await twoPlaces();
  await job.run();
  // Older ones that one place alone has.
  for (const day of ["01", "02", "03"])
    writeFileSync(join(job.one.remote, `app-202001${day}T000000Z.sql`), "an older dump");
  const run = await job.runWith({ RETENTION_MAX_FILES: "2" }, [], "backup");
  expect(run.exitCode).toBe(0);
  expect(job.one.files()).toHaveLength(2);
  expect(job.two.files()).toEqual(job.one.files());
  const pruned = await job.runWith({ RETENTION_MAX_FILES: "1" }, [], "prune");
  expect(pruned.exitCode).toBe(0);
  expect([job.one.files().length, job.two.files().length]).toEqual([1, 1]);
});

test("no place is pruned after a backup that it does not have", async () => {
  await using job = await twoPlaces();
  for (const day of ["01", "02", "03"])
    writeFileSync(join(job.one.remote, `app-202001${day}T000000Z.sql`), "an older dump");
  const failing = `case "$*" in *"${job.one.remote}"*) exit 7 ;; esac`;
  using dying = tools({ rclone: rcloneExcept("rcat", failing) });
  const run = await job.runWith({ RETENTION_MAX_FILES: "1" }, [dying.dir], "backup");
  expect(run.exitCode).toBe(3);
  expect(job.one.files()).toHaveLength(3);
  expect(job.two.files()).toHaveLength(1);
});

test("hook, message and the last line say who lacks the backup", async () => {
  await using job = await twoPlaces();
  await using webhook = startWebhook();
  using folder = tempFolder("hook");
  const failing = `case "$*" in *"${job.one.remote}"*) exit 7 ;; esac`;
  using dying = tools({ rclone: rcloneExcept("rcat", failing) });
  const hook = `printf '%s' "$DBSTASH_STATUS $DBSTASH_FILE" >'${folder.file("seen")}'; cp "$DBSTASH_RESULTS_FILE" '${folder.file("results")}'`;
  const env = { NOTIFY_WEBHOOK_URL: `json+${webhook.url}`, HOOK_POST_BACKUP: hook };
  const run = await job.runWith(env, [dying.dir], "backup");
  const lacks = `${job.one.remote} does not have this backup: rclone failed (exit code 7)`;
  expect(String(run.lastLine?.["error"])).toContain(lacks);
  expect(run.lastLine).toMatchObject({ places: 2, missed_places: job.one.remote });
  expect(run.lastLine?.["remote_path"]).toBe(`${job.two.remote}/${job.two.files()[0]}`);
  expect(JSON.stringify(webhook.requests.map(({ body }) => body))).toContain(lacks);
  expect(await Bun.file(folder.file("seen")).text()).toBe(`success ${job.two.files()[0]}`);
  expect(await Bun.file(folder.file("results")).text()).toContain(job.one.remote);
});

/** A job that stores in a local folder and on S3. */
async function twoPlaces(): Promise<
  AsyncDisposable & {
    readonly one: Place;
    readonly two: Place;
    run(...words: readonly string[]): Promise<DbstashResult>;
    runWith(
      env: Record<string, string>,
      path: readonly string[],
      ...words: readonly string[]
    ): Promise<DbstashResult>;
  }
> {
  const one = await places.make("a local folder");
  const two = await places.make("S3");
  const fakes = tools({ pg_dump: wholeDump(200_000) });
  const runWith = (env: Record<string, string>, path: readonly string[], ...words: readonly string[]) =>
    runDbstash("pg", {
      args: words,
      path: [...path, fakes.dir],
      env: {
        DB_HOST: "127.0.0.1",
        DB_NAME: "app",
        RCLONE_REMOTE: one.remote,
        RCLONE_EXTRA_REMOTES: two.remote,
        BACKUP_NAME_TEMPLATE: "{db}-{timestamp}",
        ...two.env,
        ...env,
      },
    });
  return {
    one,
    two,
    run: (...words) => runWith({}, [], ...words),
    runWith,
    async [Symbol.asyncDispose]() {
      one[Symbol.dispose]();
      two[Symbol.dispose]();
      fakes.remove();
    },
  };
}
