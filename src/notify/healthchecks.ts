import { clipBytes } from "./outgoing.ts";
import type { PingService } from "./ping-service.ts";

/** Of a body the service shows the first 10 kB at least (healthchecks.io/docs/http_api, "Pinging API"). */
const mostBytes = 10_000;

/**
 * Healthchecks, and whoever else is given an address: `/start` before the run, the address itself for a success, `/fail`
 * for a failure, each with the run's id as `rid`, by which it measures the time between them; what happened is posted
 * (healthchecks.io/docs/http_api, "Start", "Success", "Failure"). `/log` is written down and changes nothing ("Log").
 */
export const healthchecks: PingService = {
  name: "Healthchecks",
  matches: () => true,
  request(url, { kind, runId, text }) {
    const address = new URL(url);
    address.hash = "";
    const suffix = { start: "/start", success: "", failure: "/fail", test: "/log" }[kind];
    if (suffix !== "") address.pathname = address.pathname.replace(/\/+$/, "") + suffix;
    if (runId !== null) address.search += `${address.search === "" ? "?" : "&"}rid=${runId}`;
    const headers = { "content-type": "text/plain; charset=utf-8" };
    return { method: "POST", url: address.href, headers, body: clipBytes(text, mostBytes) };
  },
};
