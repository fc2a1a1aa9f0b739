/**
 * Makes the machine ready for the demo, the tests, or a look at the page: `bun scripts/setup.ts demo|test|page`.
 *
 * Every part is downloaded or built once, into the cache folder; nothing is installed into the system, no service
 * is started. A part that can't be had is noted with its reason (`components.json` in the cache folder), and only the
 * tests that need it are affected.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder, serversFolder } from "./setup/cache.ts";
import { isEngineUnpacked, provideEngine } from "./setup/docker.ts";
import { areStandInsBuilt, provideStandIns } from "./setup/docker-images.ts";
import { goBuilds, isBuilt, provideGoBuild } from "./setup/golang.ts";
import { type Component, type Manifest, updateManifest } from "./setup/manifest.ts";
import { ownDemoTools, settleRclones } from "./setup/own.ts";
import { isPlatformThere, platforms, providePlatform } from "./setup/platforms.ts";
import { areRuntimesFetched, provideRuntimes } from "./setup/runtimes.ts";
import { browserRoot, distroBase, isUnpacked, otherRoots, provideRoot, type Root } from "./setup/servers.ts";

/** One part of the set-up. */
interface Step {
  readonly what: string;
  readonly seconds: number;
  readonly isDone: () => boolean;
  readonly run: () => Promise<Manifest>;
}

const profiles = {
  demo: demoSteps,
  test: testSteps,
  page: (): Step[] => [rootStep(distroBase), rootStep(browserRoot)],
};

async function main(profile: string | undefined): Promise<number> {
  if (profile !== "demo" && profile !== "test" && profile !== "page") {
    console.error("usage: bun scripts/setup.ts demo|test|page");
    return 2;
  }
  if (process.env["DBSTASH_SETUP_LOCKED"] !== "1") return lockedSelf(profile);
  const steps = profiles[profile]();
  const ahead = steps.filter((step) => !step.isDone());
  if (ahead.length > 0) announce(ahead);
  const found: Record<string, Component> = {};
  for (const step of steps) {
    const isNew = ahead.includes(step);
    const startedMs = Date.now();
    if (isNew) process.stdout.write(`[setup] ${step.what} … `);
    const components = await step.run();
    Object.assign(found, components);
    updateManifest(components);
    if (isNew) console.log(`${((Date.now() - startedMs) / 1000).toFixed(0)} s`);
  }
  for (const [name, component] of Object.entries(found))
    if ("missing" in component) console.log(`[setup] missing: ${name}: ${component.missing}`);
  return 0;
}

/** Two set-ups at once would take each other's half-made folders for leftovers: the second waits for the first. */
async function lockedSelf(profile: string): Promise<number> {
  mkdirSync(cacheFolder(), { recursive: true });
  const lock = join(cacheFolder(), "setup.lock");
  if (!(await isFree(lock)))
    console.log(`[setup] another set-up is on in ${cacheFolder()}; waiting for its end`);
  const argv = ["flock", lock, process.execPath, import.meta.path, profile];
  const env = { ...process.env, DBSTASH_SETUP_LOCKED: "1" };
  return Bun.spawn(argv, { stdio: ["inherit", "inherit", "inherit"], env }).exited;
}

async function isFree(lock: string): Promise<boolean> {
  return (await Bun.spawn(["flock", "--nonblock", lock, "true"]).exited) === 0;
}

function announce(ahead: readonly Step[]): void {
  const seconds = ahead.reduce((sum, step) => sum + step.seconds, 0);
  console.log(`[setup] into ${cacheFolder()} and ${serversFolder()}; nothing is installed into the system:`);
  for (const step of ahead) console.log(`[setup]   ${step.what} (about ${step.seconds} s)`);
  console.log(`[setup] about ${Math.ceil(seconds / 60)} min in all, once`);
}

/** The machine's own PostgreSQL and rclone serve a demo too, where the packages can't be had. */
function demoSteps(): Step[] {
  return [{ ...rootStep(distroBase), run: async () => ownDemoTools(await provideRoot(distroBase)) }];
}

function testSteps(): Step[] {
  const builds = goBuilds.map((build) => ({
    what: `${Object.keys(build.programs).join(", ")} built with Go`,
    seconds: build.seconds,
    isDone: () => isBuilt(build),
    run: () => provideGoBuild(build),
  }));
  const docker = [
    {
      what: "a Docker engine unpacked from Debian 13",
      seconds: 20,
      isDone: isEngineUnpacked,
      run: provideEngine,
    },
    {
      what: "stand-ins for the base images, made of Debian packages",
      seconds: 70,
      isDone: areStandInsBuilt,
      run: provideStandIns,
    },
  ];
  const runtimes = {
    what: "Bun's runtimes for the platforms of a release",
    seconds: 20,
    isDone: areRuntimesFetched,
    run: provideRuntimes,
  };
  const others = platforms.map((platform) => ({
    what: platform.what,
    seconds: platform.seconds,
    isDone: () => isPlatformThere(platform),
    run: () => providePlatform(platform),
  }));
  const fallback = { what: "a current rclone", seconds: 0, isDone: () => true, run: settleRclones };
  return [
    ...builds.slice(0, 1),
    ...[distroBase, ...otherRoots].map(rootStep),
    ...builds.slice(1),
    ...docker,
    runtimes,
    ...others,
    fallback,
  ];
}

function rootStep(root: Root): Step {
  return {
    what: `${root.packages.filter((name) => name !== "patchelf").join(", ")} unpacked from ${root.source}`,
    seconds: root.seconds,
    isDone: () => isUnpacked(root),
    run: () => provideRoot(root),
  };
}

process.exitCode = await main(process.argv[2]);
