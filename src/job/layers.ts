import { type Content, type Reader, tarReader } from "../engine/content.ts";
import type { DumpRequest, Engine } from "../engine/engine.ts";
import { type DumpFormat, tarFormat } from "../engine/format.ts";

/** What a stored file is made of, for whoever reads all of it. */
export interface Layers {
  /** What unpacks it, the outermost first. */
  readonly unpackers: readonly Reader[];
  /** Who knows what is in it then; it goes before the end mark. */
  readonly reader: Reader | null;
  /** What it ends in then; null where that tells nothing. */
  readonly endMark: DumpFormat | null;
  /** Why there is neither; null where there is one. */
  readonly unknown: string | null;
}

/** What a file is made of that was encrypted. */
export const sealedLayers: Layers = {
  unpackers: [],
  reader: null,
  endMark: null,
  unknown: "only its key could open it",
};

/** Words from zstd's error.c (ZSTD_getErrorString) and fileio.c, and gzip's inflate. */
const unpackers: Readonly<Record<"zstd" | "gzip", Reader>> = {
  zstd: {
    tools: ["zstd"],
    args: ["-q", "-d", "-c"],
    damage:
      /corrupt|checksum|premature end|unsupported format|unknown (header|frame descriptor)|Unsupported frame parameter|Destination buffer is too small|Dictionary mismatch|Src size is incorrect|no (forward )?progress/i,
    aboutItself: null,
    tellsOnStdout: false,
    isOptional: false,
  },
  gzip: {
    tools: ["gzip"],
    args: ["-d", "-c"],
    damage:
      /invalid compressed data|unexpected end of file|not in gzip format|crc error|length error|header checksum|unknown method|has flags|is encrypted|corrupted data|invalid magic|trailing garbage/i,
    aboutItself: null,
    tellsOnStdout: false,
    isOptional: false,
  },
};

/**
 * The layers of a request's stored file.
 * @param compressor what has compressed it on its way
 * @param asAsked a format of the engine's, as the request's extra arguments may have changed it
 */
export function layersOf(
  engine: Pick<Engine, "content" | "expectedFormat">,
  request: DumpRequest,
  compressor: "zstd" | "gzip" | null,
  asAsked: (format: DumpFormat) => DumpFormat,
): Layers {
  const { packedBy, endMark, reader } = contentOf(engine, request);
  const outer = compressor === null ? [] : [unpackers[compressor]];
  if (packedBy === "lz4")
    return { unpackers: outer, reader: null, endMark: null, unknown: "nothing here unpacks lz4" };
  return {
    unpackers: [...outer, ...(packedBy === null ? [] : [unpackers[packedBy]])],
    reader,
    endMark: endMark === null ? null : asAsked(endMark),
    unknown: reader === null && endMark === null ? "nothing here knows its format" : null,
  };
}

function contentOf(engine: Pick<Engine, "content" | "expectedFormat">, request: DumpRequest): Content {
  if (request.mode === "tar") return { packedBy: null, endMark: tarFormat, reader: tarReader };
  return engine.content(request) ?? { packedBy: null, endMark: engine.expectedFormat(request), reader: null };
}
