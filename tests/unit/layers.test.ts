import { describe, expect, test } from "bun:test";
import { Glob } from "bun";
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { pure } from "./pure.ts";

const root = join(import.meta.dirname, "../../src");

/** From the top down; a file may import its own layer and those below it. Longer prefixes win. */
const layers: readonly (readonly string[])[] = [
  ["bin/"],
  ["main.ts"],
  ["commands/", "daemon/"],
  ["run.ts"],
  ["backup.ts"],
  ["run/", "checks/"],
  ["pipeline/", "notify/"],
  ["job/"],
  ["remote/", "engine/"],
  ["process/", "config/"],
  ["catalog/"],
  ["logger.ts", "output.ts", "human.ts", "signals.ts"],
  ["result.ts", "kinds.ts", "errors.ts", "config/secret.ts"],
];

/** Loose files beside the rooms: more of them, and nobody finds anything. */
const mostLooseFiles = 10;

const effects =
  /^(process\/(?!lines|exit)|remote\/(rclone(-runner)?|publish|target|look|config-source|completed-config)\.ts|notify\/(notify|webhook|ping|telling|wrong-settings)\.ts|daemon\/(daemon|health|metrics-file|watch)|run\/|job\/backups|backup|run|main)/;

/** Each package, and each effect, has its doors. */
const doors: readonly { readonly what: string; readonly pattern: RegExp; readonly allowed: RegExp }[] = [
  { what: "citty", pattern: /(from |import\()"citty"/, allowed: /^commands\/command-line\.ts$/ },
  { what: "consola", pattern: /from "consola\b/, allowed: /^logger\.ts$/ },
  { what: "croner", pattern: /from "croner"/, allowed: /^(daemon\/scheduler|config\/schedule)\.ts$/ },
  { what: "valibot", pattern: /from "valibot"/, allowed: /^(config|remote)\/|^commands\/command-line\.ts$/ },
  { what: "shell-quote", pattern: /from "shell-quote"/, allowed: /^config\/words\.ts$/ },
  { what: "Bun.spawn", pattern: /Bun\.spawn|node:child_process/, allowed: /^process\/(spawn|guard)\.ts$/ },
  { what: "bun:ffi", pattern: /from "bun:ffi"/, allowed: /^process\/libc\.ts$/ },
  { what: "fetch", pattern: /\bfetch\(|= fetch\b/, allowed: /^notify\/webhook\.ts$/ },
  { what: "Bun.listen", pattern: /Bun\.(serve|listen)/, allowed: /^daemon\/health\.ts$/ },
  {
    what: "process.env, argv, on, exitCode, exit",
    pattern: /\bprocess\.(env|argv|on|exitCode|exit)\b/,
    allowed: /^main\.ts$/,
  },
  { what: "the clock", pattern: /new Date\(\)|Date\.now\(\)/, allowed: /^(main|notify\/webhook)\.ts$/ },
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

  test("no file imports itself in a circle, types among it", () => {
    expect(circles(new Map(sources.map(({ path, imports }) => [path, imports])))).toEqual([]);
  });

  test("a circle is found", () => {
    const graph = new Map([
      ["a", ["b"]],
      ["b", ["c"]],
      ["c", ["b"]],
    ]);
    expect(circles(graph)).toEqual(["a → b → c → b"]);
  });

  test("few files lie loose beside the rooms", () => {
    const loose = sources.filter(({ path }) => !path.includes("/")).map(({ path }) => path);
    expect(loose.length).toBeLessThanOrEqual(mostLooseFiles);
  });
});

/** The trails on which a file comes to itself. */
function circles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const state = new Map<string, "open" | "done">();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (state.get(path) === "open") found.push([...trail, path].join(" → "));
    if (state.has(path)) return;
    state.set(path, "open");
    for (const target of graph.get(path) ?? []) visit(target, [...trail, path]);
    state.set(path, "done");
  };
  for (const path of graph.keys()) visit(path, []);
  return found;
}
