import { callsDamaged, type Reader } from "../engine/content.ts";
import { headBytes, judgeEnd, tailBytes } from "../engine/format.ts";
import type { Problem } from "../errors.ts";
import type { Layers } from "../job/layers.ts";
import { describeExit, type Exit, succeeded } from "../process/exit.ts";
import type { Tail } from "../process/lines.ts";
import { lastWords, rcloneHint } from "../remote/rclone-failure.ts";
import type { Verdict } from "./verdict.ts";

/** How the reading of all of a stored file ended. */
export interface Reading {
  /** `rclone cat`. */
  readonly source: { readonly exit: Exit; readonly messages: Tail };
  /** How many bytes it has passed on, by its own count. */
  readonly deliveredBytes: number;
  /** What stood behind it, in order. */
  readonly steps: readonly {
    /** Whose tool it was; null for none. */
    readonly reader: Reader | null;
    readonly exit: Exit;
    readonly lines: readonly string[];
  }[];
  /** The first bytes of what came out at the end, and directly behind them the last; null where nobody kept them. */
  readonly ends: Uint8Array | null;
}

/** A shell's exit codes above this are its own, or stand for a signal that ended its command (POSIX, 2.8.2). */
const highestOfTools = 125;

/**
 * Judges a stored file of which all was read. It is bad only where a tool calls it damaged, or it has the beginning of
 * its format and not its end, and all of its bytes had arrived; anything else says nothing against it.
 * @param bytes its size
 */
export function judgeReading(layers: Layers, bytes: number, reading: Reading): Verdict {
  const unchecked = (reason: Problem): Verdict => ({ outcome: "unchecked", bytes, reason });
  const problem = arrivalProblem(reading, bytes);
  if (problem !== null) return unchecked(problem);
  for (const { reader, exit, lines } of reading.steps) {
    if (succeeded(exit)) continue;
    const title = reader?.tools[0] ?? "what reads it";
    const words = tellingWords(reader, lines);
    const isItsOwn = exit.code !== null && exit.code <= highestOfTools;
    if (isItsOwn && reader !== null && callsDamaged(reader, lines.join("\n")))
      return {
        outcome: "bad",
        about: "content",
        problem: { message: `${title} calls it damaged: ${words}`, words },
      };
    const how = describeExit(exit);
    return unchecked({
      message: words === "" ? `${title} failed (${how})` : `${title} failed (${how}): ${words}`,
      words,
    });
  }
  return judgeEnds(layers, bytes, reading);
}

/** Null where all of the file's bytes have arrived. */
function arrivalProblem({ source, deliveredBytes }: Reading, bytes: number): Problem | null {
  if (!succeeded(source.exit)) {
    const words = lastWords(source.messages) || describeExit(source.exit);
    const hint = rcloneHint(source.messages.toString());
    return {
      message: `it could not be read to its end: ${words}`,
      words,
      ...(hint === null ? {} : { hint }),
    };
  }
  return deliveredBytes === bytes
    ? null
    : { message: `the remote gave ${deliveredBytes} bytes of it instead of ${bytes}` };
}

/** The line that tells of the damage and the one behind it, which may be its detail; else the last ones. */
function tellingWords(reader: Reader | null, lines: readonly string[]): string {
  const at = lines.findIndex((line) => reader?.damage.test(line) === true);
  return (at < 0 ? lines.slice(-2) : lines.slice(at, at + 2)).map((line) => line.trim()).join("; ");
}

function judgeEnds({ unpackers, endMark, unknown }: Layers, bytes: number, reading: Reading): Verdict {
  const { steps, ends } = reading;
  const good = (...parts: readonly string[]): Verdict => ({
    outcome: "good",
    bytes,
    how: `all of it: ${[...(unpackers.length === 0 ? [] : ["decompressed"]), ...parts].join(", ")}`,
  });
  const reader = steps.at(-1)?.reader ?? null;
  if (reader !== null) return good(`read by ${reader.tools[0]}`);
  if (endMark === null || ends === null) return good(`its size alone compared, since ${unknown}`);
  const title = `${endMark.title} file`;
  const end = judgeEnd(endMark, ends.subarray(-tailBytes), ends.subarray(0, headBytes));
  if (end === "whole") return good(`end of a ${title}`);
  if (end === "cut")
    return { outcome: "bad", about: "content", problem: { message: `its end is not the end of a ${title}` } };
  const unlike = `it has neither the beginning nor the end of a ${title}`;
  return endMark.stranger === "good"
    ? good(`${unlike}, as extra arguments may have asked for`)
    : { outcome: "unchecked", bytes, reason: { message: unlike } };
}
