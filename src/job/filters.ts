import { availableParallelism } from "node:os";
import type { Settings } from "../config/options.ts";
import { Secret } from "../config/secret.ts";
import type { Beginning, Command, DumpPaths, DumpRequest, Engine } from "../engine/engine.ts";
import { type DumpFormat, tarFormat } from "../engine/format.ts";
import type { Compression } from "../kinds.ts";
import { type Layers, layersOf, sealedLayers } from "./layers.ts";

/** What stands in the pipe between a dump and its upload, and what comes out at its end. */
export interface Filters {
  /** In order; what an engine itself wants behind its dump is not among them. */
  readonly commands: (paths: Pick<DumpPaths, "privateDir">) => readonly Command[];
  /** Nobody here can read what comes out. */
  readonly isEncrypted: boolean;
  /** Of the stored file's name, with its dot; empty for a folder. */
  readonly extension: string;
  /** What the end of the stored file is compared with; null where nothing tells it cheaply. */
  readonly endMark: DumpFormat | null;
  /** How the stored file always begins, for where its end tells nothing; null where that is not known either. */
  readonly beginning: Beginning | null;
  /** What the stored file is made of, for whoever reads all of it; null for a folder. */
  readonly layers: Layers | null;
}

/** How compressed files begin (RFC 8878, 3.1.1; RFC 1952, 2.3.1). */
const compressed = {
  zstd: {
    extension: ".zst",
    beginning: {
      title: "a zstd file",
      bytes: Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd),
      reader: "verify --full",
    },
  },
  gzip: {
    extension: ".gz",
    beginning: { title: "a gzip file", bytes: Uint8Array.of(0x1f, 0x8b), reader: "verify --full" },
  },
} satisfies Record<string, { extension: string; beginning: Beginning }>;

/** How encrypted files begin (age-encryption.org/v1, "Header"). */
const encrypted = {
  extension: ".age",
  beginning: {
    title: "a file that age has encrypted",
    bytes: new TextEncoder().encode("age-encryption.org/v1\n"),
    reader: "rclone cat … | age -d -i KEYFILE >/dev/null",
  },
} satisfies { extension: string; beginning: Beginning };

/** The filters of a request, and what they make of the dump's name and end. */
export function filtersOf(
  engine: Engine,
  request: DumpRequest,
  settings: Pick<Settings, "backupExtension">,
): Filters {
  const clear = compressorsOf(engine, request, settings);
  const { recipients } = request;
  if (recipients === null || request.mode === "directory") return clear;
  return {
    commands: (paths) => [...clear.commands(paths), encryptCommand(recipients, paths)],
    isEncrypted: true,
    extension: clear.extension + encrypted.extension,
    endMark: null,
    beginning: encrypted.beginning,
    layers: sealedLayers,
  };
}

/** What stands in the pipe of a backup that is not encrypted, or before it is. */
function compressorsOf(
  engine: Engine,
  request: DumpRequest,
  { backupExtension }: Pick<Settings, "backupExtension">,
): Filters {
  const none = { commands: () => [], isEncrypted: false };
  if (request.mode === "directory")
    return { ...none, extension: "", endMark: null, beginning: null, layers: null };
  const extension = backupExtension ?? engine.defaultExtension(request);
  const compressor = compressorOf(request.compression);
  const layers = layersOf(engine, request, compressor?.kind ?? null, (format) =>
    asAsked(engine, request, format),
  );
  if (compressor === null)
    return {
      ...none,
      extension,
      endMark: endMarkOf(engine, request),
      beginning: engine.beginning(request),
      layers,
    };
  const form = compressed[compressor.kind];
  return {
    ...none,
    commands: () => [compressor.command],
    extension: extension + form.extension,
    endMark: null,
    beginning: form.beginning,
    layers,
  };
}

/** age by a private list of recipients: another's file may change between a look at it and its use. */
export function encryptCommand(
  recipients: readonly string[],
  { privateDir }: Pick<DumpPaths, "privateDir">,
): Command {
  const list = { path: `${privateDir}/recipients`, content: new Secret(`${recipients.join("\n")}\n`) };
  return { tools: ["age"], args: ["--encrypt", "-R", list.path], env: {}, files: [list] };
}

/** Of an uncompressed stream. */
function endMarkOf(engine: Engine, request: DumpRequest): DumpFormat | null {
  if (request.mode === "tar") return tarFormat;
  const format = engine.expectedFormat(request);
  return format === null ? null : asAsked(engine, request, format);
}

/** Some extra arguments ask for another format than the engine expects. */
function asAsked(engine: Engine, request: DumpRequest, format: DumpFormat): DumpFormat {
  if (format.stranger === "bad") return format;
  if (!request.extraArgs.some((word) => engine.formFlag?.test(word) === true)) return format;
  return { ...format, stranger: "good" };
}

function compressorOf(compression: Compression): { kind: "zstd" | "gzip"; command: Command } | null {
  if (compression.kind !== "zstd" && compression.kind !== "gzip") return null;
  const level = compression.level === null ? [] : [`-${compression.level}`];
  const threads = compression.kind === "zstd" ? [`-T${zstdThreads(compression.level)}`] : [];
  const args = ["-q", "-c", ...threads, ...level];
  return { kind: compression.kind, command: { tools: [compression.kind], args, env: {}, files: [] } };
}

/**
 * How many threads zstd gets. To its own count (`-T0`) a core's two threads, as most cloud machines rent them, are one.
 * Up to its default level four keep up with any dump, and more only take memory (docs/benchmarks.md); above it there can
 * not be enough.
 * @param cores that this process may use
 */
export function zstdThreads(level: number | null, cores: number = availableParallelism()): number {
  return (level ?? zstdDefaultLevel) > zstdDefaultLevel ? cores : Math.min(cores, 4);
}

/** zstd(1), "Operation modifiers". */
const zstdDefaultLevel = 3;
