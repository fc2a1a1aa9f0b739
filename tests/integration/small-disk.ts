import { mkdirSync } from "node:fs";
import { expect } from "bun:test";
import { run } from "../support/run.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";

/** Does something with a small disk in a folder. @param limit as mount's option: `size=2m`, `nr_inodes=4` */
export async function withDisk(limit: string, use: (folder: TempFolder) => Promise<void>): Promise<void> {
  using folder = tempFolder("disk");
  const mounted = await run(["mount", "-t", "tmpfs", "-o", limit, "tmpfs", folder.path]);
  expect(mounted.stderr).toBe("");
  try {
    await use(folder);
  } finally {
    await run(["umount", folder.path]);
  }
}

/** Whether a disk of a test's own can be had here. */
export async function canMount(): Promise<boolean> {
  using folder = tempFolder("disk");
  mkdirSync(folder.file("trial"));
  const mounted = await run(["mount", "-t", "tmpfs", "tmpfs", folder.file("trial")]);
  if (mounted.exitCode !== 0) return false;
  await run(["umount", folder.file("trial")]);
  return true;
}
