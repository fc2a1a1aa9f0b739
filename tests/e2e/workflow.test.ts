import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { componentPath, needs } from "../support/components.ts";
import { run } from "../support/run.ts";

const { test } = needs("actionlint");

const workflow = readFileSync(join(import.meta.dirname, "../../.github/workflows/build.yml"), "utf8");

/** What actionlint says of a workflow, without the tools of this machine that it would call where it finds them. */
function lint(text: string) {
  const argv = [componentPath("actionlint"), "-no-color", "-shellcheck=", "-pyflakes=", "-"];
  return run(argv, { stdin: text });
}

test("actionlint has nothing to say of the workflow", async () => {
  expect(await lint(workflow)).toMatchObject({ exitCode: 0, stdout: "" });
});

test("actionlint would see an output that no step has", async () => {
  const { exitCode, stdout } = await lint(
    workflow.replace("steps.build.outputs.digest", "steps.bild.outputs.digest"),
  );
  expect(exitCode).toBe(1);
  expect(stdout).toContain("bild");
});
