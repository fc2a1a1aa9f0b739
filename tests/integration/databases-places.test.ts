import { describe, expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../support/components.ts";
import { startDbstash } from "../support/dbstash.ts";
import { waitUntilGone } from "../support/procs.ts";
import { pauseHere, untilThere } from "./edges.ts";
import { leftovers, localPlace, rcloneExcept, startFaultRun, tools } from "./places.ts";
import { severalTools, startSeveral } from "./several-databases.ts";

const { test } = needs("rclone-current", "zstd");

/** A stand-in that dumps into a folder. */
const folderDump = `case "$*" in *--version*) echo "pg_dump 15"; exit ;; esac
for word; do case $word in --file=*) d=\${word#--file=} ;; esac; done
mkdir -p "$d" && echo data >"$d/1.dat" && echo toc >"$d/toc.dat"`;

describe("several databases in several places", () => {
  test("one that is damaged in one place and missed by the other is not tried again, and nothing is pruned for it", async () => {
    using one = localPlace();
    using two = localPlace();
    // What rclone has written of `b` is cut into another file's end, and its size is as it was.
    const damaging = `case "$*" in
*${one.remote}/.b-*) "$REAL" "$@" || exit; printf xxxx | dd of="$2" bs=1 seek=40 conv=notrunc 2>/dev/null; exit ;;
*${two.remote}/.b-*) exit 7 ;;
esac`;
    using fakes = severalTools(["a", "b"], {}, { rclone: rcloneExcept("rcat", damaging) });
    const older = "b-20260101T000000Z.sql.zst";
    writeFileSync(join(one.remote, older), "an older one");
    const env = {
      RCLONE_EXTRA_REMOTES: two.remote,
      BACKUP_VERIFY: "full",
      BACKUP_COMPRESS: "zstd",
      BACKUP_PARALLEL: "2",
      BACKUP_RETRIES: "1",
      BACKUP_RETRY_DELAY: "1ms",
    };
    const result = await startSeveral({ place: one, tools: fakes, env }).exited;
    expect(result.lastLine).toMatchObject({ databases: 2, failed: 1, failed_names: "b", exit_code: 1 });
    expect(String(result.lastLine?.["error"])).toMatch(/damaged, and still stands as .*rclone failed/);
    expect(fakes.dumped.toSorted()).toEqual(["a", "b"]);
    expect(one.published()).toHaveLength(3);
    expect(two.published()).toHaveLength(1);
    // The older one is all that is left of it there: prune reads what is to stay as the run did.
    const pruning = { ...env, DB_NAME: "", BACKUP_DATABASES: "*", RETENTION_MAX_FILES: "1" };
    const pruned = await startFaultRun({ place: one, tools: fakes, args: ["prune"], env: pruning }).exited;
    expect(pruned.exitCode).toBe(1);
    expect(pruned.stdout).toContain(`b in ${one.remote}: nothing was removed`);
    expect(one.published()).toContain(older);
  });

  test("find too few descriptors: that is said, and nothing is left", async () => {
    using one = localPlace();
    using two = localPlace();
    const names = Array.from({ length: 16 }, (_, index) => `db${index}`);
    using fakes = severalTools(names);
    const program = ["prlimit", "--nofile=256:256", join(import.meta.dirname, "../../dist/dbstash-pg")];
    const result = await startDbstash("pg", {
      program,
      path: [fakes.dir],
      env: {
        DB_HOST: "127.0.0.1",
        BACKUP_DATABASES: "*",
        BACKUP_PARALLEL: "16",
        BACKUP_COMPRESS: "zstd",
        RCLONE_REMOTE: one.remote,
        RCLONE_EXTRA_REMOTES: two.remote,
      },
    }).exited;
    await waitUntilGone(result.id);
    expect(result.exitCode).toBe(1);
    expect(String(result.lastLine?.["error"])).toContain("too many files are open");
    expect(result.lastLine?.["hint"]).toMatch(/ulimit -n.*BACKUP_PARALLEL/);
    expect(result.stdout).not.toContain("guards this run's processes");
    const stored = names.length - Number(result.lastLine?.["failed"]);
    for (const place of [one, two]) expect(place.files()).toHaveLength(stored);
    expect(leftovers(result)).toEqual([]);
  });
});

test("a signal in directory mode, while two places are looked at, is told as one", async () => {
  using one = localPlace();
  using two = localPlace();
  const looking = `case "$*" in *--recursive*) ${pauseHere()} ;; esac`;
  using fakes = tools({ pg_dump: folderDump, rclone: rcloneExcept("lsjson", looking) });
  const env = { BACKUP_MODE: "directory", DUMP_EXTRA_ARGS: "", RCLONE_EXTRA_REMOTES: two.remote };
  const running = startFaultRun({ place: one, tools: fakes, env });
  await untilThere(fakes.dir);
  running.signal("SIGTERM");
  const result = await running.exited;
  expect([result.exitCode, result.lastLine?.["error"]]).toEqual([143, "stopped by SIGTERM"]);
  expect([...one.files(), ...two.files()]).toEqual([]);
  expect(leftovers(result)).toEqual([]);
});
