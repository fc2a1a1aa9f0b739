import type { ConflictingFlag } from "./engine.ts";

/** A conflicting flag among the words of `DUMP_EXTRA_ARGS`. */
export interface Conflict {
  /** As the user wrote it. */
  readonly flag: string;
  readonly consequence: string;
  /** What to do about one that is a problem; null for a warning. */
  readonly refusal: string | null;
}

/**
 * The conflicting flags among the words of `DUMP_EXTRA_ARGS`.
 * A word is tried alone and together with the next one, as tools read `--flag value` like `--flag=value`,
 * and `-f value` like `-fvalue`.
 */
export function findConflicts(words: readonly string[], flags: readonly ConflictingFlag[]): Conflict[] {
  return words.flatMap((word, index) => {
    if (!word.startsWith("-")) return [];
    const next = words[index + 1];
    const joined = next === undefined || next.startsWith("-") ? null : join(word, next);
    const hit = flags.find(
      ({ pattern, isAlone }) =>
        pattern.test(word) || (joined !== null && isAlone !== true && pattern.test(joined)),
    );
    if (hit === undefined) return [];
    const flag = hit.pattern.test(word) || next === undefined ? word : `${word} ${next}`;
    return [{ flag, consequence: hit.consequence, refusal: hit.refusal ?? null }];
  });
}

/** Flags for which a tool prints something about itself and exits 0, so that this would be stored as a backup. */
export function aboutItself(tool: string, pattern: RegExp): ConflictingFlag {
  return {
    pattern,
    consequence: `${tool} tells about itself instead of dumping, and that is no backup`,
    isAlone: true,
    refusal: "leave it out",
  };
}

function join(flag: string, value: string): string | null {
  if (/^--[^=]+$/.test(flag)) return `${flag}=${value}`;
  return /^-[^-]$/.test(flag) ? flag + value : null;
}
