/**
 * Builds the executables and runs every test: `bun scripts/test.ts [path or pattern…]`, by default one folder after
 * the other. Ends with one line of counts, read from bun's own reports; fails when a test failed, when none ran, and
 * with `CI=true` also when one was skipped.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
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
  const suites =
    patterns.length > 0
      ? [patterns]
      : ["unit", "integration", "e2e"].filter(hasTests).map((name) => [`./tests/${name}/`]);
  const counts: Counts[] = [];
  for (const suite of suites) counts.push(await runSuite(suite, join(reports, `${counts.length}.xml`)));
  const [passed, failed, skipped] = (["passed", "failed", "skipped"] as const).map((key) =>
    sum(counts.map((one) => one[key])),
  );
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  if (passed === 0) console.error("error: no test passed");
  const isUnseenSkip = process.env["CI"] === "true" && skipped !== 0;
  if (isUnseenSkip) console.error("error: with CI=true a skipped test is a failure");
  return passed === 0 || failed !== 0 || isUnseenSkip ? 1 : 0;
}

/** The tests of servers and executables wait for conditions with deadlines of their own; bun's is only the last resort. */
async function runSuite(suite: readonly string[], report: string): Promise<Counts> {
  const flags = ["--timeout=120000", "--reporter=junit", `--reporter-outfile=${report}`];
  const exitCode = await bun(["test", ...flags, ...suite]);
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

function bun(argv: readonly string[]): Promise<number> {
  return Bun.spawn([process.execPath, ...argv], { cwd: root, stdio: ["ignore", "inherit", "inherit"] })
    .exited;
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
