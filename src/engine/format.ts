/** What the last bytes of a stored dump say. */
export type TailVerdict = "whole" | "cut" | "unknown";

/**
 * `bad`: no backup, where nothing changes the format.
 * `unchecked`: perhaps one; a later version of the tool may begin its dumps otherwise, so nothing is proven.
 * `good`: another format, which extra arguments may have asked for.
 */
export type Stranger = "bad" | "unchecked" | "good";

/** A dump format whose end can be told cheaply. */
export interface DumpFormat {
  /** For people: `plain pg_dump`. */
  readonly title: string;
  /** True when `head` (the object's first bytes) begins like this format. */
  readonly begins: (head: Uint8Array) => boolean;
  /** True when `tail` (the object's last bytes, up to `tailBytes`) is this format's own end. */
  readonly ends: (tail: Uint8Array) => boolean;
  /** What an object with neither this beginning nor this end is taken for. */
  readonly stranger: Stranger;
}

/** How many bytes of an object's end, and of its beginning, a check reads. */
export const tailBytes = 1024;
export const headBytes = 1024;

const latin1 = new TextDecoder("latin1");

/** A format told by text patterns; bytes are read as Latin-1, so that no encoding can fail. */
export function textFormat(title: string, begin: RegExp, end: RegExp): DumpFormat {
  return {
    title,
    begins: (head) => begin.test(latin1.decode(head)),
    ends: (tail) => end.test(latin1.decode(tail)),
    stranger: "unchecked",
  };
}

/**
 * Judges a stored dump by its end, and only if that does not match by its beginning:
 * the right head without its end is a cut dump; another head says nothing about the end,
 * but where no other format can be.
 */
export function judgeEnd(format: DumpFormat, tail: Uint8Array, head: Uint8Array | null): TailVerdict {
  if (format.ends(tail)) return "whole";
  if (head === null) return "unknown";
  return format.stranger === "bad" || format.begins(head) ? "cut" : "unknown";
}

/** An archive ends in at least two blocks of 512 zero bytes (POSIX, pax, "ustar Interchange Format"). */
export const tarFormat: DumpFormat = {
  title: "tar",
  begins: (head) => latin1.decode(head.subarray(257, 262)) === "ustar",
  ends: (tail) => tail.length === tailBytes && tail.every((byte) => byte === 0),
  stranger: "bad",
};
