/** Longer lines are cut: a tool that writes no line end must not fill our memory. */
const longestLine = 16_384;

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
    this.#rest = (pieces.pop() ?? "").slice(0, longestLine);
    for (const piece of pieces) this.#onLine(piece.slice(0, longestLine));
  }

  end(): void {
    if (this.#rest !== "") this.#onLine(this.#rest);
    this.#rest = "";
  }
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

  get lines(): readonly string[] {
    return this.#lines;
  }

  toString(): string {
    return this.#lines.join("\n");
  }
}
