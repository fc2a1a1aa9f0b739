import { closeSync, openSync, readFileSync } from "node:fs";
import type { Libc } from "./libc.ts";

/** What an unprivileged process may always ask for (pipe(7)); the file says what this kernel allows. */
const usualMaxBytes = 1_048_576;
/** What a pipe has unless another size is asked for. */
const smallestBytes = 65_536;
const pageBytes = 4_096;

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

  /** @param bytes how large its buffer is to be */
  constructor(libc: Libc, bytes = systemPipeBytes(1)) {
    this.#libc = libc;
    const { readFd, writeFd } = libc.pipe();
    this.readFd = readFd;
    this.writeFd = writeFd;
    libc.setPipeSize(writeFd, bytes);
  }

  /** Bytes written and not yet read; only while this process holds the read end. */
  bufferedBytes(): number {
    return this.#readOpen ? this.#libc.readableBytes(this.readFd) : 0;
  }

  /** Opens another read end, which whoever gets it has to close; only while this process holds the write end. */
  openAnotherRead(): number {
    return openSync(`/proc/self/fd/${this.writeFd}`, "r");
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
  /** How large another one of the stream may be. */
  readonly bytes: number;
}

/**
 * Lends the pipes of a backup; whatever of them is still open is closed when `use` has ended.
 * @param parallel how many backups are made at once
 */
export async function withHeldPipes<T>(
  libc: Libc,
  { places, parallel }: { readonly places: number; readonly parallel: number },
  use: (pipes: HeldPipes) => Promise<T>,
): Promise<T> {
  const opened: KernelPipe[] = [];
  // Between filters there is one more, and another where the engine has one of its own.
  const bytes = systemPipeBytes(parallel * (4 + (places > 1 ? places : 0)));
  const open = (): KernelPipe => {
    const pipe = new KernelPipe(libc, bytes);
    opened.push(pipe);
    return pipe;
  };
  try {
    const [first, last] = [open(), open()];
    return await use({ first, last, gates: places > 1 ? Array.from({ length: places }, open) : [], bytes });
  } finally {
    for (const pipe of opened) pipe.close();
  }
}

/** What a guard holds of them, in the order in which it is asked to let go: each pipe that an upload may read from. */
export function writeEnds({ first, last, gates }: HeldPipes): number[] {
  return (gates.length > 0 ? gates : [first, last]).map(({ writeFd }) => writeFd);
}

/**
 * How large each of so many pipes may be, in bytes. An unprivileged user's pipes together have a soft limit, in
 * containers too, beyond which new ones are born with 8 KiB (pipe(7)): a run stays below half of it.
 * @param maxBytes `/proc/sys/fs/pipe-max-size`
 * @param softPages `/proc/sys/fs/pipe-user-pages-soft`; 0 for no limit
 */
export function pipeBytes(pipes: number, maxBytes: number, softPages: number): number {
  if (softPages === 0) return maxBytes;
  const share = (softPages * pageBytes) / 2 / pipes;
  return Math.min(maxBytes, Math.max(smallestBytes, 2 ** Math.floor(Math.log2(share))));
}

/** The same on this system. */
export function systemPipeBytes(pipes: number): number {
  return pipeBytes(
    pipes,
    kernelNumber("pipe-max-size") ?? usualMaxBytes,
    kernelNumber("pipe-user-pages-soft") ?? 0,
  );
}

/** Null where there is no /proc, and so no larger pipe: a matter of speed alone. */
function kernelNumber(name: string): number | null {
  try {
    return Number(readFileSync(`/proc/sys/fs/${name}`, "utf8")) || 0;
  } catch {
    return null;
  }
}
