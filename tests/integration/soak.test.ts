import { expect } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { componentPath, needs } from "../support/components.ts";
import { startDbstash } from "../support/dbstash.ts";
import { fakeTools } from "../support/fake-tools.ts";
import { startPostgres } from "../support/postgres.ts";
import { descendants, waitUntilGone } from "../support/procs.ts";
import { freePort, waitFor } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";

const { describe, test } = needs("postgresql", "rclone-current");

const runs = 200;
const warmUp = 60;

/** Every `nth` call of a tool does something else. */
const everyNth = (nth: number, other: string, usual: string): string =>
  `n=$(($(cat "$FAKE_DIR/count-$0-x" 2>/dev/null || echo 0) + 1)); echo "$n" >"$FAKE_DIR/count-$0-x"
   if [ $((n % ${nth})) -eq 0 ]; then ${other}; else ${usual}; fi`.replaceAll("$0-x", `${nth}`);

/** What a process holds: resident memory and open descriptors. */
function holdings(pid: number): { residentKiB: number; descriptors: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return {
    residentKiB: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]),
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  };
}

describe("a long-lived process", () => {
  test(`${runs} runs, with dumps that fail and uploads that stall: nothing grows, nothing is left`, async () => {
    await using pg = await startPostgres();
    await pg.createDatabase("shop");
    using folder = tempFolder("soak");
    using tools = fakeTools({
      pg_dump: everyNth(10, "echo broken >&2; exit 1", `exec ${join(pg.binDir, "pg_dump")} "$@"`),
      rclone: `case $1 in rcat) ${everyNth(15, "exec sleep 600", `exec ${componentPath("rclone-current")} "$@"`)} ;;
                 *) exec ${componentPath("rclone-current")} "$@" ;; esac`,
    });
    const port = await freePort();
    const daemon = startDbstash("pg", {
      path: [tools.dir],
      timeoutMs: 900_000,
      env: {
        DB_URI: pg.uri("shop"),
        RCLONE_REMOTE: folder.path,
        BACKUP_SCHEDULE: "* * * * * *",
        BACKUP_STALL_TIMEOUT: "4s",
        BACKUP_NAME_TEMPLATE: "{db}-{timestamp}-{uuid}",
        RETENTION_MAX_FILES: "5",
        HEALTH_PORT: String(port),
      },
    });
    const counters = async (): Promise<Record<"success" | "failure", number>> => {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      const of = (status: string) => Number(new RegExp(`status="${status}"\\} (\\d+)`).exec(text)?.[1]);
      return { success: of("success"), failure: of("failure") };
    };
    await daemon.waitForLine(({ msg }) => msg === "backup stored", 60_000);
    const reached = (count: number) =>
      waitFor(
        `${count} runs`,
        async () => {
          const { success, failure } = await counters();
          return success + failure >= count;
        },
        800_000,
      );
    await reached(warmUp);
    const early = holdings(daemon.pid);
    await reached(runs);
    // The next run may have begun.
    const late = await waitFor("the descriptors of before", () => {
      const now = holdings(daemon.pid);
      return now.descriptors <= early.descriptors + 8 && now;
    });
    const zombies = descendants(daemon.pid).filter(({ state }) => state === "Z");
    expect(zombies).toEqual([]);
    daemon.signal("SIGTERM");
    const result = await daemon.exited;
    await waitUntilGone(daemon.id);
    expect(result.exitCode).toBe(0);

    const ended = result.lines.filter(({ msg }) => msg === "backup stored" || msg === "backup failed");
    const failures = ended
      .filter((line) => line["status"] === "failure")
      .map((line) => String(line["error"]));
    const [broken, stalled] = [/pg_dump failed .*broken/, /not one byte moved/].map(
      (cause) => failures.filter((error) => cause.test(error)).length,
    );
    const dumps = tools.calls("pg_dump").length;
    expect(ended.length).toBe(dumps);
    expect(broken).toBe(Math.floor(dumps / 10));
    expect(stalled).toBe(Math.floor((dumps - (broken ?? 0)) / 15));
    expect(failures).toHaveLength((broken ?? 0) + (stalled ?? 0));
    expect(readdirSync(folder.path)).toHaveLength(5);
    console.log(
      `${dumps} runs; resident ${early.residentKiB} KiB after ${warmUp}, ${late.residentKiB} KiB at the end`,
    );
    expect(late.residentKiB).toBeLessThan(early.residentKiB * 1.25);
  }, 900_000);
});
