/**
 * Builds the executables and runs every test: `bun scripts/test.ts [path or pattern…]`, by default the units, and
 * then the two other folders side by side: much of their time is waiting for limits to be over. Ends with one line of counts, read from bun's own reports; fails when a test failed, when none ran, and
 * with `CI=true` also when one was skipped.
 */
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const root = join(import.meta.dirname, "..");
const reports = mkdtempSync(join(tmpdir(), "dbstash-reports-"));
try {
  process.exitCode = await main(process.argv.slice(2));
} finally {
  rmSync(reports, { recursive: true });
}

async function main(patterns: readonly string[]): Promise<number> {
  const built = await bun(["scripts/build.ts"]);
  if (built !== 0) return built;
  const counts = patterns.length > 0 ? [await runSuite(patterns, "own")] : await runFolders();
  const [passed, failed, skipped] = (["passed", "failed", "skipped"] as const).map((key) =>
    sum(counts.map((one) => one[key])),
  );
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  if (passed === 0) console.error("error: no test passed");
  const isUnseenSkip = process.env["CI"] === "true" && skipped !== 0;
  if (isUnseenSkip) console.error("error: with CI=true a skipped test is a failure");
  return passed === 0 || failed !== 0 || isUnseenSkip ? 1 : 0;
}

async function runFolders(): Promise<Counts[]> {
  const run = (name: string, output?: string) => runSuite([`./tests/${name}/`], name, output);
  const units = hasTests("unit") ? [await run("unit")] : [];
  const [first, ...later] = ["integration", "e2e"].filter(hasTests);
  // What runs beside the first is shown when both are over.
  const outputs = later.map((name) => ({ name, file: join(reports, `${name}.log`) }));
  const others = await Promise.all([
    ...(first === undefined ? [] : [run(first)]),
    ...outputs.map(({ name, file }) => run(name, file)),
  ]);
  for (const { file } of outputs) process.stderr.write(readFileSync(file));
  return [...units, ...others];
}

/** The tests of servers and executables wait for conditions with deadlines of their own; bun's is only the last resort. */
async function runSuite(suite: readonly string[], name: string, output?: string): Promise<Counts> {
  const report = join(reports, `${name}.xml`);
  const flags = ["--timeout=120000", "--reporter=junit", `--reporter-outfile=${report}`];
  const exitCode = await bun(["test", ...flags, ...suite], output);
  const counts = existsSync(report)
    ? parseReport(readFileSync(report, "utf8"))
    : { passed: 0, failed: 0, skipped: 0 };
  // A file that can't be loaded, or an error outside of every test, is in no report.
  return exitCode !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

/** The totals of a JUnit report: `<testsuites name="bun test" tests="3" failures="0" skipped="1" …>`. */
function parseReport(xml: string): Counts {
  const totals = /<testsuites [^>]*>/.exec(xml)?.[0] ?? "";
  const count = (name: string): number => Number(new RegExp(` ${name}="(\\d+)"`).exec(totals)?.[1] ?? 0);
  const [tests, failed, skipped] = [count("tests"), count("failures"), count("skipped")];
  return { passed: tests - failed - skipped, failed, skipped };
}

/** @param output a file that takes what it prints; ours when left out */
async function bun(argv: readonly string[], output?: string): Promise<number> {
  const out = output === undefined ? "inherit" : openSync(output, "w");
  try {
    return await Bun.spawn([process.execPath, ...argv], { cwd: root, stdio: ["ignore", out, out] }).exited;
  } finally {
    if (typeof out === "number") closeSync(out);
  }
}

function hasTests(name: string): boolean {
  const folder = join(root, "tests", name);
  return (
    existsSync(folder) &&
    readdirSync(folder, { recursive: true }).some((file) => String(file).endsWith(".test.ts"))
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
