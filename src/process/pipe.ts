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

function largestPipeBytes(): number {
  try {
    return Number(readFileSync("/proc/sys/fs/pipe-max-size", "utf8")) || usualMaxBytes;
  } catch {
    // No /proc, no larger pipe: a matter of speed alone.
    return usualMaxBytes;
  }
}
