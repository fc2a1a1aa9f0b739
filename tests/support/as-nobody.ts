import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { componentPath } from "./components.ts";
import { nobody, type TempFolder } from "./temp.ts";

/** A run of dbstash-pg that goes on as another user. */
export interface NobodysRun {
  readonly pid: number;
  readonly kill: (signal: "SIGTERM" | "SIGKILL") => void;
  readonly exited: Promise<NobodysResult>;
}

export interface NobodysResult {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly lastLine: string | undefined;
  readonly stderr: string;
}

const dist = process.env["DBSTASH_DIST"] ?? join(import.meta.dirname, "../../dist");

/**
 * Starts a run of another user than root, which only root can. Its tools can become root by `as-root`, and find
 * the real rclone as `real-rclone`; it works in the folder and stores below `out` in it.
 * @param scripts bodies of `#!/bin/sh` scripts that stand in for tools
 * @param prefix what the command line begins with, such as `nice`
 */
export function startAsNobody(
  folder: TempFolder,
  scripts: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = {},
  prefix: readonly string[] = [],
): NobodysRun {
  const bin = folder.file("bin");
  for (const name of ["bin", "tmp", "out"]) mkdirSync(folder.file(name));
  for (const name of ["", "tmp", "out"]) chmodSync(folder.file(name), 0o777);
  copyFileSync(join(dist, "dbstash-pg"), join(bin, "dbstash-pg"));
  copyFileSync(componentPath("rclone-current"), join(bin, "real-rclone"));
  copyFileSync(Bun.which("setpriv") ?? "", join(bin, "setuid-setpriv"));
  const asRoot = 'exec setuid-setpriv --reuid 0 --regid 0 --clear-groups "$@"';
  const all = { "as-root": asRoot, rclone: 'exec real-rclone "$@"', pg_dump: "echo data", ...scripts };
  for (const [name, body] of Object.entries(all)) writeFileSync(join(bin, name), `#!/bin/sh\n${body}\n`);
  for (const name of readdirSync(bin)) chmodSync(join(bin, name), 0o755);
  chmodSync(join(bin, "setuid-setpriv"), 0o4755);
  const { uid, gid } = nobody;
  const user = ["setpriv", "--reuid", String(uid), "--regid", String(gid), "--clear-groups", "--"];
  const running = Bun.spawn([...user, ...prefix, join(bin, "dbstash-pg")], {
    cwd: folder.path,
    stdio: ["ignore", Bun.file(folder.file("stdout")), Bun.file(folder.file("stderr"))],
    env: {
      PATH: `${bin}:/usr/bin:/bin`,
      TMPDIR: folder.file("tmp"),
      BACKUP_SCHEDULE: "once",
      DB_HOST: "127.0.0.1",
      DB_NAME: "app",
      RCLONE_REMOTE: folder.file("out"),
      DUMP_EXTRA_ARGS: "--no-comments",
      ...env,
    },
  });
  return {
    pid: running.pid,
    kill: (signal) => running.kill(signal),
    exited: running.exited.then(() => ({
      exitCode: running.exitCode,
      lastLine: readFileSync(folder.file("stdout"), "utf8").trim().split("\n").at(-1),
      stderr: readFileSync(folder.file("stderr"), "utf8"),
    })),
  };
}
