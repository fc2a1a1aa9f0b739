import { type HealthState, type RowState, unknownRow } from "./monitor.ts";

/** What an older file of metrics holds. */
export type OldMetrics =
  | { readonly kind: "ours"; readonly samples: readonly OldSample[] }
  | { readonly kind: "another job's" }
  | { readonly kind: "another program's" };

interface OldSample {
  /** Without `dbstash_`. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Reads what an earlier run of this job wrote, or finds out that it did not. */
export function oldMetrics(text: string, state: HealthState): OldMetrics {
  const samples = [...text.matchAll(/^dbstash_(\w+)\{(.*)\} (\S+)$/gm)].map(
    ([, name = "", labels = "", value = ""]): OldSample => ({
      name,
      labels: readLabels(labels),
      value: Number(value),
    }),
  );
  if (samples.length === 0)
    return /\S/.test(text) ? { kind: "another program's" } : { kind: "ours", samples: [] };
  const own = [{ database: state.database, place: state.places[0] ?? "" }, ...state.rows];
  const ours = samples.filter(({ labels }) => isOf(labels, state));
  return ours.some(({ labels }) => own.some((row) => isSame(labels, row)))
    ? { kind: "ours", samples: ours }
    : { kind: "another job's" };
}

/**
 * A state with what only the old file knows: the last success of a process before, and, where each run is a process of
 * its own, how many there were.
 */
export function withOld(state: HealthState, old: readonly OldSample[], isOnce: boolean): HealthState {
  const rows = state.rows.length === 0 ? oldRows(old) : state.rows;
  const before = (status: keyof HealthState["runs"]): number =>
    isOnce
      ? (old.find(({ name, labels }) => name === "runs_total" && labels["status"] === status)?.value ?? 0)
      : 0;
  return {
    ...state,
    runs: {
      success: state.runs.success + before("success"),
      failure: state.runs.failure + before("failure"),
      skipped: state.runs.skipped + before("skipped"),
    },
    rows: rows.map((row) => {
      if (row.lastSuccess !== null) return row;
      const of = (wanted: string) =>
        old.find(({ name, labels }) => name === wanted && isSame(labels, row))?.value;
      const successS = of("last_success_timestamp_seconds") ?? 0;
      if (!(successS > 0)) return row;
      return {
        ...row,
        lastSuccess: new Date(successS * 1000),
        lastBytes: of("last_backup_bytes") ?? null,
      };
    }),
  };
}

/** A run that failed before it knew its databases: they are those of the run before. */
function oldRows(old: readonly OldSample[]): RowState[] {
  return old
    .filter(({ name }) => name === "last_success_timestamp_seconds")
    .map(({ labels }) => unknownRow(labels["database"] ?? "", labels["place"] ?? "", "failure"));
}

function isOf(labels: OldSample["labels"], { engine, template }: HealthState): boolean {
  return labels["engine"] === engine && (labels["template"] ?? null) === template;
}

function isSame(
  labels: OldSample["labels"],
  row: { readonly database: string; readonly place: string },
): boolean {
  return labels["database"] === row.database && labels["place"] === row.place;
}

function readLabels(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name = "", value = ""]) => [
      name,
      value.replace(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped)),
    ]),
  );
}
