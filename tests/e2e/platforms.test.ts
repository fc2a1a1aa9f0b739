import { afterAll, beforeAll, expect } from "bun:test";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { localPlace } from "../integration/places.ts";
import { type ComponentName, componentPath, needs } from "../support/components.ts";
import { type DbstashOptions, runDbstash, startDbstash } from "../support/dbstash.ts";
import { fakeTools } from "../support/fake-tools.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { waitUntilGone } from "../support/procs.ts";
import { runOk, systemPath, waitFor } from "../support/run.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";

/** An executable that is not this machine's own, and what starts it here; its children are this machine's own. */
interface Platform {
  readonly title: string;
  readonly target: string;
  readonly component: ComponentName;
  readonly command: (executable: string) => readonly string[];
}

/** The loader and the libraries are laid over the machine's, in a mount namespace of the run's own. */
const withLibraries = 'mount -t overlay -o "lowerdir=$1:$2" overlay "$2" && shift 2 && exec "$@"';

const musl = (title: string, component: ComponentName): Platform => ({
  title,
  target: "linux-x64-musl",
  component,
  command: (executable) => {
    const over = ["sh", "-c", withLibraries, "sh", componentPath(component), realpathSync("/lib")];
    return ["unshare", "--mount", ...over, executable];
  },
});

const platforms: readonly Platform[] = [
  {
    title: "the executable for arm64, under qemu",
    target: "linux-arm64",
    component: "arm64",
    command: (executable) => {
      const folder = componentPath("arm64");
      return [join(folder, "qemu"), "-L", join(folder, "root"), executable];
    },
  },
  musl("the executable for musl, with musl 1.2.6", "musl"),
  musl("the executable for musl, with the oldest that it runs with, 1.2.5", "musl-older"),
];

const shared = needs("runtimes", "postgresql", "rclone-current", "zstd");

shared.describe("another platform", () => {
  let pg: PostgresServer;
  let builds: TempFolder;
  beforeAll(async () => {
    builds = tempFolder("builds");
    pg = await startPostgres();
    await pg.createDatabase("shop");
    await pg.sql(
      "CREATE TABLE items AS SELECT n AS id, md5(n::text) AS hash FROM generate_series(1, 20000) n",
      "shop",
    );
    const env = { PATH: systemPath, HOME: builds.path, BUN_INSTALL_CACHE_DIR: componentPath("runtimes") };
    const builder = join(import.meta.dirname, "../../scripts/build.ts");
    for (const target of new Set(platforms.map((platform) => platform.target))) {
      const argv = ["pg", "--target", `bun-${target}`, "--outdir", builds.file(target)];
      await runOk([process.execPath, builder, ...argv], { env });
    }
  }, 120_000);
  afterAll(async () => {
    await pg?.stop();
    builds?.remove();
  });

  for (const { title, target, component, command } of platforms) {
    const { test } = needs(component);
    const options = (remote: string, path: readonly string[]): DbstashOptions => ({
      program: command(builds.file(`${target}/dbstash-pg`)),
      env: { DB_URI: pg.uri("shop"), RCLONE_REMOTE: remote },
      path,
    });

    test(`${title}: makes a backup that restores, lists and verifies it`, async () => {
      using place = localPlace();
      const given = options(place.remote, [pg.binDir]);
      const compressed = { ...given, env: { ...given.env, BACKUP_COMPRESS: "zstd" } };
      const run = await runDbstash("pg", compressed);
      expect([run.exitCode, run.lastLine?.msg, run.stderr]).toEqual([0, "backup stored", ""]);
      const [name = ""] = place.published();
      expect(place.files()).toEqual([name]);
      const list = await runDbstash("pg", { ...compressed, args: ["list"] });
      expect([list.exitCode, list.stdout]).toEqual([0, expect.stringContaining(name)]);
      const verify = await runDbstash("pg", { ...compressed, args: ["verify"] });
      expect([verify.exitCode, verify.stdout]).toEqual([0, expect.stringContaining(name)]);

      const database = `restored_${component.replaceAll("-", "_")}`;
      await pg.createDatabase(database);
      const sql = Bun.zstdDecompressSync(readFileSync(join(place.remote, name))).toString();
      const psql = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database];
      const restored = await pg.run("psql", psql, { stdin: sql });
      expect([restored.exitCode, restored.stderr]).toEqual([0, ""]);
      const digest = "SELECT count(*), md5(string_agg(id || hash, ',' ORDER BY id)) FROM items";
      expect(await pg.sql(digest, database)).toBe(await pg.sql(digest, "shop"));
    });

    // The other one has shown by now that it can start, spawn and call foreign functions.
    if (component === "musl-older") continue;
    for (const [signal, ending] of [
      ["SIGKILL", { exitCode: null, signal: "SIGKILL" }],
      ["SIGTERM", { exitCode: 143, signal: null }],
    ] as const)
      test(`${title}: leaves nothing when it gets ${signal} half way`, async () => {
        using place = localPlace();
        const half = `"${join(pg.binDir, "pg_dump")}" "$@" | head -c 500000; : >"$FAKE_DIR/half"; exec sleep 600`;
        using fakes = fakeTools({ pg_dump: half });
        const running = startDbstash("pg", options(place.remote, [fakes.dir, pg.binDir]));
        await waitFor("half a dump", () => existsSync(join(fakes.dir, "half")), 60_000);
        await waitFor("its upload", () => place.files().length > 0);
        running.signal(signal);
        const run = await running.exited;
        expect({ exitCode: run.exitCode, signal: run.signal }).toEqual(ending);
        await waitUntilGone(run.id, 20_000);
        // What a killed run had staged is swept by a later one.
        expect(signal === "SIGKILL" ? place.published() : place.files()).toEqual([]);
      });
  }
});
