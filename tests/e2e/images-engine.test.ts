import { expect } from "bun:test";
import { globSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { needs } from "../support/components.ts";
import { startDocker } from "../support/docker.ts";
import { descendants, listProcs } from "../support/procs.ts";
import { waitFor } from "../support/run.ts";

const { test } = needs("docker");

const own = String(process.pid);

/** What an engine could change on the machine. */
function traces() {
  return {
    processes: descendants(process.pid).map(({ argv }) => argv.join(" ")),
    // The tests of the other suite mount and unmount beside these.
    mounts: readFileSync("/proc/self/mounts", "utf8")
      .split("\n")
      .filter((line) => (/\/dbstash-test-(\d+)-/.exec(line)?.[1] ?? own) === own),
    interfaces: readdirSync("/sys/class/net"),
    forwarding: readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8"),
    groups: globSync("/sys/fs/cgroup/**/dbstash-tests"),
    folders: readdirSync(tmpdir()).filter((name) => name.startsWith(`dbstash-test-${process.pid}-`)),
  };
}

/** Starts a container that would run for ten minutes, with a word in its command line to know it by. */
const sleeper = (word: string): string[] => {
  const line = `sleep 600; : ${word}`;
  return ["run", "--detach", "--network=host", "debian:trixie-slim", "sh", "-c", line];
};
const isRunning = (word: string): boolean =>
  listProcs().some(({ argv: [program, , line = ""] }) => program === "sh" && line.includes(word));

test("the tests' Docker engine leaves nothing on the machine, not even what was running in it", async () => {
  const before = traces();
  const docker = await startDocker();
  const word = crypto.randomUUID();
  await docker.ok(sleeper(word));
  expect(isRunning(word)).toBe(true);
  await docker.stop();
  expect(isRunning(word)).toBe(false);
  expect(traces()).toEqual(before);
});

test("engine and containers end with the test process, even when that is killed", async () => {
  const word = crypto.randomUUID();
  const program = `
    import { startDocker } from ${JSON.stringify(join(import.meta.dirname, "../support/docker.ts"))};
    const docker = await startDocker();
    await docker.ok(${JSON.stringify(sleeper(word))});
    await new Promise(() => {});
  `;
  const tester = Bun.spawn([process.execPath, "-e", program], { stdio: ["ignore", "ignore", "inherit"] });
  await waitFor("the container", () => isRunning(word) || tester.exitCode !== null, 60_000);
  expect(isRunning(word)).toBe(true);
  tester.kill("SIGKILL");
  await waitFor("the container's end", () => !isRunning(word));
  // What it left in the engine's storage goes with the next engine's end.
  const docker = await startDocker();
  expect(await docker.ok(["ps", "--all", "--quiet"])).not.toBe("");
  await docker.stop();
});
