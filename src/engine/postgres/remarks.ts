import type { Problem } from "../../errors.ts";
import type { Judgement } from "../engine.ts";

/** Warnings of pg_dump and pg_dumpall, and the lines that go on with one (`detail:`, `hint:`, or an indent). */
export const postgresRemarks =
  /^(?:pg_dump(?:all)?: (?:warning|detail|hint): |pg_dump(?:all)?: {2,}\S|\s+\S)/;

/** Warnings of what is in the dump all the same: how a restore of the data alone would go, and oddities of the catalogue. */
const harmless = /circular foreign-key|appears to be invalid|dependency loop|line ignored/;

/** A warning, and what goes on with it. */
interface Remark {
  readonly tool: string;
  readonly first: string;
  readonly details: string[];
  readonly hints: string[];
}

/** What pg_dump goes on without, subscriptions for all but superusers for one, it warns of. */
export function judgeRemarks(text: string): Judgement {
  const remarks: Remark[] = [];
  for (const line of text.split("\n")) {
    const [, tool, kind, words = ""] =
      /^(?:(pg_dump(?:all)?): *(?:(warning|detail|hint): *)?)?\s*(.*)$/.exec(line) ?? [];
    if (kind === "warning") remarks.push({ tool: tool ?? "pg_dump", first: words, details: [], hints: [] });
    else if (postgresRemarks.test(line)) remarks.at(-1)?.[kind === "hint" ? "hints" : "details"].push(words);
  }
  const sentences = remarks.map(wholeSentence);
  return {
    problems: [],
    warnings: sentences.filter(({ message }) => harmless.test(message)),
    leftOut: sentences.filter(({ message }) => !harmless.test(message)),
  };
}

function wholeSentence({ tool, first, details, hints }: Remark): Problem {
  const said = details.length === 0 ? first : `${first} ${details.join(", ")}`;
  const words = hints.length === 0 ? said : `${said} (${hints.join(" ")})`;
  return { message: `${tool}: ${words}`, words };
}
