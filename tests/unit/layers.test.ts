import { describe, expect, test } from "bun:test";
import { Glob } from "bun";
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const root = join(import.meta.dirname, "../../src");

/** From the top down; a file may import its own layer and those below it. Longer prefixes win. */
const layers: readonly (readonly string[])[] = [
  ["bin/"],
  ["main.ts"],
  [
    "daemon.ts",
    "commands/",
    "cli.ts",
    "help.ts",
    "dry-run.ts",
    "scheduler.ts",
    "health.ts",
    "health-client.ts",
    "metrics.ts",
    "signals.ts",
    "environment.ts",
  ],
  ["exclusive.ts", "backup.ts", "outcome.ts"],
  ["report.ts"],
  ["housekeeping.ts", "hooks.ts", "pipeline/", "notify/", "progress.ts"],
  ["job.ts", "job/"],
  ["remote/", "engine/"],
  ["process/", "config/"],
  ["catalog.ts", "retention.ts", "manifest.ts"],
  ["naming.ts", "local-time.ts", "human.ts", "logger.ts", "output.ts"],
  ["result.ts", "errors.ts", "together.ts", "config/secret.ts"],
];

/** Files without effects: they import none, whichever way. */
const pure = [
  /^engine\//,
  /^naming\.ts$/,
  /^(local-time|human)\.ts$/,
  /^retention\.ts$/,
  /^catalog\.ts$/,
  /^manifest\.ts$/,
  /^(errors|together)\.ts$/,
  /^result\.ts$/,
  /^notify\/(message|slack|discord|email)\.ts$/,
  /^remote\/(remote|extra-args|environment|features|log|upload|failure)\.ts$/,
];

const effects =
  /^(process\/(?!lines|exit)|remote\/(rclone|publish|config-source)|notify\/notify|health|hooks|exclusive|backup|main)/;

/** Each package, and each effect, has its doors. */
const doors: readonly { readonly what: string; readonly pattern: RegExp; readonly allowed: RegExp }[] = [
  { what: "citty", pattern: /from "citty"/, allowed: /^cli\.ts$/ },
  { what: "consola", pattern: /from "consola\b/, allowed: /^logger\.ts$/ },
  { what: "croner", pattern: /from "croner"/, allowed: /^(scheduler|config\/schedule)\.ts$/ },
  { what: "valibot", pattern: /from "valibot"/, allowed: /^(config|remote)\/|^cli\.ts$/ },
  { what: "shell-quote", pattern: /from "shell-quote"/, allowed: /^config\/words\.ts$/ },
  { what: "Bun.spawn", pattern: /Bun\.spawn|node:child_process/, allowed: /^process\/(spawn|guard)\.ts$/ },
  { what: "bun:ffi", pattern: /from "bun:ffi"/, allowed: /^process\/libc\.ts$/ },
  { what: "fetch", pattern: /\bfetch\(|= fetch\b/, allowed: /^notify\/notify\.ts$/ },
  { what: "Bun.serve", pattern: /Bun\.serve/, allowed: /^health\.ts$/ },
  {
    what: "process.env, argv, on, exitCode, exit",
    pattern: /\bprocess\.(env|argv|on|exitCode|exit)\b/,
    allowed: /^main\.ts$/,
  },
  { what: "the clock", pattern: /new Date\(\)|Date\.now\(\)/, allowed: /^(main|notify\/notify)\.ts$/ },
];

interface Source {
  readonly path: string;
  readonly code: string;
  readonly imports: readonly string[];
}

const sources: Source[] = [...new Glob("**/*.ts").scanSync(root)].toSorted().map((path) => {
  const code = readFileSync(join(root, path), "utf8");
  const imports = [...code.matchAll(/from "(\.[^"]+)"/g)].map(([, target = ""]) =>
    normalize(join(dirname(path), target)),
  );
  // Comments may name what the code may not use.
  return { path, code: code.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, ""), imports };
});

function layerOf(path: string): number {
  const hits = layers.flatMap((names, index) =>
    names.filter((name) => path.startsWith(name)).map((name) => ({ index, length: name.length })),
  );
  return hits.toSorted((a, b) => b.length - a.length)[0]?.index ?? -1;
}

describe("the house", () => {
  test("every file has its layer", () => {
    expect(sources.length).toBeGreaterThan(30);
    expect(sources.filter(({ path }) => layerOf(path) < 0).map(({ path }) => path)).toEqual([]);
  });

  test("imports point down, or to the same layer", () => {
    const wrong = sources.flatMap(({ path, imports }) =>
      imports.filter((target) => layerOf(target) < layerOf(path)).map((target) => `${path} → ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  test("an engine never imports a pipeline or a remote", () => {
    const wrong = sources
      .filter(({ path }) => path.startsWith("engine/"))
      .flatMap(({ path, imports }) =>
        imports
          .filter((target) => /^(pipeline|remote)\//.test(target))
          .map((target) => `${path} → ${target}`),
      );
    expect(wrong).toEqual([]);
  });

  test("a pure file imports no effect", () => {
    const wrong = sources
      .filter(({ path }) => pure.some((pattern) => pattern.test(path)))
      .flatMap(({ path, imports, code }) => [
        ...imports.filter((target) => effects.test(target)).map((target) => `${path} → ${target}`),
        ...(/from "node:(fs|net|http|child_process)/.test(code) ? [`${path} → node`] : []),
      ]);
    expect(wrong).toEqual([]);
  });

  test.each(doors.map((door) => [door.what, door] as const))("%s has its door", (_, { pattern, allowed }) => {
    const users = sources.filter(({ code }) => pattern.test(code)).map(({ path }) => path);
    expect(users.filter((path) => !allowed.test(path))).toEqual([]);
    expect(users.length).toBeGreaterThan(0);
  });

  test("no file imports itself in a circle of values", () => {
    const graph = new Map(sources.map(({ path, code }) => [path, valueImports(path, code)]));
    const state = new Map<string, "open" | "done">();
    const circles: string[] = [];
    const visit = (path: string, trail: readonly string[]): void => {
      if (state.get(path) === "open") circles.push([...trail, path].join(" → "));
      if (state.has(path)) return;
      state.set(path, "open");
      for (const target of graph.get(path) ?? []) visit(target, [...trail, path]);
      state.set(path, "done");
    };
    for (const { path } of sources) visit(path, []);
    expect(circles).toEqual([]);
  });
});

/** What a file imports other than types. */
function valueImports(path: string, code: string): string[] {
  return [...code.matchAll(/import ([^;]*?) from "(\.[^"]+)"/gs)]
    .filter(([, what = ""]) => !what.startsWith("type "))
    .map(([, , target = ""]) => normalize(join(dirname(path), target)));
}
