import { clipBytes } from "./outgoing.ts";
import { longestInUrl, type PingService } from "./ping-service.ts";

const states = { start: "run", success: "complete", failure: "fail" } as const;

/**
 * Cronitor's telemetry: `state` is run, complete or fail, `series` ties the calls of one run together, `message` has up
 * to 2,000 characters, `metric=duration:` is in seconds, `status_code` the exit code (cronitor.io/docs/telemetry-api,
 * "Event Parameters"). What the address says beside them (`env`, `host`) stays.
 */
export const cronitor: PingService = {
  name: "Cronitor",
  matches: ({ hostname }) => hostname === "cronitor.link",
  request(url, { kind, runId, line, durationMs, exitCode }) {
    if (kind === "test") return null;
    const address = new URL(url);
    address.hash = "";
    const { searchParams } = address;
    searchParams.set("state", states[kind]);
    if (runId !== null) searchParams.set("series", runId);
    if (line !== "") searchParams.set("message", clipBytes(line, longestInUrl));
    if (durationMs !== null) searchParams.append("metric", `duration:${durationMs / 1000}`);
    if (exitCode !== null) searchParams.set("status_code", String(exitCode));
    return { method: "GET", url: address.href, headers: {} };
  },
};
