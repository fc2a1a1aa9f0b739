/** More of them are counted alone: a tool that warns without end must not fill our memory. */
const mostLines = 200;
const mostCharacters = 65_536;

/** Keeps those lines of a tool's messages that its engine has to judge, as they come. */
export class Remarks {
  readonly #pattern: RegExp | null;
  readonly #lines: string[] = [];
  #characters = 0;
  #lost = 0;

  /** @param pattern the lines that are kept; null for none */
  constructor(pattern: RegExp | null) {
    this.#pattern = pattern;
  }

  add(line: string): void {
    if (this.#pattern?.test(line) !== true) return;
    this.#characters += line.length;
    if (this.#lines.length < mostLines && this.#characters <= mostCharacters) this.#lines.push(line);
    else this.#lost++;
  }

  /** What was said beyond what is kept, as a warning; null for nothing. */
  get overflow(): string | null {
    return this.#lost === 0
      ? null
      : `the dump tool had ${this.#lost} more lines of warnings, which are not shown`;
  }

  toString(): string {
    return this.#lines.join("\n");
  }
}
