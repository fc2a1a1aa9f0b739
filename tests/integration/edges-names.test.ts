import { describe, expect } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stagedName } from "../../src/catalog/staged.ts";
import { componentPath, needs } from "../support/components.ts";
import { runOk, systemPath } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";
import { expectEnd, goOn, pauseHere, untilThere } from "./edges.ts";
import { aliasOf, localPlace, type Place, rcloneExcept, startFaultRun, tools } from "./places.ts";
import { wholeDump } from "./whole-dump.ts";

const { test } = needs("rclone-current", "rclone-old");
type Release = "current" | "old";
const dump = wholeDump(60_000);

/** `.sql` makes the rest of a name. */
const nameOf = (bytes: number, character: string) => {
  const room = bytes - ".sql".length;
  const width = Buffer.byteLength(character);
  return character.repeat(Math.floor(room / width)) + "x".repeat(room % width);
};

/** Names, where they go, and which rclone takes them there. */
const taken = [
  ...[100, 200, 254].map((bytes) => ["a local folder", bytes, "字", "current"] as const),
  ...["a", "é", "字", "🐘"].map((character) => ["a local folder", 255, character, "current"] as const),
  ...[142, 143].map((bytes) => ["crypt", bytes, "🐘", "current"] as const),
  ["a local folder", 255, "é", "old"],
  ["crypt", 143, "é", "old"],
] as const;

const tooLong = [
  ["a local folder", 256, "current"],
  ["a local folder", 256, "old"],
  ["crypt", 144, "current"],
  ["crypt", 144, "old"],
] as const;

describe("a name that a place takes", () => {
  for (const [where, bytes, character, rclone] of taken)
    test(`${bytes} bytes of ${character} in ${where}, by the ${rclone} rclone`, async () => {
      using place = where === "crypt" ? cryptPlace() : localPlace();
      const name = nameOf(bytes, character);
      await expectEnd(await runNamed(place, name, rclone), place, { exitCode: 0 });
      const names = where === "crypt" ? await decrypted(place, rclone) : place.files();
      expect(names).toEqual([`${name}.sql`]);
    });
});

describe("a name that is too long is told of, with the limit", () => {
  for (const [where, bytes, rclone] of tooLong)
    test(`${bytes} bytes in ${where}, by the ${rclone} rclone`, async () => {
      using place = where === "crypt" ? cryptPlace() : localPlace();
      await expectEnd(await runNamed(place, nameOf(bytes, "a"), rclone), place, {
        exitCode: 1,
        error: /file name too long/,
        hint: /up to 255 bytes, and rclone's crypt of up to 143/,
        files: [],
      });
    });
});

describe("a staged name that was cut", () => {
  test("ends as the final one, and is no longer on the way", async () => {
    using place = localPlace();
    const name = nameOf(255, "字");
    using fakes = tools({ pg_dump: `${dump}\n${pauseHere()}` });
    const env = { BACKUP_NAME_TEMPLATE: name, DUMP_EXTRA_ARGS: "" };
    const running = startFaultRun({ place, tools: fakes, env });
    await untilThere(fakes.dir);
    goOn(fakes.dir);
    await expectEnd(await running.exited, place, { exitCode: 0, files: [`${name}.sql`] });
  });

  test("is this job's to remove a day later, and no other job's", async () => {
    using place = localPlace();
    const template = `{db}-{timestamp}-${"x".repeat(200)}`;
    const id = "016f5e66-e800-7000-8000-000000000000";
    const others = stagedName(`app-20200101T000000Z-${"x".repeat(200)}.sql`, id, "00000000");
    using fakes = tools({
      pg_dump: dump,
      rclone: rcloneExcept("moveto", `${pauseHere()}; exec "$REAL" "$@"`),
    });
    const env = { BACKUP_NAME_TEMPLATE: template, DUMP_EXTRA_ARGS: "" };
    const running = startFaultRun({ place, tools: fakes, env });
    await untilThere(fakes.dir);
    const [live = ""] = place.files();
    // What this very job would have left long ago.
    const own = live.replace(/[0-9a-f-]{36}(?=\.partial$)/, id);
    expect(own).not.toBe(live);
    for (const name of [own, others]) writeFileSync(join(place.remote, name), "dead");
    goOn(fakes.dir);
    const finished = /^app-\d{8}T\d{6}Z-x{200}\.sql$/;
    await expectEnd(await running.exited, place, { exitCode: 0, files: [others, finished] });
  });
});

test("a name that an alias of a remote makes longer is stored", async () => {
  using place = localPlace();
  const name = nameOf(255, "é");
  const result = await runNamed(place, name, "current", aliasOf(place.remote));
  await expectEnd(result, place, { exitCode: 0, files: [`${name}.sql`] });
});

async function runNamed(
  place: Place,
  name: string,
  rclone: Release,
  env: Readonly<Record<string, string>> = {},
) {
  using fakes = tools({ pg_dump: dump });
  const own = { BACKUP_NAME_TEMPLATE: name, DUMP_EXTRA_ARGS: "", ...env };
  return await startFaultRun({ place, tools: fakes, rclone, env: own }).exited;
}

/** rclone's crypt over a local folder: `files` are the encrypted names. */
function cryptPlace(): Place {
  const folder = tempFolder("crypt");
  const dir = folder.file("data");
  mkdirSync(dir);
  const files = (): string[] => readdirSync(dir);
  return {
    remote: "safe:",
    env: {
      RCLONE_CONFIG_SAFE_TYPE: "crypt",
      RCLONE_CONFIG_SAFE_REMOTE: dir,
      // Of "secret", obscured.
      RCLONE_CONFIG_SAFE_PASSWORD: obscuredSecret(),
    },
    files,
    published: files,
    [Symbol.dispose]: () => folder.remove(),
  };
}

function obscuredSecret(): string {
  const { stdout } = Bun.spawnSync([componentPath("rclone-current"), "obscure", "secret"]);
  return stdout.toString().trim();
}

async function decrypted(place: Place, rclone: Release): Promise<string[]> {
  const file = componentPath(rclone === "current" ? "rclone-current" : "rclone-old");
  const command = [file, "lsf", place.remote, "--config", ""];
  const names = await runOk(command, { env: { PATH: systemPath, LANG: "C.UTF-8", ...place.env } });
  return names.trim().split("\n");
}
