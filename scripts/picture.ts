/**
 * The picture of README.md: `bun scripts/picture.ts`, after `npm run demo` or `npm test` has set up its parts once.
 * The real executable backs up a throwaway PostgreSQL with the demo's data, on a terminal of its own; what it prints
 * there is drawn as docs/terminal.svg. Only the folders of this machine's tools are shortened.
 */
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { startPostgres } from "../tests/support/postgres.ts";
import { systemPath } from "../tests/support/run.ts";
import { tempFolder } from "../tests/support/temp.ts";
import { buildExecutable, newestRclone, sampleData } from "./demo-parts.ts";
import { type Scene, terminalSvg } from "./terminal-svg.ts";

const columns = 108;
const picture = join(import.meta.dirname, "../docs/terminal.svg");

using folder = tempFolder("picture");
await buildExecutable(folder.path);
await using server = await startPostgres();
await server.createDatabase("shop");
await server.sql(sampleData, "shop");
const settings = {
  DB_URI: server.uri("shop"),
  RCLONE_REMOTE: "./backups",
  RETENTION_MAX_DAYS: "30",
  TZ: "Europe/Berlin",
};
const lines = Object.entries(settings).map(([name, value]) => `${name}='${value}'\n`);
writeFileSync(folder.file("shop.env"), lines.join(""), { mode: 0o600 });

const tools = [server.binDir, dirname(newestRclone())];
const scenes: Scene[] = [];
for (const word of ["check", "backup", "list", "verify"]) {
  const command = `dbstash-pg ${word} --env-file shop.env`;
  const output = tools.reduce((text, path) => text.replaceAll(path, "…"), await typed(command));
  console.log(`$ ${command}\n${output}`);
  scenes.push({ command, output });
}
writeFileSync(
  picture,
  terminalSvg(
    scenes,
    "A terminal: dbstash checks a job, backs it up, lists the backup and verifies it",
    columns,
  ),
);
console.log(`drawn: ${picture}`);

/** Runs a command on a terminal of its own, and answers with what that was told. */
async function typed(command: string): Promise<string> {
  // util-linux's `script` makes the terminal.
  const argv = ["script", "--quiet", "--return", "--command", command, "/dev/null"];
  const child = Bun.spawn(argv, {
    stdio: ["ignore", "pipe", "inherit"],
    cwd: folder.path,
    env: {
      PATH: [folder.path, ...tools, systemPath].join(":"),
      HOME: folder.path,
      TMPDIR: folder.path,
      LANG: "C.UTF-8",
    },
  });
  const output = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`${command} failed:\n${output}`);
  return output;
}
