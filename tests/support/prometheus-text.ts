/** One sample of a metric. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric: its lines stand together. */
export interface Family {
  readonly type: "counter" | "gauge" | "untyped";
  readonly help: string | null;
  readonly samples: readonly Sample[];
}

interface OpenFamily {
  type: Family["type"] | null;
  help: string | null;
  readonly samples: Sample[];
}

const name = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const helpLine = new RegExp(`^#[ \\t]+HELP[ \\t]+(${name})(?:[ \\t]+(.*))?$`);
const typeLine = new RegExp(
  `^#[ \\t]+TYPE[ \\t]+(${name})[ \\t]+(counter|gauge|histogram|summary|untyped)[ \\t]*$`,
);
const sampleLine = new RegExp(
  `^[ \\t]*(${name})[ \\t]*(?:\\{(.*)\\})?[ \\t]+(\\S+)(?:[ \\t]+(-?\\d+))?[ \\t]*$`,
);
const label = /[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\\n]|\\[\\"n])*)"[ \t]*(?:,|$)/y;
const number = /^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?Inf|NaN)$/;

/**
 * A strict reader of Prometheus' text format 0.0.4, after its documentation (prometheus.io, "Exposition formats", "Text
 * format details"); throws at the first line it can't take. Of histograms and summaries, which dbstash has none of, it
 * takes nothing.
 */
export function parseExposition(text: string): Map<string, Family> {
  const families = new Map<string, OpenFamily>();
  let current = "";
  const familyOf = (line: string, metric: string): OpenFamily => {
    const known = families.get(metric);
    if (known !== undefined && current !== metric) throw new Error(`${metric} stands in two groups: ${line}`);
    current = metric;
    const family = known ?? { type: null, help: null, samples: [] };
    families.set(metric, family);
    return family;
  };
  if (text !== text.toWellFormed()) throw new Error("is no UTF-8");
  if (text.includes("\r")) throw new Error("a carriage return ends no line");
  if (text !== "" && !text.endsWith("\n")) throw new Error("the last line does not end with a line feed");
  for (const line of text.split("\n").slice(0, -1)) {
    if (/^[ \t]*$/.test(line)) continue;
    if (/^[ \t]*#/.test(line)) {
      readComment(line, familyOf);
      continue;
    }
    const [, metric = "", labels, value = ""] = sampleLine.exec(line) ?? [];
    if (metric === "") throw new Error(`can't be read: ${JSON.stringify(line)}`);
    if (!number.test(value)) throw new Error(`no number: ${line}`);
    const { samples } = familyOf(line, metric);
    const sample = {
      name: metric,
      labels: parseLabels(labels ?? ""),
      value: Number(value.replace("Inf", "Infinity")),
    };
    if (samples.some((each) => identity(each) === identity(sample)))
      throw new Error(`two samples with one set of labels: ${line}`);
    samples.push(sample);
  }
  return new Map(
    [...families].map(([metric, { type, help, samples }]) => [
      metric,
      { type: type ?? "untyped", help, samples },
    ]),
  );
}

function readComment(line: string, familyOf: (line: string, metric: string) => OpenFamily): void {
  if (!/^#[ \t]+(HELP|TYPE)\b/.test(line)) return;
  const [, helped, words = ""] = helpLine.exec(line) ?? [];
  if (helped !== undefined) {
    const family = familyOf(line, helped);
    if (family.help !== null) throw new Error(`two HELP lines: ${line}`);
    if (/(?<!\\)(?:\\\\)*\\(?![\\n])/.test(words)) throw new Error(`unknown escape: ${line}`);
    family.help = words.replace(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
    return;
  }
  const [, typed, type] = typeLine.exec(line) ?? [];
  if (typed === undefined) throw new Error(`can't be read: ${JSON.stringify(line)}`);
  const family = familyOf(line, typed);
  if (family.type !== null) throw new Error(`two TYPE lines: ${line}`);
  if (family.samples.length > 0) throw new Error(`a TYPE line behind its samples: ${line}`);
  if (type !== "counter" && type !== "gauge" && type !== "untyped") throw new Error(`not read: ${line}`);
  family.type = type;
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  label.lastIndex = 0;
  for (let at = 0; at < text.length; at = label.lastIndex) {
    const match = label.exec(text);
    if (match === null) throw new Error(`no labels: ${text}`);
    const [, key = "", value = ""] = match;
    if (key in labels) throw new Error(`the label ${key} stands twice`);
    labels[key] = value.replace(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
  }
  return labels;
}

function identity({ labels }: Sample): string {
  return JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
