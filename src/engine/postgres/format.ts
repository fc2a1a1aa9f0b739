import type { Beginning, DumpRequest } from "../engine.ts";
import { type Content, type Reader, tarReader } from "../content.ts";
import { type DumpFormat, tarFormat, textFormat } from "../format.ts";

/** What the stream of a request is: a format of pg_dump's, and how that is compressed. */
export interface StreamForm {
  readonly extension: string;
  /** Null where the end of the stream tells nothing. */
  readonly endMark: DumpFormat | null;
  /** Null where its beginning need not be looked at, or is not known. */
  readonly beginning: Beginning | null;
  readonly content: Content;
}

const plainDump = textFormat(
  "plain pg_dump",
  /^--\n-- PostgreSQL database dump\n/,
  /\n-- PostgreSQL database dump complete\n--\n\n(\\unrestrict [A-Za-z0-9]+\n\n)?$/,
);

const clusterDump = textFormat(
  "pg_dumpall",
  /^--\n-- PostgreSQL database cluster dump/,
  /\n-- PostgreSQL database cluster dump complete\n--\n\n$/,
);

/** The magic of pg_backup_archiver.c; such a dump ends with its data, without a mark. */
const customDump: Beginning = {
  title: "a custom-format dump",
  bytes: new TextEncoder().encode("PGDMP"),
  reader: "verify --full",
};

/** Options of one letter that take no value, which may stand before another one in the same word. */
export const switches = "[abBcCOsvwWx]*";

/**
 * pg_restore's words about a damaged archive (pg_backup_archiver.c, pg_backup_custom.c, compress_*.c). What it says of
 * a version it does not know, or of a compression it was built without, is not among them.
 */
const pgRestore: Reader = {
  tools: ["pg_restore"],
  args: ["-f", "/dev/null"],
  damage: new RegExp(
    [
      "could not (uncompress|decompress)",
      "could not read from input file: end of file",
      "possibly corrupt archive",
      "found unexpected block ID",
      "unrecognized (data block type|section name|encoding)",
      "input file (does not appear|is too short)",
      "did not find magic string",
      "perhaps a corrupt TOC",
      "invalid (compression code|ENCODING item|STDSTRINGS item|OID for large object|SEARCHPATH item)",
      "bad (table )?dumpId",
      "unexpected (data offset flag|section code)",
      "expected format \\(",
      "sanity check on integer size",
      "file offset in dump file is too large",
    ].join("|"),
  ),
  aboutItself: null,
  tellsOnStdout: false,
  isOptional: false,
};

function unpacked(endMark: DumpFormat | null, reader: Reader | null = null): Content {
  return { packedBy: null, endMark, reader };
}

const plain: StreamForm = {
  extension: ".sql",
  endMark: plainDump,
  beginning: null,
  content: unpacked(plainDump),
};
const cluster: StreamForm = {
  extension: ".sql",
  endMark: clusterDump,
  beginning: null,
  content: unpacked(clusterDump),
};
const custom: StreamForm = {
  extension: ".dump",
  endMark: null,
  beginning: customDump,
  content: unpacked(null, pgRestore),
};
const tar: StreamForm = {
  extension: ".tar",
  endMark: tarFormat,
  beginning: null,
  content: unpacked(null, tarReader),
};

/** The form of a stream: `DUMP_EXTRA_ARGS` come last, and win. */
export function streamForm({ compression, database, extraArgs }: DumpRequest): StreamForm {
  if (database === null) return cluster;
  const asked = lastValue(extraArgs, "F", "format", 2) ?? (compression.kind === "native" ? "c" : "p");
  if (/^(c|custom)$/i.test(asked)) return custom;
  if (/^(t|tar)$/i.test(asked)) return tar;
  const compressor = compressorOf(lastValue(extraArgs, "Z", "compress", 3));
  // pg_dump compresses plain SQL too, where it is told to.
  if (compressor === null) return plain;
  const content = { packedBy: compressor, endMark: plainDump, reader: null };
  return { extension: `.sql${endings[compressor]}`, endMark: null, beginning: null, content };
}

const endings = { lz4: ".lz4", zstd: ".zst", gzip: ".gz" };

function compressorOf(level: string | null): keyof typeof endings | null {
  if (level === null || /^(0|none)/i.test(level) || level.endsWith(":0")) return null;
  if (/^lz4/i.test(level)) return "lz4";
  return /^zstd/i.test(level) ? "zstd" : "gzip";
}

/**
 * The value of an option where it stands last: `-Fc`, `-F c`, `-vFc`, `--format=c`, `--format c`, and shortened as getopt
 * takes it, to `shortest` letters. @returns null where it stands nowhere
 */
function lastValue(words: readonly string[], letter: string, name: string, shortest: number): string | null {
  let found: string | null = null;
  for (const [index, word] of words.entries()) {
    const next = words[index + 1] ?? "";
    const short = new RegExp(`^-${switches}${letter}(.*)$`).exec(word)?.[1];
    if (short !== undefined) found = short === "" ? next : short;
    const [long = "", ...value] = word.split("=");
    if (long.length >= shortest + 2 && `--${name}`.startsWith(long))
      found = value.length === 0 ? next : value.join("=");
  }
  return found;
}
