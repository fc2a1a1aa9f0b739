import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder, isMadeFrom, once } from "./cache.ts";
import { command, tryCommand } from "./command.ts";
import { debianArchive, extract } from "./debian.ts";
import type { Component, Manifest } from "./manifest.ts";

/** Debian 13's: its command-line programs run on Debian 12 too; the engine itself gets a root folder of its own. */
const suite = "trixie";
const packages = [
  "docker.io",
  "docker-cli",
  "docker-buildx",
  "docker-compose",
  // What the engine is started and ended with, and the links that its root begins with.
  "base-files",
  "coreutils",
  "dash",
  "findutils",
  "mount",
  "sed",
];

/** The root folder of the Docker engine: whole, so that the engine can be started with it as its own root. */
export function engineRoot(): string {
  return join(cacheFolder(), "docker");
}

/** Whether the engine's root folder is there, made from the packages listed today. */
export function isEngineUnpacked(): boolean {
  return isMadeFrom(engineRoot(), inputs);
}

const inputs = [suite, ...packages];

/** Unpacks the engine and its command-line programs unless they are there; starts nothing. */
export async function provideEngine(): Promise<Manifest> {
  try {
    await once(engineRoot(), inputs, async (fresh) => {
      await extract(await debianArchive(suite), packages, fresh);
      mkdirSync(join(fresh, "client"));
      const plugins = { cliPluginsExtraDirs: [join(engineRoot(), pluginFolder)] };
      writeFileSync(join(fresh, "client/config.json"), JSON.stringify(plugins));
    });
  } catch (error) {
    const missing = `${packages.join(", ")} could not be unpacked: ${(error as Error).message}`;
    return { docker: { missing }, "docker-compose": { missing } };
  }
  const obstacle = await whyNoContainers();
  return {
    docker: obstacle === undefined ? await located("usr/bin/docker", "--version") : { missing: obstacle },
    "docker-compose": await located(join(pluginFolder, "docker-compose"), "version"),
  };
}

const pluginFolder = "usr/libexec/docker/cli-plugins";

/** The reason for which this machine can't start a container; undefined where nothing speaks against it. */
async function whyNoContainers(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return "the engine needs root";
  try {
    await command(["unshare", "--mount", "--pid", "--fork", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]);
    return undefined;
  } catch (error) {
    return `the engine needs namespaces of its own: ${(error as Error).message}`;
  }
}

async function located(path: string, versionFlag: string): Promise<Component> {
  const executable = join(engineRoot(), path);
  const version = /\b(\d+\.\d+\.\d+)/.exec((await tryCommand([executable, versionFlag])) ?? "")?.[1];
  return version === undefined ? { missing: `${executable} does not run` } : { path: executable, version };
}
