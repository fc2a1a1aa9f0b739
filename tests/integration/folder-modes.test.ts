import { afterAll, beforeAll, expect } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readManifest } from "../../src/catalog/manifest.ts";
import { componentPath, needs } from "../support/components.ts";
import { runDbstash, startDbstash } from "../support/dbstash.ts";
import { fakeTools } from "../support/fake-tools.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { sampleCommandLines, waitUntilGone } from "../support/procs.ts";
import { runOk, waitFor } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";

const { describe, test } = needs("postgresql", "rclone-current", "zstd");
const database = `my "shop" & more`;

describe("directory and tar mode", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres({ password: "Tr0ub4dor&3 \"q'é" });
    await server.createDatabase(database);
    await server.sql(
      `CREATE TABLE "the items" (id int PRIMARY KEY, name text, data bytea);
       INSERT INTO "the items" SELECT n, '🐘 ' || n, decode(md5(n::text), 'hex') FROM generate_series(1, 50000) n;
       CREATE VIEW few AS SELECT * FROM "the items" WHERE id < 5;
       CREATE SEQUENCE counter START 42`,
      database,
    );
  }, 60_000);
  afterAll(() => server.stop());

  /** Where one test's backup goes, and where it is dumped to. */
  function places() {
    const folder = tempFolder("modes");
    const [remote, work] = [folder.file("remote"), folder.file("work")];
    mkdirSync(remote);
    return { remote, work, [Symbol.dispose]: () => folder.remove() };
  }

  function settings(mode: string, { remote, work }: { remote: string; work: string }) {
    return {
      path: [server.binDir],
      env: {
        DB_URI: server.uri(database),
        RCLONE_REMOTE: remote,
        BACKUP_TEMP_DIR: work,
        BACKUP_MODE: mode,
        LOG_LEVEL: "debug",
      },
    };
  }

  async function content(name: string): Promise<string> {
    return server.sql(
      `SELECT md5(string_agg(t::text, ',' ORDER BY id)), count(*) FROM "the items" t; SELECT count(*) FROM few; SELECT nextval('counter')`,
      name,
    );
  }

  async function expectRestored(folder: string): Promise<void> {
    await server.createDatabase("restored");
    const restored = await server.run("pg_restore", ["--exit-on-error", "-j2", "-d", "restored", folder]);
    expect(restored).toMatchObject({ exitCode: 0 });
    const [source, copy] = [await content(database), await content("restored")];
    // Each look at the sequence moves it on, in the copy by one look fewer.
    expect(copy.split("\n").slice(0, 2)).toEqual(source.split("\n").slice(0, 2));
    expect(copy.split("\n")[2]).toMatch(/^4\d$/);
    await server.sql("DROP DATABASE restored");
  }

  test("a directory holds every file with its size in dbstash.json, and restores whole", async () => {
    using place = places();
    const running = startDbstash("pg", {
      ...settings("directory", place),
      args: ["--dump-extra-args", "-j2"],
    });
    const { result, commandLines } = await sampleCommandLines(running.id, running.exited);
    expect(result.lastLine).toMatchObject({ msg: "backup stored", exit_code: 0 });
    await waitUntilGone(result.id);
    const [name = "", ...others] = readdirSync(place.remote);
    expect(others).toEqual([]);
    const folder = join(place.remote, name);
    const manifest = readManifest(readFileSync(join(folder, "dbstash.json"), "utf8"));
    expect(manifest).toMatchObject({ engine: "pg", database, tool: expect.stringContaining("pg_dump (") });
    expect(Date.now() - Date.parse(manifest.createdAt)).toBeLessThan(60_000);
    expect(["dbstash.json", ...manifest.files.map(({ path }) => path)].toSorted()).toEqual(
      readdirSync(folder).toSorted(),
    );
    for (const { path, bytes } of manifest.files) expect(Bun.file(join(folder, path)).size).toBe(bytes);
    expect(result.lines.find(({ msg }) => msg === "dump finished, uploading")).toMatchObject({
      files: manifest.files.length,
      bytes: manifest.files.reduce((sum, { bytes }) => sum + bytes, 0),
    });
    expect(result.lastLine?.["bytes"]).toBe(
      manifest.files.reduce((sum, { bytes }) => sum + bytes, Bun.file(join(folder, "dbstash.json")).size),
    );
    expect(commandLines.filter((line) => line.includes(server.password))).toEqual([]);
    expect(readdirSync(place.work)).toEqual([]);
    await expectRestored(folder);
  }, 60_000);

  for (const [compression, extension] of [
    ["false", ".tar"],
    ["zstd", ".tar.zst"],
    ["gzip:9", ".tar.gz"],
  ] as const) {
    test(`a tar with BACKUP_COMPRESS=${compression} unpacks into a folder that restores whole`, async () => {
      using place = places();
      const { env, path } = settings("tar", place);
      const result = await runDbstash("pg", { path, env: { ...env, BACKUP_COMPRESS: compression } });
      expect(result.lastLine).toMatchObject({ msg: "backup stored", exit_code: 0 });
      expect(readdirSync(place.work)).toEqual([]);
      const [name = "", ...others] = readdirSync(place.remote);
      expect(others).toEqual([]);
      expect(name).toEndWith(extension);
      const verified = result.lines.find(({ msg }) => msg === "backup verified");
      expect(verified?.["compared"]).toBe(compression === "false" ? "size and end of a tar file" : "size");
      const unpack = compression === "zstd" ? ["-I", componentPath("zstd")] : [];
      await runOk(["tar", ...unpack, "-C", place.remote, "-xf", join(place.remote, name)]);
      await expectRestored(join(place.remote, name.slice(0, -extension.length)));
    }, 60_000);
  }

  test("a folder of the backup's name is an error and stays as it is", async () => {
    using place = places();
    mkdirSync(join(place.remote, "fixed"));
    writeFileSync(join(place.remote, "fixed", "note"), "mine");
    const { env, path } = settings("directory", place);
    const result = await runDbstash("pg", { path, env: { ...env, BACKUP_NAME_TEMPLATE: "fixed" } });
    expect(result.exitCode).toBe(1);
    expect(result.lastLine?.["error"]).toContain("already exists on the remote");
    expect(readdirSync(join(place.remote, "fixed"))).toEqual(["note"]);
    expect(readdirSync(place.work)).toEqual([]);
  });

  for (const mode of ["directory", "tar"]) {
    describe(`${mode} mode`, () => {
      test("stores nothing when the dump fails", async () => {
        using place = places();
        const { env, path } = settings(mode, place);
        const result = await runDbstash("pg", { path, env: { ...env, DB_URI: server.uri("nowhere") } });
        await waitUntilGone(result.id);
        expect(result.exitCode).toBe(1);
        expect(result.lastLine?.["error"]).toContain('database "nowhere" does not exist');
        expect([readdirSync(place.remote), readdirSync(place.work)]).toEqual([[], []]);
      });

      test("stores nothing when the upload fails", async () => {
        using place = places();
        using fake = failingUploads();
        const { env, path } = settings(mode, place);
        const result = await runDbstash("pg", { path: [fake.dir, ...path], env });
        await waitUntilGone(result.id);
        expect(result.exitCode).toBe(1);
        expect(result.lastLine?.["error"]).toContain("the disk is on fire");
        expect([readdirSync(place.remote), readdirSync(place.work)]).toEqual([[], []]);
      });

      test("leaves nothing, here or there, when it is stopped while dumping", async () => {
        using place = places();
        using slow = slowDump();
        const running = startDbstash("pg", { ...settings(mode, place), path: [slow.dir] });
        await waitFor("the dump to write", () => dumping(place.work));
        running.signal("SIGTERM");
        const result = await running.exited;
        await waitUntilGone(result.id);
        expect(result.exitCode).toBe(143);
        expect([readdirSync(place.remote), readdirSync(place.work)]).toEqual([[], []]);
      });

      test("leaves nothing when it is killed while dumping, nor touches a live run's folder", async () => {
        using place = places();
        using slow = slowDump();
        const live = startDbstash("pg", { ...settings(mode, place), path: [slow.dir] });
        await waitFor("the dump to write", () => dumping(place.work));
        const [liveFolder = ""] = readdirSync(place.work);
        const same = settings(mode, place);
        // Another job: the same one would be kept out by the lock.
        const other = { ...same, env: { ...same.env, BACKUP_NAME_TEMPLATE: "other-{db}-{timestamp}" } };
        const killed = startDbstash("pg", { ...other, path: [slow.dir] });
        await waitFor("the second dump to write", () => dumping(place.work, 2));
        killed.signal("SIGKILL");
        await killed.exited;
        await waitUntilGone(killed.id);
        await waitFor("the folder to be gone", () => readdirSync(place.work).length === 1);
        expect(readdirSync(place.work)).toEqual([liveFolder]);
        live.signal("SIGINT");
        expect((await live.exited).exitCode).toBe(130);
        await waitUntilGone(live.id);
        expect([readdirSync(place.remote), readdirSync(place.work)]).toEqual([[], []]);
      });

      test("removes at its start what a killed run has left", async () => {
        using place = places();
        mkdirSync(join(place.work, "dbstash-killed"), { recursive: true });
        writeFileSync(join(place.work, "dbstash-killed", ".lock"), "");
        writeFileSync(join(place.work, "dbstash-killed", "data"), "secret");
        writeFileSync(join(place.work, "not-ours"), "");
        const result = await runDbstash("pg", settings(mode, place));
        expect(result.exitCode).toBe(0);
        expect(readdirSync(place.work)).toEqual(["not-ours"]);
      });

      test("ends a dump that stands still", async () => {
        using place = places();
        using slow = slowDump();
        const { env } = settings(mode, place);
        const result = await runDbstash("pg", {
          path: [slow.dir],
          env: { ...env, BACKUP_STALL_TIMEOUT: "3s" },
        });
        await waitUntilGone(result.id);
        expect(result.exitCode).toBe(1);
        expect(result.lastLine?.["error"]).toContain("not one byte moved for 3 s");
        expect([readdirSync(place.remote), readdirSync(place.work)]).toEqual([[], []]);
      }, 30_000);
    });
  }

  test("removes the remote folder when a file in it has another size than was written", async () => {
    using place = places();
    using fake = shorteningUploads();
    const { env, path } = settings("directory", place);
    const result = await runDbstash("pg", { path: [fake.dir, ...path], env });
    expect(result.exitCode).toBe(1);
    expect(result.lastLine?.["error"]).toContain("the stored backup is not whole: toc.dat has 3 bytes");
    expect([readdirSync(place.remote), readdirSync(place.work)]).toEqual([[], []]);
  });

  for (const [title, exitCode, error] of [
    ["after a failed upload", 1, "the disk is on fire"],
    ["when its own upload was well", 0, "another run has stored"],
  ] as const) {
    test(`leaves alone what another run has made a backup under the same name, ${title}`, async () => {
      using place = places();
      using fake = meetingUploads(exitCode);
      const { env, path } = settings("directory", place);
      const result = await runDbstash("pg", { path: [fake.dir, ...path], env });
      expect(result.exitCode).toBe(1);
      expect(result.lastLine?.["error"]).toContain(error);
      const [name = ""] = readdirSync(place.remote);
      expect(readFileSync(join(place.remote, name, "dbstash.json"), "utf8")).toBe("other");
      expect(readdirSync(join(place.remote, name))).toContain("toc.dat");
    });
  }

  test("writes nothing into what has become another run's backup while it dumped", async () => {
    using place = places();
    const real = componentPath("rclone-current");
    const folder = join(place.remote, "fixed");
    using fake = fakeTools({
      rclone: `[ "$1" = lsjson ] || exec ${real} "$@"\n${real} "$@" || exit; : >"$FAKE_DIR/listed"`,
      pg_dump: `for word; do case $word in --file=*) dir=\${word#--file=};; --version) echo 'pg_dump (PostgreSQL) 15'; exit;; esac; done
until [ -e "$FAKE_DIR/listed" ]; do sleep 0.01; done
mkdir "$dir" '${folder}' && echo mine >"$dir/toc.dat" && printf other | tee '${folder}/toc.dat' >'${folder}/dbstash.json'`,
    });
    const { env, path } = settings("directory", place);
    const result = await runDbstash("pg", {
      path: [fake.dir, ...path],
      env: { ...env, BACKUP_NAME_TEMPLATE: "fixed" },
    });
    expect(result.exitCode).toBe(1);
    expect(result.lastLine?.["error"]).toBe("another run has stored fixed in the meantime");
    const contents = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
    expect(contents).toEqual(["other", "other"]);
  });

  test("purges the remote folder when it is stopped during the upload", async () => {
    using place = places();
    using fake = hangingCopy();
    const { env, path } = settings("directory", place);
    const running = startDbstash("pg", { path: [fake.dir, ...path], env });
    await waitFor("a first file on the remote", () =>
      readdirSync(place.remote).some((name) => existsSync(join(place.remote, name, "toc.dat"))),
    );
    running.signal("SIGTERM");
    const result = await running.exited;
    await waitUntilGone(result.id);
    expect(result.exitCode).toBe(143);
    expect([readdirSync(place.remote), readdirSync(place.work)]).toEqual([[], []]);
  });
});

