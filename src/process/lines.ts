/** Longer lines are cut: a tool that writes no line end must not fill our memory. */
const longestLine = 16_384;

/** What a cut line loses before the cut: half a secret would stand there, which no redactor knows. */
const lostAtCut = 4_096;

/** Cuts a stream of bytes into lines; `end` gives the rest without a line end. */
export class LineSplitter {
  readonly #decoder = new TextDecoder();
  readonly #onLine: (line: string) => void;
  #rest = "";

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(bytes: Uint8Array): void {
    // Progress output of the tools ends its lines with a carriage return.
    const pieces = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split(/\r\n|\n|\r/);
    // One more than the longest tells that it is longer.
    this.#rest = (pieces.pop() ?? "").slice(0, longestLine + 1);
    for (const piece of pieces) this.#onLine(cut(piece));
  }

  end(): void {
    if (this.#rest !== "") this.#onLine(cut(this.#rest));
    this.#rest = "";
  }
}

function cut(line: string): string {
  return line.length > longestLine ? line.slice(0, longestLine - lostAtCut) : line;
}

/** Keeps the last lines of a tool's messages. */
export class Tail {
  readonly #lines: string[] = [];
  readonly #max: number;

  constructor(maxLines: number) {
    this.#max = maxLines;
  }

  add(line: string): void {
    if (line.trim() === "") return;
    this.#lines.push(line);
    if (this.#lines.length > this.#max) this.#lines.shift();
  }

  /** More of the last line. */
  extend(text: string): void {
    if (text === "") return;
    const last = this.#lines.pop();
    this.add(last === undefined ? text : `${last} ${text}`);
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  toString(): string {
    return this.#lines.join("\n");
  }
}
