import { parseUri } from "../../src/engine/connection.ts";
import type { DumpRequest } from "../../src/engine/engine.ts";

/** A request for a plain stream of the URI's database, but for what `change` says. */
export function requestOf(uri: string, change: Partial<DumpRequest> = {}): DumpRequest {
  const connection = parseUri(uri);
  return {
    connection,
    database: connection.database,
    mode: "stream",
    compression: { kind: "none" },
    extraArgs: [],
    ...change,
  };
}
