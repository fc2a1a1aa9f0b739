import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder, isMadeFrom, once } from "./cache.ts";
import { command } from "./command.ts";
import type { Manifest } from "./manifest.ts";

/** The platforms of a release: Bun compiles for all of them with a runtime of each, which it fetches once. */
const targets = ["linux-x64", "linux-arm64", "linux-x64-musl", "linux-arm64-musl"];

/** The folder that a build is told to look for the runtimes in, by `BUN_INSTALL_CACHE_DIR`. */
const folder = (): string => join(cacheFolder(), `runtimes-${Bun.version}`);

/** Whether the runtimes are there. */
export function areRuntimesFetched(): boolean {
  return isMadeFrom(folder(), targets);
}

/** Lets Bun fetch the runtimes unless they are there. */
export async function provideRuntimes(): Promise<Manifest> {
  try {
    await once(folder(), targets, async (fresh) => {
      const [source, program] = [join(fresh, "empty.ts"), join(fresh, "empty")];
      writeFileSync(source, "");
      for (const target of targets)
        await command(
          [process.execPath, "build", "--compile", `--target=bun-${target}`, "--outfile", program, source],
          {
            cwd: fresh,
            env: { BUN_INSTALL_CACHE_DIR: fresh },
          },
        );
      for (const file of [source, program]) rmSync(file);
    });
  } catch (error) {
    return { runtimes: { missing: `could not be fetched by Bun: ${(error as Error).message}` } };
  }
  return { runtimes: { path: folder(), version: Bun.version } };
}
