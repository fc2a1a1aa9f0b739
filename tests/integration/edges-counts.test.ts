import { describe, expect } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { componentPath, needs } from "../support/components.ts";
import { runOk, systemPath } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";
import { expectEnd, newBackup } from "./edges.ts";
import { earlier } from "./edges-steps.ts";
import { aliasOf, localPlace, type Place, rcloneExcept, startFaultRun, tools } from "./places.ts";
import { wholeDump } from "./whole-dump.ts";

const { test } = needs("rclone-current", "rclone-old", "zstd");
const folderDump =
  'for word; do case $word in --file=*) mkdir "${word#*=}" && echo data >"${word#*=}/toc.dat" ;; esac; done';

describe("remotes that put what they get into another one, whose bytes an old rclone counts as well", () => {
  const kinds = {
    crypt: async () => ({
      PASSWORD: (await runOk([componentPath("rclone-current"), "obscure", "x"])).trim(),
    }),
    chunker: async () => ({ CHUNK_SIZE: "64Ki" }),
  } as const;
  for (const [kind, settings] of Object.entries(kinds))
    for (const [bytes, compress] of [
      [1_000, "false"],
      [60_000, "zstd"],
      [102_400, "false"],
      [300_000, "false"],
    ] as const)
      test(`${kind}: ${bytes} bytes, BACKUP_COMPRESS=${compress}`, async () => {
        using place = wrappedPlace(kind, await settings());
        using fakes = tools({ pg_dump: wholeDump(bytes) });
        const env = { BACKUP_COMPRESS: compress, DUMP_EXTRA_ARGS: "" };
        const result = await startFaultRun({ place, tools: fakes, rclone: "old", env }).exited;
        await expectEnd(result, place, { exitCode: 0 });
        const list = [componentPath("rclone-old"), "lsf", "--format=sp", place.remote, "--config", ""];
        const [line = "", ...more] = (
          await runOk(list, { env: { PATH: systemPath, HOME: "/nowhere", ...place.env } })
        ).split("\n");
        expect(more).toEqual([""]);
        expect(line).toMatch(/^\d+;app-\S+\.sql(\.zst)?$/);
        expect(line).toStartWith(`${String(result.lastLine?.["bytes"])};`);
      });

  test("compress: what can't be compared is kept, and told of", async () => {
    using place = wrappedPlace("compress", {});
    using fakes = tools({ pg_dump: wholeDump(60_000) });
    const env = { DUMP_EXTRA_ARGS: "" };
    const result = await startFaultRun({ place, tools: fakes, rclone: "old", env }).exited;
    await expectEnd(result, place, {
      exitCode: 3,
      error: /what this rclone counted, \d+, tells nothing of that/,
    });
    expect(place.files().length).toBeGreaterThan(0);
  });
});

describe("a remote that does not tell sizes", () => {
  const untold = rcloneExcept("lsjson", `"$REAL" "$@" | sed -E 's/"Size": ?[0-9]+/"Size":-1/'; exit`);
  const kept = { exitCode: 3, error: /could not be checked: the remote does not tell its/ };
  for (const [title, env, expected] of [
    ["keeps a dump whose end is whole", {}, { exitCode: 0 }],
    ["keeps what has no end mark, and tells that it is unchecked", { BACKUP_COMPRESS: "zstd" }, kept],
    ["keeps a folder, and tells that it is unchecked", { BACKUP_MODE: "directory" }, kept],
  ] as const)
    test(title, async () => {
      using place = localPlace();
      const isFolder = "BACKUP_MODE" in env;
      using fakes = tools({ rclone: untold, pg_dump: isFolder ? folderDump : wholeDump(60_000) });
      const own = { DUMP_EXTRA_ARGS: "", ...env };
      await expectEnd(await startFaultRun({ place, tools: fakes, env: own }).exited, place, expected);
      expect(place.files()).toHaveLength(isFolder ? 2 : 1);
    });
});

describe("a folder with more in it than a listing can hold", () => {
  /** In JSON each takes three kilobytes: rclone writes `<` as `\u003c`, in two fields. */
  const crowd = (place: Place, prefix: string) => {
    for (let index = 0; index < 25_000; index++)
      writeFileSync(join(place.remote, `${prefix}${index}-${"<".repeat(230)}`), "");
  };

  for (const alias of [false, true])
    test(`costs nothing where it is of other things, asked ${alias ? "by an alias" : "itself"}`, async () => {
      using place = localPlace();
      crowd(place, "z");
      for (const name of earlier) writeFileSync(join(place.remote, name), "old");
      await expectEnd(await run(place, alias ? aliasOf(place.remote) : {}), place, { exitCode: 0 });
      expect(place.files().filter((name) => name.startsWith("app-"))).toHaveLength(1);
    });

  test("costs the checks by a listing, and retention, where it is of what may be backups; never the backup", async () => {
    using place = localPlace();
    crowd(place, "app-");
    for (const name of earlier) writeFileSync(join(place.remote, name), "old");
    const result = await run(place, {});
    await expectEnd(result, place, {
      exitCode: 3,
      error: /could not be checked: rclone lsjson printed more than 64 MiB/,
    });
    expect(result.lines.map(({ msg }) => msg)).toContain(
      "the remote folder can't be listed; whether the backup's name is free is not known",
    );
    const stored = place.files().filter((name) => name.endsWith(".sql"));
    expect(stored).toEqual(expect.arrayContaining(earlier));
    expect(stored.filter((name) => newBackup.test(name))).toHaveLength(1);
  });
});

async function run(place: Place, env: Readonly<Record<string, string>>) {
  using fakes = tools({ pg_dump: wholeDump(60_000) });
  const own = { RETENTION_MAX_FILES: "1", DUMP_EXTRA_ARGS: "", ...env };
  return await startFaultRun({ place, tools: fakes, env: own }).exited;
}

/** A remote of such a kind over a local folder: `files` are those that lie in it. */
function wrappedPlace(kind: string, settings: Readonly<Record<string, string>>): Place {
  const folder = tempFolder("wrapped");
  const dir = folder.file("data");
  mkdirSync(dir);
  const files = (): string[] => readdirSync(dir);
  const all = Object.entries({ TYPE: kind, REMOTE: dir, ...settings });
  return {
    remote: "wrapped:",
    env: Object.fromEntries(all.map(([key, value]) => [`RCLONE_CONFIG_WRAPPED_${key}`, value])),
    files,
    published: files,
    [Symbol.dispose]: () => folder.remove(),
  };
}
