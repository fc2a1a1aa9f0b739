import type { BackupDoors } from "../backup.ts";
import type { Job } from "../job.ts";
import { Guard } from "../process/guard.ts";
import { openWorkshop, type Workshop } from "../process/workshop.ts";
import { Rclone } from "../remote/rclone.ts";

/** What reading a remote needs of the world. */
export type RemoteDoors = Pick<BackupDoors, "libc" | "toolEnv" | "tempRoot">;

/**
 * Lends an rclone for a while, outside a run; its processes and private files end with the loan.
 * @throws DbstashError when rclone is missing or the temp folder can't be written to, and whatever `use` throws
 */
export async function withRclone<T>(
  job: Job,
  doors: RemoteDoors,
  use: (rclone: Rclone) => Promise<T>,
): Promise<T> {
  const guard = Guard.start(doors.libc, []);
  let workshop: Workshop | null = null;
  try {
    workshop = openWorkshop(doors.libc, guard, doors.toolEnv, doors.tempRoot);
    return await use(new Rclone(job.rclone, workshop));
  } finally {
    await (workshop === null ? guard.farewell() : workshop.close());
  }
}
