import { type HealthState, type RowState, unknownRow } from "./monitor.ts";

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number | null];

/** `/metrics` in Prometheus' text format 0.0.4 (prometheus.io, "Exposition formats"). What is not known is left out. */
export function metrics(state: HealthState): string {
  const job: Labels = labelsOf(state, state.database, state.places[0] ?? "");
  const lines: string[] = [];
  const family = (
    name: string,
    type: "gauge" | "counter",
    help: string,
    samples: readonly Sample[],
  ): void => {
    const known = samples.filter(([, value]) => value !== null);
    if (known.length === 0) return;
    lines.push(`# HELP dbstash_${name} ${help}`, `# TYPE dbstash_${name} ${type}`);
    for (const [labels, value] of known) lines.push(`dbstash_${name}{${written(labels)}} ${value}`);
  };
  const ofJob = (name: string, help: string, value: number | null): void =>
    family(name, "gauge", help, [[job, value]]);
  // Where runs fail before any database is known the job has failed as a whole: an alarm needs a series for that.
  const isLost = state.rows.length === 0 && state.lastStatus === "failure";
  const rows = isLost
    ? state.places.map((place) => unknownRow(state.database, place, state.lastStatus))
    : state.rows;
  const ofRows = (name: string, help: string, valueOf: (row: RowState) => number | null): void =>
    family(
      name,
      "gauge",
      help,
      rows.map((row) => [labelsOf(state, row.database, row.place), valueOf(row)]),
    );

  ofRows(
    "last_success_timestamp_seconds",
    "Unix time of the last stored backup, 0 when none is known.",
    // Zero, and not left out: an alarm on the age of the last success must also fire when there never was one.
    ({ lastSuccess }) => seconds(lastSuccess) ?? 0,
  );
  ofRows("last_run_success", "Whether the last finished run stored a backup.", ({ lastStatus }) =>
    lastStatus === "pending" ? null : Number(lastStatus === "success"),
  );
  ofRows("last_duration_seconds", "How long the last finished run took.", ({ lastDurationMs }) =>
    lastDurationMs === null ? null : lastDurationMs / 1000,
  );
  ofRows("last_backup_bytes", "Size of the last stored backup.", ({ lastBytes }) => lastBytes);
  ofRows("success_due_timestamp_seconds", "Unix time by which a backup must be stored.", ({ expectedBy }) =>
    seconds(expectedBy),
  );
  family("runs_total", "counter", "Runs by how they ended.", [
    [{ ...job, status: "success" }, state.runs.success],
    [{ ...job, status: "failure" }, state.runs.failure],
    [{ ...job, status: "skipped" }, state.runs.skipped],
  ]);
  ofJob(
    "last_run_timestamp_seconds",
    "Unix time at which the last finished run began.",
    seconds(state.lastRun),
  );
  ofJob(
    "last_run_warnings",
    "How many warnings the last finished run had.",
    state.lastWarnings?.length ?? null,
  );
  ofJob("running", "Whether a run is on.", Number(state.running));
  ofJob("next_run_timestamp_seconds", "Unix time of the next scheduled run.", seconds(state.nextRun));
  ofJob("start_time_seconds", "Unix time at which the process started.", seconds(state.startedAt));
  return `${lines.join("\n")}\n`;
}

/** Two jobs never have the same: of two files with one series node_exporter passes on that of the first alone. */
function labelsOf({ engine, template }: HealthState, database: string, place: string): Labels {
  return { engine, database, place, ...(template === null ? {} : { template }) };
}

function written(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabel(value)}"`)
    .join(",");
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function seconds(date: Date | null): number | null {
  return date === null ? null : date.getTime() / 1000;
}
