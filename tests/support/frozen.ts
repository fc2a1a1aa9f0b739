import { mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runOk } from "./run.ts";
import { type TempFolder, tempFolder } from "./temp.ts";
import { waitFor } from "./run.ts";

/** Processes that no signal ends, SIGKILL not either, until they are let go: as those that wait for a dead NFS. */
export interface Frozen extends AsyncDisposable {
  readonly freeze: (pid: number) => void;
  /** Those that were killed meanwhile end now. */
  readonly thaw: () => void;
}

/** A cgroup of the freezer of cgroups v1, which only root can make: a frozen process takes no signal (cgroups(7)). */
export async function openFreezer(): Promise<Frozen> {
  const folder: TempFolder = tempFolder("freezer");
  const mount = folder.file("cgroup");
  mkdirSync(mount);
  await runOk(["mount", "-t", "cgroup", "-o", "freezer", "none", mount]);
  const group = join(mount, `test-${process.pid}-${crypto.randomUUID()}`);
  mkdirSync(group);
  const set = (state: string) => writeFileSync(join(group, "freezer.state"), state);
  set("FROZEN");
  const thaw = (): void => set("THAWED");
  return {
    freeze: (pid) => writeFileSync(join(group, "cgroup.procs"), String(pid)),
    thaw,
    async [Symbol.asyncDispose]() {
      thaw();
      await waitFor("the frozen processes' end", () => {
        rmdirSync(group);
        return true;
      });
      await runOk(["umount", mount]);
      folder.remove();
    },
  };
}
