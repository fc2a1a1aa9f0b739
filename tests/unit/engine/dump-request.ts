import { parseUri } from "../../../src/engine/connection.ts";
import type { DumpPaths, DumpRequest, ProbeOutcome } from "../../../src/engine/engine.ts";

/** What a command may name of a machine without authorities, in stream mode. */
export const streamPaths: DumpPaths = {
  privateDir: "/private",
  outputDir: null,
  caBundle: null,
  libpqRoot: null,
};

/** A request for a plain stream of the URI's database, but for what `change` says. */
export function requestOf(uri: string, change: Partial<DumpRequest> = {}): DumpRequest {
  const connection = parseUri(uri);
  return {
    connection,
    database: connection.database,
    mode: "stream",
    compression: { kind: "none" },
    recipients: null,
    extraArgs: [],
    ...change,
  };
}

/** How a probe's command ended that exited 0 and said nothing, but for what `change` says. */
export function outcomeOf(change: Partial<ProbeOutcome>): ProbeOutcome {
  return {
    exitCode: 0,
    isLate: false,
    isEnough: false,
    stdout: "",
    stderr: "",
    fileContent: null,
    ...change,
  };
}
