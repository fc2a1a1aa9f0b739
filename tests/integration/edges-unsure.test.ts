import { describe, expect } from "bun:test";
import { needs } from "../support/components.ts";
import { descendants, sendSignal } from "../support/procs.ts";
import { waitFor } from "../support/run.ts";
import { type ExpectedEnd, expectEnd, newBackup, smallPlace } from "./edges.ts";
import { rcloneExcept, startFaultRun, tools } from "./places.ts";
import { wholeDump } from "./whole-dump.ts";

const { test } = needs("rclone-current", "rclone-old");

const plain = { DUMP_EXTRA_ARGS: "" };
const silent = '"$REAL" "$@" 2>/dev/null';
const killed = "kill -KILL $$";
const kept = /could not be checked: rclone had taken all of it when it failed: rclone failed \(killed by/;

describe("an upload to S3 whose rclone dies at its end, before it has counted anything", () => {
  for (const release of ["current", "old"] as const)
    test(`stands there, and that is told: killed while S3 answers, rclone ${release}`, async () => {
      await using place = smallPlace({ faults: { put: { delayMs: "never" } } });
      using fakes = tools({ pg_dump: wholeDump(60_000) });
      const running = startFaultRun({ place, tools: fakes, rclone: release, env: plain });
      await waitFor("the object", () => place.files().length === 1);
      const uploads = descendants(running.pid).filter(({ command }) => command === "rclone");
      expect(uploads).toHaveLength(1);
      for (const { pid } of uploads) sendSignal(pid, "SIGKILL");
      await expectEnd(await running.exited, place, { exitCode: 3, error: kept, files: [newBackup] });
    });

  const name = { BACKUP_NAME_TEMPLATE: "{db}" };
  const cases: readonly {
    readonly title: string;
    readonly body: string;
    readonly env?: Readonly<Record<string, string>>;
    /** The size of what stands there before. */
    readonly standing?: number;
    readonly end: ExpectedEnd;
  }[] = [
    {
      title: "stands there, compressed: nothing tells its end",
      body: `${silent}; ${killed}`,
      env: { BACKUP_COMPRESS: "gzip" },
      end: { exitCode: 3, error: kept, files: [newBackup] },
    },
    {
      title: "is removed where it has not the end of a dump",
      body: `head -c 5000 | ${silent}; cat >/dev/null; ${killed}`,
      end: { exitCode: 1, error: /its end is not the end of a plain pg_dump file/, files: [] },
    },
    {
      title: "is removed where nothing is in it",
      body: `cat >/dev/null; ${silent}; ${killed}`,
      end: { exitCode: 1, error: /not whole: it is empty/, files: [] },
    },
    {
      title: "is not there where it never came there",
      body: `cat >/dev/null; ${killed}`,
      end: { exitCode: 1, error: /^rclone failed \(killed by SIGKILL\)/, files: [] },
    },
    {
      title: "has replaced an earlier backup of another size",
      body: `${silent}; ${killed}`,
      env: name,
      standing: 5,
      end: { exitCode: 3, error: kept, files: ["app.sql"] },
    },
    {
      title: "may have replaced an earlier backup of its own size, and that is told",
      body: `${silent}; ${killed}`,
      env: name,
      standing: 60_080,
      end: {
        exitCode: 1,
        error: /^rclone failed \(killed by SIGKILL\)/,
        hint: /^app\.sql has the size of the earlier backup there: whether it is this one nobody can tell/,
        files: ["app.sql"],
      },
    },
    {
      title: "stands there without a count, though rclone calls it a success",
      body: `${silent}; exit`,
      end: { exitCode: 3, error: /could not be checked: rclone did not say how many/, files: [newBackup] },
    },
  ];
  for (const { title, body, env = {}, standing, end } of cases)
    test(title, async () => {
      await using place = smallPlace();
      if (standing !== undefined) place.s3.put("shop/app.sql", "x".repeat(standing));
      using fakes = tools({ pg_dump: wholeDump(60_000), rclone: rcloneExcept("rcat", body) });
      const result = await startFaultRun({ place, tools: fakes, env: { ...plain, ...env } }).exited;
      await expectEnd(result, place, end);
    });
});
