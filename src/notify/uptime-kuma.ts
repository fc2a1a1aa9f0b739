import { clipBytes } from "./outgoing.ts";
import { longestInUrl, type PingService } from "./ping-service.ts";

/** A longer `ping` is refused as a mistake (Uptime Kuma 2, server/routers/api-router.js, `MAX_PING_VALUE`). */
const longestPingMs = 86_400_000;

/**
 * Uptime Kuma's push monitors: `status` is up or down, `msg` is shown, `ping` a time in milliseconds. The query that is
 * pasted with the address is replaced. It has no word for a start: a call would say that all is well
 * (Uptime Kuma, server/routers/api-router.js, `/api/push/:pushToken`; version 1 takes GET alone).
 */
export const uptimeKuma: PingService = {
  name: "Uptime Kuma",
  matches: ({ pathname }) => /\/api\/push\/[^/]+\/?$/.test(pathname),
  request(url, { kind, line, durationMs }) {
    if (kind === "start" || kind === "test") return null;
    const address = new URL(url);
    address.hash = "";
    address.search = new URLSearchParams({
      status: kind === "success" ? "up" : "down",
      msg: clipBytes(line, longestInUrl),
      ping: durationMs === null || durationMs > longestPingMs ? "" : String(Math.max(0, durationMs)),
    }).toString();
    return { method: "GET", url: address.href, headers: {} };
  },
};
