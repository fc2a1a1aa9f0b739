/** A piece of a line in one style. */
export interface Span {
  readonly text: string;
  readonly style: "plain" | "dim" | "red" | "green" | "yellow";
}

export type Line = readonly Span[];

/** A command that was typed, and what a terminal was told by it. */
export interface Scene {
  readonly command: string;
  readonly output: string;
}

/** What stands on a terminal after it was told all this: colours kept, lines that were drawn over left out. */
export function screenOf(output: string): Line[] {
  const lines: Line[] = [];
  let line: Span[] = [];
  let style: Span["style"] = "plain";
  // A sequence of control begins with ESC and a bracket; other control characters show nothing.
  for (const [part, codes, final] of output.matchAll(/\r?\n|\p{Cc}\[([\d;]*)([A-Za-z])|\p{Cc}|\P{Cc}+/gu)) {
    if (part.endsWith("\n")) {
      lines.push(line);
      line = [];
    } else if (final === "K") line = [];
    else if (final === "m") style = styles.get(codes ?? "") ?? "plain";
    else if (!/^\p{Cc}/u.test(part)) line.push({ text: part, style });
  }
  return line.length === 0 ? lines : [...lines, line];
}

const styles = new Map<string, Span["style"]>([
  ["2", "dim"],
  ["31", "red"],
  ["32", "green"],
  ["33", "yellow"],
]);

/** A line as a terminal of so many columns shows it: what is longer goes on in the next one. */
export function wrapped(line: Line, columns: number): Line[] {
  const lines: Span[][] = [[]];
  let used = 0;
  for (const { text, style } of line) {
    let rest = [...text];
    while (rest.length > 0) {
      if (used === columns) {
        lines.push([]);
        used = 0;
      }
      const piece = rest.slice(0, columns - used);
      lines.at(-1)?.push({ text: piece.join(""), style });
      used += piece.length;
      rest = rest.slice(piece.length);
    }
  }
  return lines;
}

const charWidth = 7.8;
const lineHeight = 19;
const margin = 18;
const bar = 30;

/**
 * Draws what was typed and answered as a terminal: plain SVG for a bright and a dark page, without any outside part.
 * @param title for those who can't see it
 */
export function terminalSvg(scenes: readonly Scene[], title: string, columns: number): string {
  const lines = scenes.flatMap(({ command, output }, index): Line[] => [
    ...(index === 0 ? [] : [[]]),
    [
      { text: "$ ", style: "dim" },
      { text: command, style: "plain" },
    ],
    ...screenOf(output).flatMap((line) => wrapped(line, columns)),
  ]);
  const width = Math.ceil(columns * charWidth + 2 * margin);
  const height = bar + lines.length * lineHeight + margin;
  const rows = lines.flatMap((line, index) => {
    const y = bar + (index + 1) * lineHeight - 4;
    const length = line.reduce((sum, { text }) => sum + [...text].length, 0);
    if (length === 0) return [];
    const spans = line.map(({ text, style }) =>
      style === "plain" ? escapeXml(text) : `<tspan class="${style}">${escapeXml(text)}</tspan>`,
    );
    const size = `textLength="${(length * charWidth).toFixed(1)}" lengthAdjust="spacingAndGlyphs"`;
    return [`<text x="${margin}" y="${y}" ${size}>${spans.join("")}</text>`];
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escapeXml(title)}</title>
<style>
text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #1f2328; white-space: pre; }
rect { fill: #f6f8fa; stroke: #d1d9e0; }
circle { fill: #d1d9e0; }
.dim { fill: #59636e; } .red { fill: #c1121f; } .green { fill: #116329; } .yellow { fill: #7d4e00; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  rect { fill: #0d1117; stroke: #3d444d; }
  circle { fill: #3d444d; }
  .dim { fill: #9198a1; } .red { fill: #ff7b72; } .green { fill: #56d364; } .yellow { fill: #e3b341; }
}
</style>
<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>
<circle cx="20" cy="16" r="5"/><circle cx="37" cy="16" r="5"/><circle cx="54" cy="16" r="5"/>
${rows.join("\n")}
</svg>
`;
}

function escapeXml(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\uFFFE\uFFFF]/gu, "")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
