import { describe, expect } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { needs } from "../support/components.ts";
import { waitFor } from "../support/run.ts";
import { startSftp } from "../support/sftp.ts";
import { expectEnd, goOn, pauseHere, smallPlace, untilThere } from "./edges.ts";
import { localPlace, type Place, startFaultRun, tools } from "./places.ts";
import { wholeDump } from "./whole-dump.ts";

const { test } = needs("rclone-current", "rclone-old", "sshd");
const dump = wholeDump(60_000);
const folderDump =
  'for word; do case $word in --file=*) mkdir "${word#*=}" && echo data >"${word#*=}/toc.dat" ;; esac; done';
const keepOne = { RETENTION_MAX_FILES: "1", DUMP_EXTRA_ARGS: "" };

/** Every folder and file below a folder, folders with a slash. */
function tree(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .map((path) => (statSync(join(root, path)).isDirectory() ? `${path}/` : path))
    .toSorted();
}

/** Makes files, and of names that end with a slash folders. */
function plant(root: string, paths: readonly string[]): void {
  for (const path of paths) {
    mkdirSync(join(root, path.endsWith("/") ? path : dirname(path)), { recursive: true });
    if (!path.endsWith("/")) writeFileSync(join(root, path), "old");
  }
}

describe("date folders that retention has emptied", () => {
  const template = "{engine}/{date}/{db}/{time}";
  const planted = [
    "pg/2026-01-01/app/010000.sql",
    "pg/2026-01-02/app/010000.sql",
    "pg/2026-01-02/app/020000.sql",
    "pg/2026-01-03/app/010000.sql",
    "pg/2026-01-03/app/note.txt",
    "pg/2026-01-04/app/010000.sql",
    "pg/2026-01-04/other/010000.sql",
    // Empty since an earlier run; not of this template; not over.
    "pg/2026-01-05/app/",
    "pg/2026-01-06/elsewhere/",
    "pg/keep/app/",
    "2026-01-01/app/",
  ];
  const left = [
    "2026-01-01/",
    "2026-01-01/app/",
    "pg/",
    "pg/2026-01-03/",
    "pg/2026-01-03/app/",
    "pg/2026-01-03/app/note.txt",
    "pg/2026-01-04/",
    "pg/2026-01-04/other/",
    "pg/2026-01-04/other/010000.sql",
    "pg/2026-01-06/",
    "pg/2026-01-06/elsewhere/",
    "pg/keep/",
    "pg/keep/app/",
  ];
  const isNew = (path: string) => /^pg\/(?!2026-01)\d{4}-\d\d-\d\d\//.test(path);

  for (const rclone of ["current", "old"] as const)
    test(`go, level by level, and those with something in them stay, by the ${rclone} rclone`, async () => {
      using place = localPlace();
      plant(place.remote, planted);
      await expectEnd(await run(place, { BACKUP_NAME_TEMPLATE: template }, rclone), place, { exitCode: 0 });
      const found = tree(place.remote);
      expect(found.filter((path) => !isNew(path))).toEqual(left);
      expect(found.filter((path) => isNew(path) && path.endsWith(".sql"))).toHaveLength(1);
    });

  test("go on an SFTP server", async () => {
    await using server = await startSftp();
    using place = { ...localPlace(), remote: server.remotePath("store"), env: server.remoteEnv("store") };
    plant(server.dir, planted);
    await expectEnd(
      await run(place, { BACKUP_NAME_TEMPLATE: template }),
      { files: () => [] },
      { exitCode: 0 },
    );
    expect(tree(server.dir).filter((path) => !isNew(path))).toEqual(left);
  });

  test("stay where they may not be removed, and cost nothing", async () => {
    await using server = await startSftp({ denied: ["rmdir"] });
    using place = { ...localPlace(), remote: server.remotePath("store"), env: server.remoteEnv("store") };
    plant(server.dir, planted);
    await expectEnd(
      await run(place, { BACKUP_NAME_TEMPLATE: template }),
      { files: () => [] },
      { exitCode: 0 },
    );
    expect(existsSync(join(server.dir, "pg/2026-01-01/app"))).toBe(true);
  });

  test("go when what they held were folders themselves", async () => {
    using place = localPlace();
    plant(place.remote, ["2026-01-01/app-010000/dbstash.json", "2026-01-01/app-010000/toc.dat"]);
    plant(place.remote, ["2026-01-02/app-010000/dbstash.json", "2026-01-02/note.txt"]);
    const env = { BACKUP_NAME_TEMPLATE: "{date}/{db}-{time}", BACKUP_MODE: "directory" };
    await expectEnd(await run(place, env), place, { exitCode: 0 });
    expect(tree(place.remote).filter((path) => path.startsWith("2026-01"))).toEqual([
      "2026-01-02/",
      "2026-01-02/note.txt",
    ]);
  });

  test("are none on S3, where foreign objects stay", async () => {
    await using place = smallPlace();
    for (const path of planted.filter((each) => !each.endsWith("/"))) place.s3.put(`shop/${path}`, "old");
    await expectEnd(await run(place, { BACKUP_NAME_TEMPLATE: template }), place, {
      exitCode: 0,
      files: ["pg/2026-01-03/app/note.txt", "pg/2026-01-04/other/010000.sql", /^pg\/(?!2026-01).*\.sql$/],
    });
  });

  test("more than twenty go in several runs", async () => {
    using place = localPlace();
    const days = Array.from({ length: 25 }, (_, index) => `2026-01-${String(index + 1).padStart(2, "0")}`);
    plant(
      place.remote,
      days.map((day) => `${day}/app-010000.sql`),
    );
    const env = { BACKUP_NAME_TEMPLATE: "{date}/{db}-{time}" };
    const oldDays = () => readdirSync(place.remote).filter((name) => days.includes(name));
    await expectEnd(await run(place, env), place, { exitCode: 0 });
    expect(oldDays()).toHaveLength(5);
    expect((await run(place, { ...env, BACKUP_NAME_TEMPLATE: "{date}/{db}-{time}" })).exitCode).toBe(0);
    expect(oldDays()).toEqual([]);
  });
});

