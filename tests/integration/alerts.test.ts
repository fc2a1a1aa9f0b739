import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { metrics } from "../../src/daemon/metrics.ts";
import { componentPath, needs } from "../support/components.ts";
import { parseExposition } from "../support/prometheus-text.ts";
import { run } from "../support/run.ts";
import { state } from "../unit/daemon/states.ts";

const { describe, test } = needs("promtool");

const rules = join(import.meta.dirname, "../../docs/alerts.yml");

describe("docs/alerts.yml", () => {
  const promtool = (...args: string[]) => run([componentPath("promtool"), ...args]);

  test("is taken by promtool", async () => {
    const { exitCode, stdout, stderr } = await promtool("check", "rules", rules);
    expect(stderr).toBe("");
    expect(stdout).toContain("SUCCESS: 7 rules found");
    expect(exitCode).toBe(0);
  });

  test("raises what it should, and nothing else", async () => {
    const { exitCode, stdout, stderr } = await promtool(
      "test",
      "rules",
      join(import.meta.dirname, "alerts.yml"),
    );
    expect(`${stdout}${stderr}`).toContain("SUCCESS");
    expect(exitCode).toBe(0);
  });

  test("asks for metrics that there are", () => {
    const known = new Set(parseExposition(metrics(state)).keys());
    const asked = [...readFileSync(rules, "utf8").matchAll(/\bdbstash_\w+/g)].map(([name]) => name);
    expect(asked.length).toBeGreaterThan(6);
    expect(asked.filter((name) => !known.has(name))).toEqual([]);
  });
});
