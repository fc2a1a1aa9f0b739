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
