import { expect, test } from "bun:test";
import { closeSync, readFileSync, readSync, writeFileSync } from "node:fs";
import { Guard } from "../../src/process/guard.ts";
import { openLibc } from "../../src/process/libc.ts";

const lastPid = "/proc/sys/kernel/ns_last_pid";

/** Whether the next process may be given a number of our choice: by root, where /proc/sys can be written to. */
function mayChooseNumbers(): boolean {
  try {
    writeFileSync(lastPid, String(process.pid));
    return true;
  } catch {
    return false;
  }
}

function startCat() {
  return Bun.spawn(["cat"], { stdin: "pipe", stdout: "pipe", detached: true });
}

async function end(child: Bun.Subprocess): Promise<void> {
  child.kill("SIGKILL");
  await child.exited;
}

/** When a process began, in the ticks in which /proc counts (proc_pid_stat(5), `starttime`). */
function bornAt(pid: number): string | undefined {
  return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ")[19];
}

/** Another process with a number that was free a moment ago, begun at another time. */
async function startCatAs(pid: number, otherThan: string | undefined): Promise<ReturnType<typeof startCat>> {
  for (;;) {
    writeFileSync(lastPid, String(pid - 1));
    const child = startCat();
    if (child.pid === pid && bornAt(pid) !== otherThan) return child;
    await end(child);
  }
}

if (mayChooseNumbers()) {
  for (const role of ["sink", "producer"])
    test(`a guard knows that the number of its ${role} is another process's by now`, async () => {
      const libc = openLibc();
      const { readFd, writeFd } = libc.pipe();
      const guard = Guard.start(libc, [writeFd]);
      const first = startCat();
      const firstBornAt = bornAt(first.pid);
      writeFileSync(guard.lifeFd, `${role} ${first.pid}\n`);
      // Its copy is the last one: the guard has read what was said before.
      guard.release(0);
      closeSync(writeFd);
      expect(readSync(readFd, new Uint8Array(1))).toBe(0);
      closeSync(readFd);
      await end(first);
      const second = await startCatAs(first.pid, firstBornAt);
      try {
        // The end of dbstash, without a farewell.
        closeSync(guard.lifeFd);
        await guard.exited;
        void second.stdin.write("alive");
        await second.stdin.end();
        expect(await new Response(second.stdout).text()).toBe("alive");
      } finally {
        await end(second);
      }
    });
}
