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

  /** Whether a write would wait; never where nobody reads any more. Only while this process holds the write end. */
  isFull(): boolean {
    return this.#writeOpen && !this.#libc.canWrite(this.writeFd);
  }

  get writeEndHeld(): boolean {
    return this.#writeOpen;
  }

  close(): void {
    this.closeRead();
    this.closeWrite();
  }
}

/** The pipes of a run. The write ends of those that an upload may read from are held here and by the guard. */
export interface HeldPipes {
  /** The dump writes into it. */
  readonly first: KernelPipe;
  /** What the last filter makes of the dump, where there is one. */
  readonly last: KernelPipe;
  /** One for each of several places: `tee` writes into them. A single upload reads from `last`, or from `first`. */
  readonly gates: readonly KernelPipe[];
}

/** Lends the pipes of a backup; whatever of them is still open is closed when `use` has ended. */
export async function withHeldPipes<T>(
  libc: Libc,
  places: number,
  use: (pipes: HeldPipes) => Promise<T>,
): Promise<T> {
  const opened: KernelPipe[] = [];
  const open = (): KernelPipe => {
    const pipe = new KernelPipe(libc);
    opened.push(pipe);
    return pipe;
  };
  try {
    const [first, last] = [open(), open()];
    return await use({ first, last, gates: places > 1 ? Array.from({ length: places }, open) : [] });
  } finally {
    for (const pipe of opened) pipe.close();
  }
}

/** What a guard holds of them, in the order in which it is asked to let go: each pipe that an upload may read from. */
export function writeEnds({ first, last, gates }: HeldPipes): number[] {
  return (gates.length > 0 ? gates : [first, last]).map(({ writeFd }) => writeFd);
}

function largestPipeBytes(): number {
  try {
    return Number(readFileSync("/proc/sys/fs/pipe-max-size", "utf8")) || usualMaxBytes;
  } catch {
    // No /proc, no larger pipe: a matter of speed alone.
    return usualMaxBytes;
  }
}