/** A pg_dump that writes a file into its folder and then hangs. */
function slowDump() {
  const body = `for word; do case $word in --file=*) dir=\${word#--file=};; --version) echo 'pg_dump (PostgreSQL) 15'; exit;; esac; done
mkdir "$dir" && echo data > "$dir/toc.dat" && exec sleep 600`;
  return fakeTools({ pg_dump: body });
}

/** Files and their dumps in a work folder, as far as they have come. */
function dumping(work: string, count = 1): boolean {
  if (!existsSync(work)) return false;
  const written = readdirSync(work, { recursive: true, encoding: "utf8" }).filter((path) =>
    path.endsWith("toc.dat"),
  );
  return written.length >= count;
}

/** An rclone that does everything but this verb, for which it runs a script. */
function rcloneBut(verbs: string, script: string) {
  const real = componentPath("rclone-current");
  return fakeTools({ rclone: `case $1 in ${verbs}) ${script};; esac\nexec ${real} "$@"` });
}

function failingUploads() {
  return rcloneBut("copy|rcat", "head -c 10 >/dev/null; echo 'the disk is on fire' >&2; exit 1");
}

function shorteningUploads() {
  const real = componentPath("rclone-current");
  return rcloneBut("copy", `${real} "$@" || exit; printf abc > "$3/toc.dat"; exit 0`);
}

/** Another run's manifest appears in the folder while this one uploads. */
function meetingUploads(exitCode: number) {
  const real = componentPath("rclone-current");
  const body = `${real} "$@" || exit; printf other > "$3/dbstash.json"; echo 'the disk is on fire' >&2; exit ${exitCode}`;
  return rcloneBut("copy", body);
}

function hangingCopy() {
  return rcloneBut("copy", 'mkdir -p "$3" && cp "$2/toc.dat" "$3" && exec sleep 600');
}
