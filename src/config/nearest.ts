/** The known name that is a few edits (at most `most`, and a third of it) away from `name`, or null. */
export function nearest(name: string, known: Iterable<string>, most = 3): string | null {
  let best: [string, number] | null = null;
  for (const candidate of known) {
    const limit = Math.min(most, name.length / 3);
    if (Math.abs(candidate.length - name.length) > limit) continue;
    const distance = editDistance(name, candidate);
    if (distance <= limit && (best === null || distance < best[1])) best = [candidate, distance];
  }
  return best?.[0] ?? null;
}

/** Levenshtein's distance, in which two neighbours that have changed places are one edit. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = isSwap ? (beforeLast[j - 2] ?? 0) + 1 : Infinity;
      row.push(Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, substitution, swap));
    }
    [beforeLast, previous] = [previous, row];
  }
  return previous[b.length] ?? 0;
}

/**
 * The known names that hold the words of `name` in their order, each perhaps shortened (`RETENTION_DAY` of
 * `RETENTION_MAX_DAYS`), and the fewest others beside them; none where that might be anything.
 */
export function nearestByWords(name: string, known: Iterable<string>): readonly string[] {
  const words = wordsOf(name);
  if (words.length === 0 || words.some((word) => word.length < 3)) return [];
  const found = [...known].filter((candidate) => isWithin(words, wordsOf(candidate)));
  const fewest = Math.min(...found.map((candidate) => wordsOf(candidate).length));
  const best = found.filter((candidate) => wordsOf(candidate).length === fewest);
  return best.length > 3 ? [] : best;
}

function wordsOf(name: string): string[] {
  return name.split(/[-_]+/).filter((word) => word !== "");
}

function isWithin(words: readonly string[], others: readonly string[]): boolean {
  let at = 0;
  for (const other of others) if (at < words.length && other.startsWith(words[at] ?? "")) at++;
  return at === words.length;
}
