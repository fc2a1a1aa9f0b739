import type { DumpFormat } from "./format.ts";

/** A tool that reads all of a dump from its standard input, and ends with an exit code that is not 0 over a damaged one. */
export interface Reader {
  /** Names to look for on PATH, in order of preference. */
  readonly tools: readonly string[];
  readonly args: readonly string[];
  /** What it says of a damaged dump. Whatever else it says proves nothing: it may be too old, or lack memory. */
  readonly damage: RegExp;
  /** Words among these that speak of the tool itself; null for none. */
  readonly aboutItself: RegExp | null;
  /** Its findings stand on its standard output. */
  readonly tellsOnStdout: boolean;
  /** The end mark does where it is missing; else nothing can be told without it. */
  readonly isOptional: boolean;
}

/** What a dump's stream is made of, for whoever reads all of it. */
export interface Content {
  /** By what the dump tool itself has compressed it; null where it has not. */
  readonly packedBy: "zstd" | "gzip" | "lz4" | null;
  /** What the unpacked stream ends in; null where its end tells nothing. */
  readonly endMark: DumpFormat | null;
  /** Who knows the unpacked stream; it goes before the end mark. */
  readonly reader: Reader | null;
}

/** What a reader that has failed calls the dump. */
export function callsDamaged({ damage, aboutItself }: Reader, words: string): boolean {
  return damage.test(words) && aboutItself?.test(words) !== true;
}

/** GNU tar's words (list.c, read_and), and BusyBox's. An archive's headers have checksums, what it holds has none. */
export const tarReader: Reader = {
  tools: ["tar"],
  args: ["-tf", "-"],
  damage:
    /does not look like a tar archive|Skipping to next header|Unexpected EOF|invalid tar (magic|header)|short read|corrupted octal/i,
  aboutItself: null,
  tellsOnStdout: false,
  isOptional: false,
};
