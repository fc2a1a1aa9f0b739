import type { ConflictingFlag } from "./engine.ts";

/**
 * The conflicting flags among the words of `DUMP_EXTRA_ARGS`, each as the user wrote it.
 * A word is tried alone and together with the next one, as tools read `--flag value` like `--flag=value`,
 * and `-f value` like `-fvalue`.
 */
export function findConflicts(
  words: readonly string[],
  flags: readonly ConflictingFlag[],
): { flag: string; consequence: string }[] {
  return words.flatMap((word, index) => {
    const next = words[index + 1];
    const isFlag = word.startsWith("-");
    const joined = next === undefined || next.startsWith("-") ? null : join(word, next);
    const hit = flags.find(
      ({ pattern }) => isFlag && (pattern.test(word) || (joined !== null && pattern.test(joined))),
    );
    if (hit === undefined) return [];
    const flag = hit.pattern.test(word) || next === undefined ? word : `${word} ${next}`;
    return [{ flag, consequence: hit.consequence }];
  });
}

function join(flag: string, value: string): string | null {
  if (/^--[^=]+$/.test(flag)) return `${flag}=${value}`;
  return /^-[^-]$/.test(flag) ? flag + value : null;
}
