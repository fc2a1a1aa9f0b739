/**
 * Compiles the executables: `bun run build [engine…] [--target bun-linux-arm64] [--outdir dist] [--version 1.2.3]`.
 * Without an engine, all of them. The target is Bun's name for a platform; by default this machine's.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import manifest from "../package.json";
import { engineNames } from "../src/kinds.ts";

const root = join(import.meta.dirname, "..");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    target: { type: "string" },
    outdir: { type: "string", default: join(root, "dist") },
    version: { type: "string", default: manifest.version },
  },
});
process.exitCode = await build(
  positionals.length > 0 ? positionals : engineNames.filter((engine) => existsSync(entry(engine))),
);

async function build(wanted: readonly string[]): Promise<number> {
  const unknown = wanted.filter((engine) => !existsSync(entry(engine)));
  if (unknown.length > 0) {
    console.error(`error: no such engine: ${unknown.join(", ")}\nhint: one of ${engineNames.join(", ")}`);
    return 2;
  }
  mkdirSync(values.outdir, { recursive: true });
  for (const engine of wanted) {
    const exitCode = await compile(engine, resolve(values.outdir, `dbstash-${engine}`));
    if (exitCode !== 0) return exitCode;
  }
  return 0;
}

async function compile(engine: string, outfile: string): Promise<number> {
  const startedMs = Date.now();
  const flags = [
    "--compile",
    "--minify",
    // Start-up takes half the time.
    "--bytecode",
    "--format=esm",
    // Compiling what is hot to machine code costs 3 MB, and nothing here is.
    "--compile-jit-policy=100",
    "--define",
    `BUILD_VERSION=${JSON.stringify(values.version)}`,
  ];
  // A compiled program would otherwise read `.env` and run `bunfig.toml`'s preloads of the folder it is called in.
  flags.push("--no-compile-autoload-dotenv", "--no-compile-autoload-bunfig");
  if (values.target !== undefined) flags.push(`--target=${values.target}`);
  const argv = [process.execPath, "build", ...flags, "--outfile", outfile, entry(engine)];
  const child = Bun.spawn(argv, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  const [exitCode, said] = await Promise.all([child.exited, new Response(child.stdout).text()]);
  console.log(exitCode === 0 ? `${outfile} ${((Date.now() - startedMs) / 1000).toFixed(1)} s` : said);
  return exitCode;
}

function entry(engine: string): string {
  return join(root, "src/bin", `${engine}.ts`);
}
