import { writeFileSync } from "node:fs";
import { getPriority } from "node:os";

/**
 * The nice value of a third of the usual weight (335 of 1024, kernel/sched/core.c): dump, compressor and upload,
 * a session each, weigh together what they would in the one session of a shell's pipe.
 */
const niceOfAThird = 5;
const highestNice = 19;

/** The kernel takes one such change in 100 ms from all users but root (sched_autogroup, EAGAIN). */
const tryAgainMs = 150;
const tries = 6;

/**
 * Lowers the weight of a child's session. With `setsid` each child gets a scheduling group of its own, in which the
 * nice value of this process counts for nothing (sched(7), "The autogroup feature"), and on a machine with few cores
 * three such groups take the CPU from the database that they wait for. Where the kernel or a container groups
 * otherwise this changes nothing.
 * @param isAlive asked before each try: the number of a process that is gone may be another one's
 */
export function lowerWeight(pid: number, isAlive: () => boolean): void {
  let left = tries;
  const attempt = (): void => {
    if (!isAlive()) return;
    try {
      const nice = Math.min(highestNice, getPriority() + niceOfAThird);
      writeFileSync(`/proc/${pid}/autogroup`, String(nice));
    } catch (error) {
      const isTooSoon = (error as NodeJS.ErrnoException).code === "EAGAIN";
      // Anything else is final, and a matter of speed alone.
      if (isTooSoon && (left -= 1) > 0) setTimeout(attempt, tryAgainMs).unref();
    }
  };
  attempt();
}
