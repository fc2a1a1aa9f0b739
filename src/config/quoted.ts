/** Longer values are cut in a message. */
const longestShown = 100;

/** A value as a message shows it: in quotes, on one line, cut where it is long. */
export function quoted(text: string): string {
  return `"${escaped(text)}"`;
}

/** The same without quotes. */
export function escaped(text: string): string {
  const short = text.length > longestShown ? `${text.slice(0, longestShown)}…` : text;
  return short.replace(
    /(?! )[\p{Cc}\p{Cf}\p{Z}]/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  );
}
