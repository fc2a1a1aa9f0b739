import { describe, expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../support/components.ts";
import { expectEnd, goOn, pauseHere, smallPlace, untilThere } from "./edges.ts";
import { aliasOf, localPlace, type Place, rcloneExcept, startFaultRun, tools } from "./places.ts";
import { wholeDump } from "./whole-dump.ts";

const { test } = needs("rclone-current", "rclone-old");
const dump = wholeDump(60_000);
const taken = { exitCode: 1, error: /already exists on the remote/, hint: /finer time token/ };

describe("another machine's backup that gets the same name while this one is made stays", () => {
  const coarse = { BACKUP_NAME_TEMPLATE: "{db}-{date}", DUMP_EXTRA_ARGS: "" };
  const today = () => `app-${new Date().toISOString().slice(0, 10)}.sql`;

  for (const rclone of ["current", "old"] as const) {
    test(`in a local folder, by the ${rclone} rclone`, async () => {
      using place = localPlace();
      using fakes = tools({ pg_dump: `${dump}\n${pauseHere()}` });
      const running = startFaultRun({ place, tools: fakes, rclone, env: coarse });
      await untilThere(fakes.dir);
      writeFileSync(join(place.remote, today()), "other");
      goOn(fakes.dir);
      await expectEnd(await running.exited, place, { ...taken, files: [today()] });
      expect(readFileSync(join(place.remote, today()), "utf8")).toBe("other");
    });

    for (const bytes of [60_000, 20_000_000])
      test(`on S3, with ${bytes} bytes, by the ${rclone} rclone`, async () => {
        await using place = smallPlace();
        using fakes = tools({ pg_dump: `${wholeDump(bytes)}\n${pauseHere()}` });
        const running = startFaultRun({ place, tools: fakes, rclone, env: coarse });
        await untilThere(fakes.dir);
        place.s3.put(`shop/${today()}`, "other");
        goOn(fakes.dir);
        const result = await running.exited;
        await expectEnd(result, place, { ...taken, files: [today()] });
        expect(place.s3.objects().get(`shop/${today()}`)?.toString()).toBe("other");
        expect(place.s3.uploads()).toEqual([]);
      });
  }

  test("over a template without time, where it comes behind the rename", async () => {
    using place = localPlace();
    const rclone = rcloneExcept("moveto", '"$REAL" "$@" && printf other >"$3"; exit');
    using fakes = tools({ pg_dump: dump, rclone });
    const env = { ...coarse, BACKUP_NAME_TEMPLATE: "{db}" };
    const result = await startFaultRun({ place, tools: fakes, env }).exited;
    const error = /could not be checked: it was whole when it was read back, and now it has 5 bytes/;
    await expectEnd(result, place, { exitCode: 3, error, files: ["app.sql"] });
    expect(readFileSync(join(place.remote, "app.sql"), "utf8")).toBe("other");
  });

  test("where nobody may look, an upload to S3 goes on", async () => {
    await using place = smallPlace({ denied: ["list"] });
    using fakes = tools({ pg_dump: dump });
    const result = await startFaultRun({ place, tools: fakes, env: coarse }).exited;
    await expectEnd(result, place, { exitCode: 3, error: /AccessDenied/, files: [today()] });
  });
});

describe("a remote that can hold two files of one name", () => {
  const fixed = { BACKUP_NAME_TEMPLATE: "{db}", DUMP_EXTRA_ARGS: "" };

  /** What rclone says of a remote of such a kind, and what happens to one of its renames. */
  const drive = (onMove = "") =>
    rcloneExcept(
      '"$1"',
      `case $1 in
      backend) "$REAL" "$@" | sed 's/"DuplicateFiles": false/"DuplicateFiles": true/'; exit ;;
      moveto) ${onMove} ;;
    esac`,
    );

  /** Runs over an earlier backup. */
  async function overwrite(place: Place, onMove = "", more = "") {
    writeFileSync(join(place.remote, "app.sql"), "old");
    using fakes = tools({ pg_dump: dump, rclone: drive(onMove).replace("esac", `${more}\n    esac`) });
    const env = { ...fixed, ...aliasOf(place.remote) };
    const result = await startFaultRun({ place, tools: fakes, env }).exited;
    const moves = fakes.calls("rclone").filter(([verb]) => verb === "moveto" || verb === "deletefile");
    return { result, moves: moves.map(([verb, ...words]) => [verb, ...words.slice(0, 2).map(leaf)]) };
  }
  const leaf = (path: string) =>
    path
      .slice(path.lastIndexOf("/") + 1)
      .replace(/[0-9a-f-]{36}/, "ID")
      .replace(/^store:/, "");
  const content = (place: Place, name = "app.sql") => readFileSync(join(place.remote, name), "utf8");
  const previous = /^\.app\.sql\.[0-9a-f-]{36}\.previous$/;

  test("gets the new one beside the old one, which goes last", async () => {
    using place = localPlace();
    const { result, moves } = await overwrite(place);
    await expectEnd(result, place, { exitCode: 0, files: ["app.sql"] });
    expect(content(place)).toStartWith("--\n-- PostgreSQL database dump");
    expect(moves.map(([verb, from, to]) => (verb === "moveto" ? [from, to] : [from]))).toEqual([
      ["app.sql", ".app.sql.ID.previous"],
      [".app.sql.ID.partial", "app.sql"],
      [".app.sql.ID.previous"],
    ]);
  });

  test("keeps the old one under its name where the new one can't be renamed", async () => {
    using place = localPlace();
    const { result } = await overwrite(place, 'case $2 in *.partial) echo "no rename" >&2; exit 1 ;; esac');
    await expectEnd(result, place, {
      exitCode: 1,
      error: /rclone moveto failed: no rename/,
      files: ["app.sql"],
    });
    expect(content(place)).toBe("old");
  });

  test("keeps the old one, and tells where it is, where it can't go back either", async () => {
    using place = localPlace();
    const onMove = 'case $2 in *.partial|*.previous) echo "no rename" >&2; exit 1 ;; esac';
    const { result } = await overwrite(place, onMove);
    await expectEnd(result, place, {
      exitCode: 1,
      error: /rclone moveto failed: no rename/,
      hint: /the backup before this one now stands as .*\.previous/,
      files: [previous],
    });
  });

  test("has both where the old one can't be removed, and tells so", async () => {
    using place = localPlace();
    const more = 'deletefile) echo "no removal" >&2; exit 1 ;;';
    const { result } = await overwrite(place, "", more);
    await expectEnd(result, place, {
      exitCode: 3,
      error: /the backup before this one was left beside it as .*: can't remove a file: no removal/,
      files: ["app.sql", previous],
    });
  });
});
