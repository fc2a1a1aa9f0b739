import type { Reading } from "../config/config.ts";
import type { OptionName } from "../config/options.ts";
import { UsageError } from "../errors.ts";

/** What a running process said of itself. */
export interface HealthReport {
  readonly ok: boolean;
  /** A phrase for the terminal. */
  readonly detail: string;
}

const ASK_TIMEOUT_MS = 2000;
const LONGEST_ANSWER = 65_536;

const asked: ReadonlySet<OptionName> = new Set(["backupSchedule", "healthPort", "healthAddress"]);

/** Where a server that listens at all addresses is asked. */
const nearest: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/**
 * Asks the process on this machine how it is. Only its schedule, its port and its address are looked at, so that a check
 * inside a container needs none of the job's other settings. Where there is no server by design all is well.
 * @throws UsageError when one of the three is wrong
 */
export async function checkHealth({ settings, problems }: Reading): Promise<HealthReport> {
  const wrong = problems.filter(({ option }) => asked.has(option));
  if (wrong.length > 0) throw new UsageError(wrong);
  if (settings.backupSchedule.kind === "once")
    return { ok: true, detail: "there is no health server: BACKUP_SCHEDULE is once" };
  if (settings.healthPort === 0) return { ok: true, detail: "there is no health server: HEALTH_PORT is 0" };
  return askHealth(settings.healthPort, settings.healthAddress);
}

/**
 * Asks the process on this machine for its `/healthz`; at most 2 s, never throws. @param address where it listens; null for everywhere
 * Not by `fetch`: that would ask a proxy from the environment, even for 127.0.0.1.
 */
export async function askHealth(port: number, address: string | null = null): Promise<HealthReport> {
  // Loaded only where it is needed (CONTRIBUTING, "Memory").
  const { get } = await import("node:http");
  const host = address === null ? "127.0.0.1" : (nearest[address] ?? address);
  const which = address === null ? `port ${port}` : `port ${port} at ${address}`;
  return await new Promise((resolve) => {
    let body = "";
    const report = (ok: boolean, detail: string): void => {
      clearTimeout(timer);
      request.destroy();
      resolve({ ok, detail });
    };
    const request = get({ host, port, path: "/healthz", agent: false }, (response) => {
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
        if (body.length > LONGEST_ANSWER) report(false, `${which} is not dbstash's: its answer does not end`);
      });
      response.on("end", () => {
        const { ok, detail } = judge(response.statusCode ?? 0, body);
        report(ok, `${which} ${detail}`);
      });
    });
    const timer = setTimeout(() => report(false, `${which} gave no answer within 2 s`), ASK_TIMEOUT_MS);
    request.on("error", (error: NodeJS.ErrnoException) => {
      report(false, `${which} can't be reached (${error.code ?? error.message})`);
    });
  });
}

function judge(status: number, body: string): HealthReport {
  if (status !== 200) return { ok: false, detail: `answered ${status}` };
  return body.includes('"status":"healthy"')
    ? { ok: true, detail: `is healthy: ${body.trim()}` }
    : { ok: false, detail: "is not dbstash's: it gave some other answer" };
}
