/** Reads what `rclone hashsum` prints, a hash and a path on each line. @returns hashes by path */
export function parseHashes(text: string): Map<string, string> {
  return new Map(
    text.split("\n").flatMap((line) => {
      const [, hash, path] = /^([0-9a-f]{64}) {2}(.+)$/.exec(line) ?? [];
      return hash === undefined || path === undefined ? [] : [[path, hash] as const];
    }),
  );
}
