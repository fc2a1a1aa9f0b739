/**
 * How much of `src` the tests run in their own process reach: `bun run coverage`. Unit tests, and the integration tests
 * that call `src` themselves. What runs in child processes (most of a run, the guard, rclone's steps) is not counted.
 * Fails where a pure file has less than 95 % of its lines covered.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pure } from "../tests/unit/pure.ts";

const leastPercent = 95;

/** Those of the integration tests; `npm test` has set up what they need. */
const integration = [
  "check-daemon",
  "daemon",
  "gate",
  "health",
  "lock",
  "notify",
  "rclone-features",
  "uncaught",
];

interface Coverage {
  readonly file: string;
  readonly lines: number;
  readonly uncovered: readonly number[];
}

const root = join(import.meta.dirname, "..");
process.exitCode = await main();

async function main(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "dbstash-coverage-"));
  try {
    const suites = ["./tests/unit/", ...integration.map((name) => `./tests/integration/${name}.test.ts`)];
    const flags = ["--coverage", "--coverage-reporter=lcov", `--coverage-dir=${folder}`, "--timeout=120000"];
    const argv = [process.execPath, "test", ...flags, ...suites];
    const child = Bun.spawn(argv, { cwd: root, stdio: ["ignore", "ignore", "pipe"] });
    const said = await new Response(child.stderr).text();
    const failed = said.split("\n").filter((line) => line.startsWith("(fail)"));
    if ((await child.exited) !== 0) console.error(failed.join("\n"));
    const files = parse(readFileSync(join(folder, "lcov.info"), "utf8"));
    return report(files) && failed.length === 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Of an lcov tracefile (geninfo(1)): `SF:` begins a file, `DA:LINE,COUNT` is one of its lines. */
function parse(lcov: string): Coverage[] {
  return lcov.split("end_of_record").flatMap((record) => {
    const file = /^SF:src\/(.*)$/m.exec(record)?.[1];
    const lines = [...record.matchAll(/^DA:(\d+),(\d+)/gm)];
    if (file === undefined || lines.length === 0) return [];
    return [
      {
        file,
        lines: lines.length,
        uncovered: lines.filter(([, , count]) => count === "0").map(([, line]) => Number(line)),
      },
    ];
  });
}

/** Prints what is not covered, and says whether it is little enough. */
function report(files: readonly Coverage[]): boolean {
  const percent = ({ lines, uncovered }: Coverage): number => (100 * (lines - uncovered.length)) / lines;
  const isPure = ({ file }: Coverage): boolean => pure.some((pattern) => pattern.test(file));
  for (const one of files
    .filter(({ uncovered }) => uncovered.length > 0)
    .toSorted((a, b) => percent(a) - percent(b)))
    console.log(
      `${percent(one).toFixed(1).padStart(5)} %  ${isPure(one) ? "pure" : "    "}  ${one.file}: ${ranges(one.uncovered)}`,
    );
  const wanting = files.filter((one) => isPure(one) && percent(one) < leastPercent);
  const [lines, open] = [sum(files.map((one) => one.lines)), sum(files.map((one) => one.uncovered.length))];
  console.log(
    `${((100 * (lines - open)) / lines).toFixed(1)} % of the lines of ${files.length} files; children not counted`,
  );
  for (const { file } of wanting) console.error(`error: ${file} is pure and has less than ${leastPercent} %`);
  return wanting.length === 0;
}

/** Line numbers as people write them: `3-5, 9`. */
function ranges(lines: readonly number[]): string {
  const starts = lines.filter((line, index) => lines[index - 1] !== line - 1);
  return starts
    .map((start) => {
      let end = start;
      while (lines.includes(end + 1)) end += 1;
      return start === end ? String(start) : `${start}-${end}`;
    })
    .join(", ");
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
