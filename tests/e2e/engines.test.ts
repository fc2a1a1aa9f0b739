import { afterAll, beforeAll, expect } from "bun:test";
import { join } from "node:path";
import { needs } from "../support/components.ts";
import type { DbstashOptions } from "../support/dbstash.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { run, runOk } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";
import { backUp, failingBackUp, password } from "./backups.ts";

for (const { title, flavour, diskless, user } of [
  { title: "Redis, with a file on its disk", flavour: "redis", diskless: false },
  { title: "Redis, diskless, by an ACL user", flavour: "redis", diskless: true, user: "dumper" },
  { title: "Valkey, diskless", flavour: "valkey", diskless: true },
] as const) {
  const { describe, test } = needs(flavour, "rclone-current", "zstd");
  describe(title, () => {
    let source: RedisServer;
    let options: DbstashOptions;
    beforeAll(async () => {
      source = await startRedis({ flavour, diskless, password, ...(user === undefined ? {} : { user }) });
      await source.commands(
        `SET "a key" "🐘 \\x00\\xff\\n end"
HSET hash one 1 two "zwei ä"
RPUSH list a b c
SELECT 3
SET other 3`,
      );
      options = { path: [source.binDir], env: { DB_URI: source.uri() } };
    }, 60_000);
    afterAll(() => source.stop());

    async function content(server: RedisServer): Promise<string[]> {
      return Promise.all([
        server.commands('DUMP "a key"\nHGETALL hash\nLRANGE list 0 -1\nSELECT 3\nGET other\nDBSIZE'),
        server.command("DBSIZE"),
      ]);
    }

    for (const compression of ["false", "zstd"]) {
      test(`an RDB with BACKUP_COMPRESS=${compression} loads into an empty server`, async () => {
        using remote = tempFolder("remote");
        const { file } = await backUp("redis", remote.path, {
          ...options,
          env: { ...options.env, BACKUP_COMPRESS: compression },
        });
        const plain = compression === "false" ? file : join(remote.path, "plain.rdb");
        if (compression !== "false") await runOk(["zstd", "-dc", file], { stdoutFile: plain });
        const checker = join(source.binDir, `${flavour}-check-rdb`);
        expect(await run([checker, plain])).toMatchObject({ exitCode: 0 });
        await using empty = await startRedis({ flavour, loadRdb: plain });
        const contents = await content(source);
        expect(contents.join()).toContain("zwei ä");
        expect(contents.join()).toContain("🐘 \0");
        expect(await content(empty)).toEqual(contents);
      }, 60_000);
    }

    test("fails with a wrong password and an unknown host, and stores nothing", async () => {
      const wrong = await failingBackUp("redis", {
        ...options,
        env: { DB_URI: source.uri({ password: "wrong" }) },
      });
      expect(wrong).toMatch(/WRONGPASS|NOAUTH|AUTH failed/);
      const nowhere = await failingBackUp("redis", {
        ...options,
        env: { DB_URI: "redis://:pw@nowhere.invalid" },
      });
      expect(nowhere).toContain("nowhere.invalid");
    }, 60_000);
  });
}
