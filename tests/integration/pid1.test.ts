import { afterAll, beforeAll, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { componentPath, needs } from "../support/components.ts";
import { fakeTools } from "../support/fake-tools.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { descendants } from "../support/procs.ts";
import { waitFor } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";

const { describe, test } = needs("postgresql", "rclone-current");

const executable = join(process.env["DBSTASH_DIST"] ?? join(import.meta.dirname, "../../dist"), "dbstash-pg");

/** Starts the executable as PID 1 of a PID namespace of its own, as in a container without an init. */
function startAsInit(env: Record<string, string>) {
  const asRoot = process.getuid?.() === 0 ? [] : ["--map-root-user"];
  return Bun.spawn(["unshare", ...asRoot, "--pid", "--fork", "--kill-child", "--mount-proc", executable], {
    stdio: ["ignore", "pipe", "ignore"],
    env: { LOG_FORMAT: "json", HEALTH_PORT: "0", ...env },
  });
}

describe("as PID 1", () => {
  let pg: PostgresServer;
  beforeAll(async () => {
    pg = await startPostgres();
    await pg.createDatabase("shop");
  }, 60_000);
  afterAll(() => pg.stop());

  for (const [mode, schedule, code] of [
    ["a run that is on", "once", 143],
    ["an idle daemon", "0 0 1 1 *", 0],
  ] as const)
    test(`SIGTERM ends ${mode} with exit code ${code}`, async () => {
      using folder = tempFolder("pid1");
      using tools = fakeTools({ pg_dump: "echo begun; exec sleep 600" });
      const outer = startAsInit({
        PATH: [tools.dir, join(componentPath("rclone-current"), ".."), "/usr/bin:/bin:/usr/sbin:/sbin"].join(
          ":",
        ),
        TMPDIR: folder.path,
        DB_URI: pg.uri("shop"),
        RCLONE_REMOTE: folder.file("out"),
        BACKUP_SCHEDULE: schedule,
      });
      const init = await waitFor("dbstash to be PID 1", () =>
        descendants(outer.pid).find(({ argv }) => argv[0] === executable),
      );
      if (schedule === "once") await waitFor("the dump", () => tools.calls("pg_dump").length > 0);
      else await waitFor("the schedule", () => listens(init.pid));
      process.kill(init.pid, "SIGTERM");
      expect(await outer.exited).toBe(code);
    });
});

/** Whether a process catches SIGTERM: before that, PID 1 would not hear it. */
function listens(pid: number): boolean {
  const caught = /SigCgt:\s+([0-9a-f]+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "0";
  return (BigInt(`0x${caught}`) & (1n << 14n)) !== 0n;
}
