import { gunzipSync, zstdDecompressSync } from "node:zlib";
import type { DumpFormat } from "../format.ts";

/** The little-endian 0x8199e26d an archive begins with. */
const magic = Buffer.from([0x6d, 0xe2, 0x99, 0x81]);

/** The -1 that ends its prelude and each of its segments. */
const terminator = Buffer.from([0xff, 0xff, 0xff, 0xff]);

/** The last fields of a namespace's last header, EOF: true and a 64-bit CRC, up to its value. */
const eofFields = Buffer.from("\x08EOF\x00\x01\x12CRC\x00", "latin1");
const crcBytes = 8;

/** The last field of a prelude's collection that is a view: it has no namespace behind it. */
const viewField = Buffer.from("\x02type\x00\x05\x00\x00\x00view\x00", "latin1");

/**
 * mongodump's archive (mongo-tools, common/archive/spec.md). The last namespace's end is the archive's end.
 * An archive of nothing is whole as well; `isEmptyArchive` tells it apart.
 */
export const mongoArchive: DumpFormat = {
  title: "mongodump archive",
  begins: (head) => magic.equals(head.subarray(0, magic.length)),
  ends: (tail) => {
    // A BSON document ends with a zero byte.
    const ending = Buffer.concat([Buffer.from([0]), terminator]);
    if (!ending.equals(tail.subarray(-ending.length))) return false;
    const header = tail.subarray(0, -ending.length);
    const eof = header.subarray(-(eofFields.length + crcBytes), -crcBytes);
    return (
      eofFields.equals(eof) || viewField.equals(header.subarray(-viewField.length)) || isEmptyArchive(tail)
    );
  },
  stranger: "unchecked",
};

/**
 * True when a whole stored object is an archive without a single collection, plain or compressed with gzip or zstd.
 * Such an archive is its header alone, a few hundred bytes.
 */
export function isEmptyArchive(object: Uint8Array): boolean {
  const bytes = unpack(object);
  if (bytes === null || !mongoArchive.begins(bytes)) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < magic.length + 8) return false;
  // A BSON document begins with its length, which counts itself.
  const headerEnd = magic.length + view.getInt32(magic.length, true);
  return headerEnd === bytes.length - terminator.length && terminator.equals(bytes.subarray(headerEnd));
}

/** What the beginning of an archive tells of its databases. */
export interface Prelude {
  readonly databases: readonly string[];
  /** False: more of them may follow, or this is no archive. */
  readonly isWhole: boolean;
}

/** Reads the prelude: behind the magic its header, and a document for each collection, which begins with its database. */
export function readPrelude(bytes: Uint8Array): Prelude {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const databases = new Set<string>();
  if (!mongoArchive.begins(bytes)) return { databases: [], isWhole: false };
  let isHeader = true;
  for (let at = magic.length; at + 4 <= bytes.length;) {
    const length = view.getInt32(at, true);
    if (length === -1) return { databases: [...databases], isWhole: true };
    const document = bytes.subarray(at, at + length);
    // No document is shorter than its length and its end.
    if (length < 5 || document.length < length) break;
    const name = isHeader ? null : databaseIn(document);
    if (name !== null) databases.add(name);
    isHeader = false;
    at += length;
  }
  return { databases: [...databases], isWhole: false };
}

/** Type, name and length of a text, behind the length of its document (BSON). */
const databaseField = Buffer.from("\x02db\x00", "latin1");

function databaseIn(document: Uint8Array): string | null {
  const field = Buffer.from(document.buffer, document.byteOffset, document.length);
  const at = field.indexOf(databaseField);
  if (at < 0) return null;
  const start = at + databaseField.length + 4;
  return field.toString("utf8", start, field.indexOf(0, start));
}

function unpack(object: Uint8Array): Uint8Array | null {
  try {
    if (object[0] === 0x1f && object[1] === 0x8b) return gunzipSync(object);
    if (object[0] === 0x28 && object[1] === 0xb5 && object[2] === 0x2f) return zstdDecompressSync(object);
    return object;
  } catch {
    // Cut or no such format after all: nothing is known of its content.
    return null;
  }
}
