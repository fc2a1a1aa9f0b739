import { describe, expect } from "bun:test";
import { mkdirSync, readdirSync } from "node:fs";
import { needs } from "../support/components.ts";
import { waitUntilGone } from "../support/procs.ts";
import { tempFolder } from "../support/temp.ts";
import { expectEnd, goOn, newBackup, pauseHere, untilThere } from "./edges.ts";
import { localPlace, startFaultRun, tools } from "./places.ts";
import { wholeDump } from "./whole-dump.ts";

const { test } = needs("rclone-current");

/** Folders that two runs of one job were started with; `""` is none. */
const cases = [
  ["the same XDG_RUNTIME_DIR, other temp folders", { XDG: "a", TMP: "t" }, { XDG: "a", TMP: "u" }],
  ["another XDG_RUNTIME_DIR, the same temp folder", { XDG: "a", TMP: "t" }, { XDG: "b", TMP: "t" }],
  ["an XDG_RUNTIME_DIR and none", { XDG: "a", TMP: "t" }, { XDG: "", TMP: "t" }],
  ["none and an XDG_RUNTIME_DIR", { XDG: "", TMP: "t" }, { XDG: "a", TMP: "t" }],
  ["an XDG_RUNTIME_DIR that is not there", { XDG: "gone", TMP: "t" }, { XDG: "a", TMP: "t" }],
  ["a temp folder that is the other's XDG_RUNTIME_DIR", { XDG: "a", TMP: "t" }, { XDG: "b", TMP: "a" }],
] as const;

describe("two runs of one job meet, and the second is skipped, with", () => {
  for (const [title, one, two] of cases)
    test(title, async () => {
      using place = localPlace();
      using folder = tempFolder("locks");
      for (const name of ["a", "b", "t", "u"]) mkdirSync(folder.file(name));
      const folders = ({ XDG, TMP }: (typeof cases)[number][1 | 2]) => ({
        XDG_RUNTIME_DIR: XDG === "" ? "" : folder.file(XDG),
        TMPDIR: folder.file(TMP),
        DUMP_EXTRA_ARGS: "",
      });
      using fakes = tools({ pg_dump: `${wholeDump(60_000)}\n${pauseHere()}` });
      using others = tools({ pg_dump: wholeDump(60_000) });
      const first = startFaultRun({ place, tools: fakes, env: folders(one) });
      await untilThere(fakes.dir);
      const second = await startFaultRun({ place, tools: others, env: folders(two) }).exited;
      expect(second.lastLine).toMatchObject({ level: "warn", status: "skipped", exit_code: 4 });
      expect([second.exitCode, others.calls("pg_dump")]).toEqual([4, []]);
      goOn(fakes.dir);
      await expectEnd(await first.exited, place, { exitCode: 0, files: [newBackup] });
      // Whoever holds none leaves none, and the file of a lock goes with it.
      for (const name of ["a", "b", "t", "u"]) expect(readdirSync(folder.file(name))).toEqual([]);
    });

  test("nobody, once the first is killed: its lock is free everywhere", async () => {
    using place = localPlace();
    using folder = tempFolder("locks");
    for (const name of ["a", "b", "t"]) mkdirSync(folder.file(name));
    const env = (xdg: string) => ({
      XDG_RUNTIME_DIR: folder.file(xdg),
      TMPDIR: folder.file("t"),
      DUMP_EXTRA_ARGS: "",
    });
    using fakes = tools({ pg_dump: `${wholeDump(60_000)}\n${pauseHere()}` });
    const killed = startFaultRun({ place, tools: fakes, env: env("a") });
    await untilThere(fakes.dir);
    killed.signal("SIGKILL");
    expect((await killed.exited).signal).toBe("SIGKILL");
    await waitUntilGone(killed.id);
    using others = tools({ pg_dump: wholeDump(60_000) });
    const next = await startFaultRun({ place, tools: others, env: env("b") }).exited;
    expect(next.lastLine).toMatchObject({ msg: "backup stored", exit_code: 0 });
    expect(place.published().filter((name) => newBackup.test(name))).toHaveLength(1);
  });
});
