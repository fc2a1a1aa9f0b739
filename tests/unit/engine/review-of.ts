import type { Engine } from "../../../src/engine/engine.ts";
import { requestOf } from "./dump-request.ts";

/** What an engine says of a URI: the messages of its problems, and its warnings. */
export function reviewOf(engine: Engine, uri: string): { problems: string[]; warnings: readonly string[] } {
  const { problems, warnings } = engine.review(requestOf(uri));
  return { problems: problems.map(({ message }) => message), warnings };
}
