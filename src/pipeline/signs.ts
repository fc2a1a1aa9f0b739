import type { DumpRequest, Engine } from "../engine/engine.ts";
import { type DbstashError, errorOf } from "../errors.ts";

/** Listens to a dump's messages for a sign that something is in it, where nobody here can read what is stored. */
export interface Signs {
  readonly add: (line: string) => void;
  /** Why the dump is no backup, once it has ended; null where a sign was heard, or none is needed. */
  readonly missing: () => DbstashError | null;
}

/** What has to be heard of an engine's dump. */
export function signsOf({ signOfContent }: Pick<Engine, "signOfContent">, request: DumpRequest): Signs {
  if (signOfContent === null || request.recipients === null)
    return { add: () => undefined, missing: () => null };
  const { line: sign, missing } = signOfContent(request);
  let isHeard = false;
  return {
    add: (line) => {
      isHeard ||= sign.test(line);
    },
    missing: () => (isHeard ? null : errorOf(missing)),
  };
}
