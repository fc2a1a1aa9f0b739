import { expect } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../support/components.ts";
import { localPlace, startFaultRun, tools } from "./places.ts";

const { test } = needs("rclone-current", "zstd");

for (const [title, given, expected] of [
  ["gets coreutils' buffers where they are installed", {}, "65536 LIBRARY"],
  ["keeps what is loaded into it", { LD_PRELOAD: "libc.so.6" }, "65536 libc.so.6:LIBRARY"],
  ["keeps the buffers that it was given", { _STDBUF_O: "0" }, "0 "],
] as const)
  test(`a dump tool ${title}`, async () => {
    const paths = ["/usr/libexec/coreutils/libstdbuf.so", "/usr/lib/coreutils/libstdbuf.so"];
    const library = paths.find((path) => existsSync(path));
    using place = localPlace();
    using fakes = tools({ pg_dump: 'echo "$_STDBUF_O $LD_PRELOAD" >"$FAKE_DIR/seen"; echo data' });
    const result = await startFaultRun({ place, tools: fakes, env: given }).exited;
    expect(result.exitCode).toBe(0);
    const without = `${"_STDBUF_O" in given ? given._STDBUF_O : ""} ${"LD_PRELOAD" in given ? given.LD_PRELOAD : ""}`;
    expect(readFileSync(join(fakes.dir, "seen"), "utf8")).toBe(
      `${library === undefined ? without : expected.replace("LIBRARY", library)}\n`,
    );
  });
