import { existsSync } from "node:fs";

/** The library behind coreutils' `stdbuf`, where Debian and Fedora have it, and where Arch does. */
const libraries = ["/usr/libexec/coreutils/libstdbuf.so", "/usr/lib/coreutils/libstdbuf.so"];

const bufferBytes = 65_536;

/**
 * Variables by which a tool's C library collects its output before it writes it. Into a pipe it writes 4 KiB at a time,
 * which costs pg_dump and rclone together a fifth of their CPU. A tool that can't use the library, or has no C library,
 * goes on without it (ld.so(8), "LD_PRELOAD").
 * @param env the tool's environment; what it says of this stays
 */
export function largeWrites(env: Readonly<Record<string, string>>): Record<string, string> {
  const library = libraries.find((path) => existsSync(path));
  if (library === undefined || env["_STDBUF_O"] !== undefined) return {};
  const others = env["LD_PRELOAD"] ? `${env["LD_PRELOAD"]}:` : "";
  return { LD_PRELOAD: others + library, _STDBUF_O: String(bufferBytes) };
}
