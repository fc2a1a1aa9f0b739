import { describe, expect, test } from "bun:test";
import { metrics } from "../../../src/daemon/metrics.ts";
import type { HealthState } from "../../../src/daemon/monitor.ts";
import { parseExposition } from "../../support/prometheus-text.ts";
import { fresh, row, state } from "./states.ts";

function values(of: HealthState): Record<string, number> {
  return Object.fromEntries(
    [...parseExposition(metrics(of))].flatMap(([name, { samples }]) =>
      samples.map(({ labels, value }) => [
        labels["status"] === undefined ? name : `${name} ${labels["status"]}`,
        value,
      ]),
    ),
  );
}

describe("the parser of these tests refuses", () => {
  test.each([
    ["no line feed at the end", "a 1"],
    ["a line end of another system", "a 1\r\n"],
    ["a name that is none", "1a 1\n"],
    ["a type behind its sample", "a 1\n# TYPE a gauge\n"],
    ["two types", "# TYPE a gauge\n# TYPE a gauge\na 1\n"],
    ["two helps", "# HELP a x\n# HELP a y\na 1\n"],
    ["a type that nobody knows", "# TYPE a number\na 1\n"],
    ["an unknown escape in a help", "# HELP a \\t\na 1\n"],
    ["a value that is no number", "# TYPE a gauge\na null\n"],
    ["a value that is missing", "a{}\n"],
    ["a time that is no number", "a 1 now\n"],
    ["an unknown escape", '# TYPE a gauge\na{b="\\t"} 1\n'],
    ["an open quote", '# TYPE a gauge\na{b="""} 1\n'],
    ["a label without quotes", "a{b=c} 1\n"],
    ["one label twice", 'a{b="c",b="d"} 1\n'],
    ["one sample twice", "# TYPE a gauge\na 1\na 2\n"],
    ["one sample twice, its labels in another order", 'a{b="1",c="2"} 1\na{c="2",b="1"} 1\n'],
    ["families that are mixed", '# TYPE a gauge\na 1\nb 1\na{x=""} 1\n'],
  ])("%s", (_, text) => {
    expect(() => parseExposition(text)).toThrow();
  });

  test("nothing of what the documentation has as an example of untyped metrics", () => {
    const text = `# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

# Escaping in label values:
msdos_file_access_time_seconds{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find file:\\n\\"FILE.TXT\\""} 1.458255915e9

# Minimalistic line:
metric_without_timestamp_and_labels 12.47
something_weird{problem="division by zero"} +Inf -3982045
`;
    const families = parseExposition(text);
    expect(families.get("http_requests_total")).toMatchObject({
      type: "counter",
      samples: [{ value: 1027 }, {}],
    });
    expect(families.get("msdos_file_access_time_seconds")?.samples[0]?.labels).toEqual({
      path: "C:\\DIR\\FILE.TXT",
      error: 'Cannot find file:\n"FILE.TXT"',
    });
    expect(families.get("something_weird")?.samples[0]?.value).toBe(Infinity);
  });
});

describe("metrics", () => {
  test("tell the last success, duration, size, runs and what comes next", () => {
    expect(values(state)).toEqual({
      dbstash_last_success_timestamp_seconds: Date.parse("2026-02-07T02:03:12Z") / 1000,
      dbstash_last_run_success: 1,
      dbstash_last_duration_seconds: 192.25,
      dbstash_last_backup_bytes: 1_610_612_736,
      "dbstash_runs_total success": 6,
      "dbstash_runs_total failure": 1,
      "dbstash_runs_total skipped": 2,
      dbstash_last_run_timestamp_seconds: Date.parse("2026-02-07T02:03:12Z") / 1000,
      dbstash_last_run_warnings: 0,
      dbstash_running: 0,
      dbstash_next_run_timestamp_seconds: Date.parse("2026-02-08T02:00:00Z") / 1000,
      dbstash_success_due_timestamp_seconds: Date.parse("2026-02-08T03:00:00Z") / 1000,
      dbstash_start_time_seconds: Date.parse("2026-02-01T00:00:00.500Z") / 1000,
    });
  });

  test("leave out what is not known, but say 0 where there never was a success", () => {
    expect(values({ ...fresh, running: true })).toEqual({
      dbstash_last_success_timestamp_seconds: 0,
      "dbstash_runs_total success": 0,
      "dbstash_runs_total failure": 0,
      "dbstash_runs_total skipped": 0,
      dbstash_running: 1,
      dbstash_start_time_seconds: Date.parse("2026-02-01T00:00:00.500Z") / 1000,
    });
    const failed = { ...state, rows: [{ ...row, lastStatus: "failure" as const }] };
    expect(values(failed)["dbstash_last_run_success"]).toBe(0);
  });

  test("have a type, a help and the job's labels everywhere", () => {
    for (const [name, { type, help, samples }] of parseExposition(metrics(state))) {
      expect(name).toStartWith("dbstash_");
      expect(type).toBe(name.endsWith("_total") ? "counter" : "gauge");
      expect(help).toEndWith(".");
      for (const { labels } of samples) {
        const { status: _, ...own } = labels;
        expect(own).toEqual({ engine: "pg", database: "shop", place: "s3:backups" });
      }
    }
  });

  test("have a row for each database in each place", () => {
    const rows = [
      { ...row, lastBytes: 1 },
      { ...row, place: "nas:b", lastBytes: 2 },
      { ...row, database: "crm", lastBytes: 3 },
    ];
    const { samples } = parseExposition(metrics({ ...state, rows })).get("dbstash_last_backup_bytes") ?? {};
    expect(samples?.map(({ labels, value }) => [labels["database"], labels["place"], value])).toEqual([
      ["shop", "s3:backups", 1],
      ["shop", "nas:b", 2],
      ["crm", "s3:backups", 3],
    ]);
  });

  test("of two jobs that differ by their names alone differ", () => {
    const one = parseExposition(metrics({ ...state, template: "{db}-hourly-{timestamp}" }));
    for (const { samples } of one.values())
      for (const { labels } of samples) expect(labels["template"]).toBe("{db}-hourly-{timestamp}");
  });

  test.each(['a"b', "a\\b", "a\nb", "a\\nb", "größe,x={y}", "\\", '"', "} 1", "💾"])(
    "escape the database and the place %j",
    (name) => {
      const families = parseExposition(
        metrics({
          ...state,
          database: name,
          places: [name],
          rows: [{ ...row, database: name, place: name }],
        }),
      );
      for (const { samples } of families.values())
        for (const { labels } of samples) expect([labels["database"], labels["place"]]).toEqual([name, name]);
    },
  );
});

test("before any database is known the job itself has a series, for alarms to fire on", () => {
  const lost: HealthState = {
    ...fresh,
    database: "*",
    rows: [],
    places: ["a:", "b:"],
    lastStatus: "failure",
  };
  const families = parseExposition(metrics(lost));
  for (const [name, value] of [
    ["dbstash_last_success_timestamp_seconds", 0],
    ["dbstash_last_run_success", 0],
  ] as const)
    expect(
      families.get(name)?.samples.map(({ labels, value: of }) => [labels["database"], labels["place"], of]),
    ).toEqual([
      ["*", "a:", value],
      ["*", "b:", value],
    ]);
});
