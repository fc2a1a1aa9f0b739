import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { run, systemPath, waitFor } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";

const root = join(import.meta.dirname, "../..");

for (const [what, lock, argv] of [
  ["the shell's part of a set-up", "bootstrap.lock", ["sh", join(root, "scripts/bootstrap.sh"), "check"]],
  ["the main part of a set-up", "setup.lock", [process.execPath, join(root, "scripts/setup.ts"), "demo"]],
] as const)
  test(`${what} says so when it waits for another one's lock`, async () => {
    using cache = tempFolder("cache");
    const said = cache.file("said");
    // Whoever holds it goes on for as long as the test wants.
    await using holder = Bun.spawn(["flock", cache.file(lock), "sh", "-c", "echo held; exec sleep 600"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await holder.stdout.getReader().read();
    await using waiting = Bun.spawn(["setpriv", "--pdeathsig", "KILL", "--", ...argv], {
      stdio: ["ignore", Bun.file(said), "inherit"],
      env: { PATH: systemPath, HOME: cache.path, DBSTASH_CACHE: cache.path },
    });
    await waitFor("the words", () =>
      readFileSync(said, "utf8").includes(
        `[setup] another set-up is on in ${cache.path}; waiting for its end\n`,
      ),
    );
    expect(waiting.exitCode).toBeNull();
    // What waits for the lock is a child of the waiting one.
    await run(["pkill", "-KILL", "-P", String(waiting.pid)]);
    waiting.kill("SIGKILL");
    await run(["pkill", "-KILL", "-P", String(holder.pid)]);
    await holder.exited;
  });
