import type { HealthState } from "./monitor.ts";

/** `/metrics` in Prometheus' text format 0.0.4 (prometheus.io, "Exposition formats"). What is not known is left out. */
export function metrics(state: HealthState): string {
  const job = `engine="${escapeLabel(state.engine)}",database="${escapeLabel(state.database)}"`;
  const lines: string[] = [];
  const family = (
    name: string,
    type: "gauge" | "counter",
    help: string,
    samples: [string, number | null][],
  ): void => {
    const known = samples.filter(([, value]) => value !== null);
    if (known.length === 0) return;
    lines.push(`# HELP dbstash_${name} ${help}`, `# TYPE dbstash_${name} ${type}`);
    for (const [labels, value] of known) lines.push(`dbstash_${name}{${job}${labels}} ${value}`);
  };
  const gauge = (name: string, help: string, value: number | null): void =>
    family(name, "gauge", help, [["", value]]);

  // Zero, and not left out: an alarm on the age of the last success must also fire when there never was one.
  const lastSuccess = seconds(state.lastSuccess) ?? 0;
  gauge(
    "last_success_timestamp_seconds",
    "Unix time of the last stored backup, 0 when none is known.",
    lastSuccess,
  );
  const succeeded = state.lastStatus === "pending" ? null : Number(state.lastStatus === "success");
  gauge("last_run_success", "Whether the last finished run stored a backup.", succeeded);
  const duration = state.lastDurationMs === null ? null : state.lastDurationMs / 1000;
  gauge("last_duration_seconds", "How long the last finished run took.", duration);
  gauge("last_backup_bytes", "Size of the last stored backup.", state.lastBytes);
  family("runs_total", "counter", "Runs since the process started, by how they ended.", [
    [',status="success"', state.runs.success],
    [',status="failure"', state.runs.failure],
    [',status="skipped"', state.runs.skipped],
  ]);
  gauge("running", "Whether a run is on.", Number(state.running));
  gauge("next_run_timestamp_seconds", "Unix time of the next scheduled run.", seconds(state.nextRun));
  gauge(
    "success_due_timestamp_seconds",
    "Unix time by which a backup must be stored.",
    seconds(state.expectedBy),
  );
  gauge("start_time_seconds", "Unix time at which the process started.", seconds(state.startedAt));
  return `${lines.join("\n")}\n`;
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function seconds(date: Date | null): number | null {
  return date === null ? null : date.getTime() / 1000;
}
