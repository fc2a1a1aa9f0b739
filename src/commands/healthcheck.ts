import type { Reading } from "../config/config.ts";
import { named } from "../config/options.ts";
import { UsageError } from "../errors.ts";
import { askHealth, type HealthReport } from "../health-client.ts";

/**
 * Asks the process on this machine how it is. Only its schedule and its port are looked at, so that a check inside
 * a container needs none of the job's other settings. Where there is no server by design all is well.
 * @throws UsageError when one of the two is wrong
 */
export async function checkHealth({ settings, problems }: Reading): Promise<HealthReport> {
  const own = (["backupSchedule", "healthPort"] as const).map((option) => named(option));
  const wrong = problems.filter(({ message }) => own.some((name) => message.startsWith(name)));
  if (wrong.length > 0) throw new UsageError(wrong);
  if (settings.backupSchedule.kind === "once")
    return { ok: true, detail: "there is no health server: BACKUP_SCHEDULE is once" };
  if (settings.healthPort === 0) return { ok: true, detail: "there is no health server: HEALTH_PORT is 0" };
  return askHealth(settings.healthPort);
}
