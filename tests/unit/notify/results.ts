import { notificationOf } from "../../../src/notify/message.ts";
import type { Notification } from "../../../src/notify/notification.ts";
import type { BackupResult, RunResult, SeveralResult } from "../../../src/result.ts";

/** Results of runs: a stored backup, a failure, and a stored one of which a later step failed. */
export const stored: BackupResult = {
  backupId: "019c3589-3e00-7abc-8def-0123456789ab",
  engine: "pg",
  database: "shop",
  places: [
    {
      place: "s3:backups",
      isStored: true,
      isDamaged: false,
      bytes: 1_610_612_736,
      remotePath: "s3:backups/shop-20260207T020000Z.sql",
      error: null,
      warnings: [],
    },
  ],
  status: "success",
  exitCode: 0,
  startedAt: new Date("2026-02-07T02:00:00.000Z"),
  durationMs: 192_000,
  bytes: 1_610_612_736,
  fileName: "shop-20260207T020000Z.sql",
  remotePath: "s3:backups/shop-20260207T020000Z.sql",
  error: null,
  warnings: [],
  signal: null,
};
export const failed: BackupResult = {
  ...stored,
  status: "failure",
  exitCode: 1,
  bytes: null,
  error: { message: 'pg_dump failed: relation "a<b>" & more', hint: "look at `the` server" },
};
export const warned: BackupResult = {
  ...stored,
  exitCode: 3,
  warnings: ["retention failed: no such bucket", "post hook failed"],
};

/** A run of several databases, of which some failed, each of its own reason. */
export function partly(
  storedNames: readonly string[],
  reasons: Readonly<Record<string, string>>,
): SeveralResult {
  const { fileName: _, places: __, ...ending } = failed;
  const backups = [
    ...storedNames.map((database) => ({ ...stored, database })),
    ...Object.entries(reasons).map(([database, reason]) => ({
      ...failed,
      database,
      error: { message: reason },
    })),
  ];
  const databases = backups.map(({ database }) => database);
  return { ...ending, database: "*", bytes: 1000, error: { message: "some failed" }, backups, databases };
}

/** What people are told of it. */
export const message = (result: RunResult, host: string | null = "backup-host"): Notification =>
  notificationOf(result, host);
