import { expect } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import type { EngineName } from "../../src/kinds.ts";
import { needs } from "../support/components.ts";
import { type DbstashResult, runDbstash } from "../support/dbstash.ts";
import { startMariadb } from "../support/mariadb.ts";
import { waitUntilGone } from "../support/procs.ts";
import { startRedis } from "../support/redis.ts";
import { leftovers, localPlace, type Place, rcloneExcept, tools } from "./places.ts";

const { test } = needs("rclone-current", "mariadb", "redis");

/**
 * A server's patience with a reader that stands still; by default it is a minute, and the place's limit 45 s. To stop a
 * frozen rclone takes 5 s more than that limit.
 */
const serverPatienceS = 15;
const placeLimit = "3s";

test("a place that is frozen costs a MariaDB dump nothing: the other place has it whole", async () => {
  await using server = await startMariadb({ args: [`--net-write-timeout=${serverPatienceS}`] });
  await server.createDatabase("shop");
  const rows = "SELECT seq, REPEAT(MD5(seq), 100) FROM seq_1_to_10000";
  await server.sql(`CREATE TABLE goods AS ${rows}`, "shop");
  await withFrozenPlace(async (one, frozen, path) => {
    const result = await backUp("mariadb", server.uri("shop"), [frozen, one], path, server.binDir);
    expectFrozenOut(result, one, frozen, 30_000_000);
  });
});

test("a place that is frozen costs a diskless Redis dump nothing: the other place has it whole", async () => {
  const settings = { rdbcompression: "no", "repl-timeout": String(serverPatienceS) };
  await using server = await startRedis({ settings });
  await server.command("EVAL", "for i = 1, 3000 do redis.call('SET', i, string.rep(i % 10, 10000)) end", "0");
  await withFrozenPlace(async (one, frozen, path) => {
    const result = await backUp("redis", server.uri(), [one, frozen], path, server.binDir);
    expectFrozenOut(result, one, frozen, 30_000_000);
  });
});

/** Two places, and tools of which the rclone that uploads to the second one is stopped by SIGSTOP. */
async function withFrozenPlace(
  use: (one: Place, frozen: Place, path: string) => Promise<void>,
): Promise<void> {
  using one = localPlace();
  using frozen = localPlace();
  using fakes = tools({
    rclone: rcloneExcept("rcat", `case "$*" in *"${frozen.remote}"*) kill -STOP $$ ;; esac`),
  });
  await use(one, frozen, fakes.dir);
}

async function backUp(
  engine: EngineName,
  uri: string,
  [first, second]: readonly [Place, Place],
  ...path: readonly string[]
): Promise<DbstashResult> {
  const result = await runDbstash(engine, {
    path,
    env: {
      DB_URI: uri,
      RCLONE_REMOTE: first.remote,
      RCLONE_EXTRA_REMOTES: second.remote,
      BACKUP_STALL_TIMEOUT: placeLimit,
    },
  });
  await waitUntilGone(result.id);
  return result;
}

function expectFrozenOut(result: DbstashResult, one: Place, frozen: Place, leastBytes: number): void {
  expect(result.lastLine).toMatchObject({ msg: "backup stored, with warnings", exit_code: 3 });
  const error = String(result.lastLine?.["error"]);
  expect(error).toContain(`${frozen.remote} does not have this backup: it stood still`);
  // Its end mark was read back by dbstash itself.
  expect(result.lines.find(({ msg }) => msg === "backup verified")?.["compared"]).toMatch(/end of an? /);
  const [name = ""] = one.published();
  expect(one.files()).toEqual([name]);
  expect(statSync(join(one.remote, name)).size).toBeGreaterThan(leastBytes);
  expect(frozen.files()).toEqual([]);
  expect(leftovers(result)).toEqual([]);
}
