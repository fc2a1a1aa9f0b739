import { afterAll, beforeAll, expect } from "bun:test";
import { readdirSync } from "node:fs";
import { needs } from "../support/components.ts";
import { startDbstash } from "../support/dbstash.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { waitUntilGone } from "../support/procs.ts";
import { freePort, runOk, waitFor } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";

const { describe, test } = needs("postgresql", "rclone-current");

const clients = 400;
const descriptors = 300;

describe("clients of the health port", () => {
  let pg: PostgresServer;
  beforeAll(async () => {
    pg = await startPostgres();
    await pg.createDatabase("shop");
  }, 60_000);
  afterAll(() => pg.stop());

  test(`${clients} that trickle cost no backup its descriptors, of which there are ${descriptors}`, async () => {
    using folder = tempFolder("clients");
    const port = await freePort();
    const daemon = startDbstash("pg", {
      env: {
        DB_URI: pg.uri("shop"),
        RCLONE_REMOTE: folder.path,
        BACKUP_SCHEDULE: "* * * * * *",
        HEALTH_PORT: String(port),
      },
    });
    await daemon.waitForLine(({ msg }) => msg === "waiting for the next run");
    await runOk(["prlimit", "--pid", String(daemon.pid), `--nofile=${descriptors}:${descriptors}`]);
    let [mostOpen, answers] = [0, 0];
    using crowd = trickle(port);
    const backups = (): number => daemon.lines.filter(({ msg }) => msg === "backup stored").length;
    await waitFor("all clients", () => crowd.connections >= clients);
    const before = backups();
    await waitFor("four backups among them", async () => {
      mostOpen = Math.max(mostOpen, readdirSync(`/proc/${daemon.pid}/fd`).length);
      // One that is sent away in the crush asks again.
      const response = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => null);
      if (response !== null) {
        expect(await response.json()).toMatchObject({ status: "healthy", last_status: "success" });
        answers += 1;
      }
      return backups() >= before + 4 && answers >= 4;
    });
    expect(mostOpen).toBeLessThan(100);
    expect(crowd.bytes).toBeGreaterThan(clients);
    daemon.signal("SIGTERM");
    const { exitCode, lines } = await daemon.exited;
    expect(exitCode).toBe(0);
    const troubles = lines.filter(({ level }) => level === "warn" || level === "error");
    // A busy machine is slower than a run a second.
    expect(troubles.filter(({ msg }) => !msg.startsWith("scheduled run skipped"))).toEqual([]);
    await waitUntilGone(daemon.id);
  }, 60_000);
});

/** Clients who say a letter now and then, and come again when they are sent away. */
function trickle(port: number): Disposable & { readonly connections: number; readonly bytes: number } {
  const seen = { connections: 0, bytes: 0 };
  const open = new Set<Bun.Socket>();
  const connect = (): void => {
    const again = (): void => void (over || setTimeout(connect, 200));
    Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        open(socket) {
          open.add(socket);
          seen.connections += 1;
        },
        close(socket) {
          open.delete(socket);
          again();
        },
        data: () => undefined,
        error: () => undefined,
      },
    }).catch(again);
  };
  let over = false;
  for (let count = 0; count < clients; count += 1) connect();
  const letters = setInterval(() => {
    for (const socket of open) seen.bytes += Math.max(0, socket.write("G"));
  }, 100);
  return {
    get connections() {
      return seen.connections;
    },
    get bytes() {
      return seen.bytes;
    },
    [Symbol.dispose]() {
      over = true;
      clearInterval(letters);
      for (const socket of open) socket.terminate();
    },
  };
}
