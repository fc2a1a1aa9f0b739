import { checkWebhookUrl } from "../config/values.ts";
import { exitCodes, type Problem } from "../errors.ts";
import { humanBytes, humanDuration } from "../human.ts";
import type { RunResult } from "../result.ts";
import { cronitor } from "./cronitor.ts";
import { healthchecks } from "./healthchecks.ts";
import { notificationOf } from "./message.ts";
import { type Notification, textOf } from "./notification.ts";
import { onOneLine } from "./outgoing.ts";
import type { PingEvent, PingService } from "./ping-service.ts";
import { uptimeKuma } from "./uptime-kuma.ts";

/** The first that knows an address; Healthchecks' way, which others took over, comes last and takes all. */
const services: readonly PingService[] = [uptimeKuma, cronitor, healthchecks];

/** The service behind an address. */
export function pingServiceOf(url: URL): PingService {
  return services.find((service) => service.matches(url)) ?? healthchecks;
}

/** What is wrong with a ping's address, as the rest of a sentence that never quotes it; null when it can be used. */
export function pingMistake(url: string): string | null {
  if (/[\s,;|](\w+\+)?https?:\/\//i.test(url)) return "holds another URL: there can be one alone";
  const wrong = checkWebhookUrl(url);
  if (wrong !== null) return wrong;
  const suffix = /\/(start|fail|log|\d+)\/*$/.exec(new URL(url).pathname);
  return suffix !== null && isOfHealthchecks(new URL(url), suffix.index)
    ? "ends in what a run adds by itself (/start, /fail and the like): leave that out"
    : null;
}

/** Whether a check's own address ends there: it is a UUID, or a key and a name (healthchecks.io/docs/http_api). */
function isOfHealthchecks({ hostname, pathname }: URL, end: number): boolean {
  const parts = pathname.slice(0, end).split("/");
  const isUuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(parts.at(-1) ?? "");
  return isUuid || (hostname === "hc-ping.com" && parts.length === 3);
}

/** A run has begun. */
export function pingOfStart(runId: string): PingEvent {
  return { kind: "start", runId, durationMs: null, exitCode: null, line: "", text: "" };
}

/** A run has ended; its id is the one of its start, whichever try came to the end. A stored backup with warnings is a failure here: such a service knows no more than two words. */
export function pingOfResult(result: RunResult, runId: string, host: string): PingEvent {
  const { durationMs, exitCode, warnings, bytes } = result;
  const notification = notificationOf(result, host);
  const isSuccess = notification.ending === "success";
  const size = bytes === null ? "" : `${humanBytes(bytes)} `;
  const said = isSuccess
    ? `${size}in ${humanDuration(durationMs)}`
    : (notification.error ?? warnings.join("; "));
  const kind = isSuccess ? "success" : "failure";
  return { kind, runId, durationMs, exitCode, ...wordsOf(notification, said) };
}

/** Wrong settings keep a run from beginning. */
export function pingOfSettings(notification: Notification, problems: readonly Problem[]): PingEvent {
  const said = problems.map(({ message }) => message).join("; ");
  const { code } = exitCodes.usage;
  return { kind: "failure", runId: null, durationMs: null, exitCode: code, ...wordsOf(notification, said) };
}

/** Somebody wants to know whether pings arrive. */
export function pingOfTest(notification: Notification): PingEvent {
  const words = { line: notification.title, text: notification.title };
  return { kind: "test", runId: null, durationMs: null, exitCode: null, ...words };
}

function wordsOf(notification: Notification, said: string): Pick<PingEvent, "line" | "text"> {
  const { title } = notification;
  return { line: onOneLine(`${title}: ${said}`), text: `${title}\n\n${textOf(notification)}` };
}
