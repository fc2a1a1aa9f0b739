import { closeSync, readFileSync } from "node:fs";
import type { Libc } from "./libc.ts";

/** What an unprivileged process may always ask for (pipe(7)); the file says what this kernel allows. */
const usualMaxBytes = 1_048_576;

/**
 * A kernel pipe whose ends this process holds as descriptors to hand to children.
 * As long as the write end is not closed here, its reader sees no end of input.
 */
export class KernelPipe {
  readonly readFd: number;
  readonly writeFd: number;
  readonly #libc: Libc;
  #readOpen = true;
  #writeOpen = true;

  constructor(libc: Libc) {
    this.#libc = libc;
    const { readFd, writeFd } = libc.pipe();
    this.readFd = readFd;
    this.writeFd = writeFd;
    libc.setPipeSize(writeFd, largestPipeBytes());
  }

  /** Bytes written and not yet read; only while this process holds the read end. */
  bufferedBytes(): number {
    return this.#readOpen ? this.#libc.readableBytes(this.readFd) : 0;
  }

  closeRead(): void {
    if (this.#readOpen) closeSync(this.readFd);
    this.#readOpen = false;
  }

  /** Lets go of the write end. On the last pipe this is the commit: the reader sees end of input. */
  closeWrite(): void {
    if (this.#writeOpen) closeSync(this.writeFd);
    this.#writeOpen = false;
  }

  get writeEndHeld(): boolean {
    return this.#writeOpen;
  }

  close(): void {
    this.closeRead();
    this.closeWrite();
  }
}

/** The pipes of a run. Both write ends are held here and, in this order, by the guard. */
export interface HeldPipes {
  /** The dump writes into it. */
  readonly first: KernelPipe;
  /** The upload reads from it when a filter stands between; else it reads from `first`. */
  readonly last: KernelPipe;
}

/** Lends the two pipes of a backup; whatever of them is still open is closed when `use` has ended. */
export async function withHeldPipes<T>(libc: Libc, use: (pipes: HeldPipes) => Promise<T>): Promise<T> {
  const pipes = { first: new KernelPipe(libc), last: new KernelPipe(libc) };
  try {
    return await use(pipes);
  } finally {
    pipes.first.close();
    pipes.last.close();
  }
}

/** What a guard holds of them, in the order in which it is asked to let go. */
export function writeEnds({ first, last }: HeldPipes): number[] {
  return [first.writeFd, last.writeFd];
}

function largestPipeBytes(): number {
  try {
    return Number(readFileSync("/proc/sys/fs/pipe-max-size", "utf8")) || usualMaxBytes;
  } catch {
    // No /proc, no larger pipe: a matter of speed alone.
    return usualMaxBytes;
  }
}
