import { describe as bunDescribe, test as bunTest } from "bun:test";
import { type Component, type ComponentName, readManifest } from "../../scripts/setup/manifest.ts";

export type { ComponentName } from "../../scripts/setup/manifest.ts";

/** What the set-up found of a component. */
export function component(name: ComponentName): Component {
  return readManifest()[name] ?? { missing: "the set-up has not run (npm test runs it)" };
}

/** A component's folder of executables, or its executable; throws when it is missing. */
export function componentPath(name: ComponentName): string {
  const found = component(name);
  if ("path" in found) return found.path;
  throw new Error(`${name} is missing: ${found.missing}`);
}

/** bun's `describe` and `test` for tests that need certain components. */
export interface Gate {
  readonly available: boolean;
  readonly describe: (title: string, body: () => void) => void;
  readonly test: (title: string, body: () => void | Promise<unknown>, timeoutMs?: number) => void;
}

/**
 * The gate of tests that need real components: `const { describe, test } = needs("mysql", "rclone-current")`.
 * Where one is missing they are reported by name as skipped, with the reason; where CI is set they fail, since a
 * skip there would go unseen.
 */
export function needs(...names: readonly ComponentName[]): Gate {
  const missing = names.flatMap((name) => {
    const found = component(name);
    return "missing" in found ? [`${name}: ${found.missing}`] : [];
  });
  if (missing.length === 0) return { available: true, describe: bunDescribe, test: bunTest };
  const reason = ` [missing ${missing.join("; ")}]`;
  if (process.env["CI"] === "true") {
    const fail = (title: string): void =>
      bunTest(title + reason, () => {
        throw new Error(`not run:${reason}`);
      });
    return { available: false, describe: fail, test: fail };
  }
  return {
    available: false,
    describe: (title, body) => bunDescribe.skipIf(true)(title + reason, body),
    test: (title, body) => bunTest.skipIf(true)(title + reason, body),
  };
}