describe("BACKUP_UMASK", () => {
  const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
  const masks = [
    [undefined, "600", "700"],
    ["027", "640", "750"],
    ["022", "644", "755"],
  ] as const;

  for (const [umask, file, folder] of masks) {
    const env = {
      ...(umask === undefined ? {} : { BACKUP_UMASK: umask }),
      BACKUP_NAME_TEMPLATE: "{date}/{db}-{time}",
    };
    for (const rclone of ["current", "old"] as const)
      test(`${umask ?? "by default"}: a stream makes files ${file} in folders ${folder}, by the ${rclone} rclone`, async () => {
        using place = localPlace();
        chmodSync(place.remote, 0o755);
        using fakes = tools({ pg_dump: `${wholeDump(300_000)}\n${pauseHere()}` });
        const running = startFaultRun({ place, tools: fakes, rclone, env: { ...keepOne, ...env } });
        await untilThere(fakes.dir);
        const staged = await waitFor("the staged file", () => place.files()[0]);
        const modes = (path: string) => [path, dirname(path)].map((each) => mode(join(place.remote, each)));
        expect(modes(staged)).toEqual([file, folder]);
        goOn(fakes.dir);
        await expectEnd(await running.exited, place, { exitCode: 0 });
        expect(modes(place.files()[0] ?? "")).toEqual([file, folder]);
        expect(mode(place.remote)).toBe("755");
      });

    test(`${umask ?? "by default"}: so does a folder's backup, and its dump in the work folder`, async () => {
      using place = localPlace();
      const telling = folderDump.replace(
        " ;;",
        ' && cd "${word#*=}" && stat -c %a . toc.dat >"$FAKE_DIR/modes" ;;',
      );
      using fakes = tools({ pg_dump: telling });
      const own = { ...keepOne, ...env, BACKUP_MODE: "directory" };
      await expectEnd(await startFaultRun({ place, tools: fakes, env: own }).exited, place, { exitCode: 0 });
      expect(readFileSync(join(fakes.dir, "modes"), "utf8")).toBe(`${folder}\n${file}\n`);
      for (const path of place.files()) {
        expect(mode(join(place.remote, path))).toBe(file);
        expect(mode(join(place.remote, dirname(path)))).toBe(folder);
      }
    });
  }

  test("does not bind hooks", async () => {
    using place = localPlace();
    using fakes = tools({ pg_dump: dump });
    const env = { ...keepOne, HOOK_PRE_BACKUP: 'umask >"$OUT/mask"', OUT: fakes.dir };
    await expectEnd(await startFaultRun({ place, tools: fakes, env }).exited, place, { exitCode: 0 });
    const own = process.umask().toString(8).padStart(4, "0");
    expect((await Bun.file(join(fakes.dir, "mask")).text()).trim()).toBe(own);
  });
});

async function run(
  place: Place,
  env: Readonly<Record<string, string>>,
  rclone: "current" | "old" = "current",
) {
  using fakes = tools({ pg_dump: env["BACKUP_MODE"] === "directory" ? folderDump : dump });
  return await startFaultRun({ place, tools: fakes, rclone, env: { ...keepOne, ...env } }).exited;
}
