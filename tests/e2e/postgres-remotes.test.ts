import { afterAll, beforeAll, expect } from "bun:test";
import { componentPath, needs } from "../support/components.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { runOk } from "../support/run.ts";
import { type S3Server, startS3 } from "../support/s3.ts";
import { type FileServer, startSftp } from "../support/sftp.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";
import { password, watchedRun } from "./backups.ts";
import { content, createSample, database, type Place, restoredContent } from "./postgres-sample.ts";

const { available, test } = needs("postgresql", "rclone-current", "rclone-old", "s3-server", "sshd", "zstd");

let pg: PostgresServer;
let s3: S3Server;
let sftp: FileServer;
let folder: TempFolder;
let expected: string;
/** "secret" as rclone obscures it. */
let obscured: string;

if (available) {
  beforeAll(async () => {
    [pg, s3, sftp] = await Promise.all([startPostgres({ password }), startS3(), startSftp()]);
    folder = tempFolder("remotes");
    obscured = (await runOk([componentPath("rclone-current"), "obscure", "secret"])).trim();
    await createSample(pg);
    expected = await content(pg, database);
  }, 60_000);
  afterAll(async () => {
    await Promise.all([pg.stop(), s3.stop(), sftp.stop()]);
    folder.remove();
  });
}

const places: Readonly<Record<string, () => Place>> = {
  "a local folder": () => ({ remote: folder.file(crypto.randomUUID()) }),
  S3: () => ({ env: s3.remoteEnv("store"), remote: `store:${s3.bucket}/${crypto.randomUUID()}` }),
  SFTP: () => ({ env: sftp.remoteEnv("store"), remote: sftp.remotePath("store", crypto.randomUUID()) }),
  "crypt over a local folder": () => ({
    env: {
      RCLONE_CONFIG_STORE_TYPE: "crypt",
      RCLONE_CONFIG_STORE_REMOTE: folder.file(crypto.randomUUID()),
      RCLONE_CONFIG_STORE_PASSWORD: obscured,
    },
    remote: "store:",
  }),
};

const modes: readonly (readonly [storedAs: string, settings: Record<string, string>])[] = [
  ["`.sql`", {}],
  ["a folder", { BACKUP_MODE: "directory", DUMP_EXTRA_ARGS: "-j2" }],
  ["`.tar`", { BACKUP_MODE: "tar" }],
];

for (const [title, make] of Object.entries(places)) {
  for (const rclone of ["current", "old"] as const) {
    // What the current one stores locally is restored in every form elsewhere.
    if (rclone === "current" && title === "a local folder") continue;
    for (const [storedAs, settings] of modes) {
      test(`${storedAs} in ${title}, by the ${rclone} rclone, restores whole`, async () => {
        const place = make();
        const env = { DB_URI: pg.uri(database), RCLONE_REMOTE: place.remote, ...place.env, ...settings };
        const result = await watchedRun("pg", {
          path: [pg.binDir],
          rclone,
          env: { ...env, LOG_LEVEL: "debug" },
        });
        expect(result.lastLine).toMatchObject({ msg: "backup stored", exit_code: 0 });
        expect(await restoredContent(pg, place, storedAs)).toBe(expected);
      }, 60_000);
    }
  }
}
