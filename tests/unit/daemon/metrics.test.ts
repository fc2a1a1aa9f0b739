import { describe, expect, test } from "bun:test";
import { metrics } from "../../../src/daemon/metrics.ts";
import type { HealthState } from "../../../src/daemon/monitor.ts";
import { fresh, state } from "./states.ts";

interface Sample {
  readonly labels: Record<string, string>;
  readonly value: number;
}

interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: Sample[];
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";

/** A strict reader of Prometheus' text format 0.0.4, after its documentation; throws at the first line it can't take. */
function parseExposition(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  const helps = new Map<string, string>();
  let open = "";
  if (!text.endsWith("\n")) throw new Error("the last line does not end with a line feed");
  for (const line of text.slice(0, -1).split("\n")) {
    const help = new RegExp(`^# HELP (${NAME}) (.*)$`).exec(line);
    const type = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram|summary|untyped)$`).exec(line);
    const sample = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`).exec(line);
    if (help !== null) {
      const [, name = "", words = ""] = help;
      if (helps.has(name)) throw new Error(`two HELP lines for ${name}`);
      if (/\\(?![\\n])/.test(words)) throw new Error(`unknown escape: ${line}`);
      helps.set(name, words);
    } else if (type !== null) {
      const [, name = "", kind = ""] = type;
      if (families.has(name)) throw new Error(`two TYPE lines for ${name}`);
      families.set(name, { type: kind, help: helps.get(name) ?? "", samples: [] });
      open = name;
    } else if (sample !== null) {
      const [, name = "", labels = "", number = ""] = sample;
      const family = families.get(name);
      if (family === undefined || open !== name) throw new Error(`${name} does not follow its TYPE line`);
      if (!/^[+-]?(\d+(\.\d+)?(e[+-]?\d+)?|Inf|NaN)$/i.test(number)) throw new Error(`no number: ${line}`);
      const parsed = parseLabels(labels);
      const known = family.samples.some((each) => JSON.stringify(each.labels) === JSON.stringify(parsed));
      if (known) throw new Error(`two samples with one set of labels: ${line}`);
      family.samples.push({ labels: parsed, value: Number(number) });
    } else {
      throw new Error(`can't be read: ${JSON.stringify(line)}`);
    }
  }
  return families;
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"(?:,|$)/y;
  while (label.lastIndex < text.length) {
    const match = label.exec(text);
    if (match === null) throw new Error(`no labels: ${text}`);
    const [, name = "", value = ""] = match;
    if (name in labels) throw new Error(`the label ${name} stands twice`);
    labels[name] = value.replace(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
  }
  return labels;
}

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
    ["a name that is none", "1a 1\n"],
    ["a sample without its type", "a 1\n"],
    ["two types", "# TYPE a gauge\n# TYPE a gauge\n"],
    ["a value that is no number", "# TYPE a gauge\na null\n"],
    ["an unknown escape", '# TYPE a gauge\na{b="\\t"} 1\n'],
    ["an open quote", '# TYPE a gauge\na{b="""} 1\n'],
    ["one sample twice", "# TYPE a gauge\na 1\na 2\n"],
    ["families that are mixed", "# TYPE a gauge\n# TYPE b gauge\na 1\n"],
  ])("%s", (_, text) => {
    expect(() => parseExposition(text)).toThrow();
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
    expect(values({ ...state, lastStatus: "failure" })["dbstash_last_run_success"]).toBe(0);
  });

  test("have a type, a help and the job's labels everywhere", () => {
    for (const [name, { type, help, samples }] of parseExposition(metrics(state))) {
      expect(name).toStartWith("dbstash_");
      expect(type).toBe(name.endsWith("_total") ? "counter" : "gauge");
      expect(help).toEndWith(".");
      for (const { labels } of samples) expect(labels).toMatchObject({ engine: "pg", database: "shop" });
    }
  });

  test.each(['a"b', "a\\b", "a\nb", "a\\nb", "größe,x={y}", "\\"])("escape the database %j", (database) => {
    const families = parseExposition(metrics({ ...state, database }));
    expect(families.get("dbstash_running")?.samples[0]?.labels["database"]).toBe(database);
  });
});
