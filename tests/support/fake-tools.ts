import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempFolder } from "./temp.ts";

/** A folder of stand-ins for tools, to be put first on a PATH. */
export interface FakeTools extends Disposable {
  readonly dir: string;
  /** The arguments of each call of a stand-in so far. */
  calls(tool: string): string[][];
  remove(): void;
}

/**
 * Makes the folder: a string is the body of a `#!/bin/sh` script, which finds the path of the folder in `$FAKE_DIR`;
 * `{ link }` is a real tool under that name.
 */
export function fakeTools(tools: Readonly<Record<string, string | { readonly link: string }>>): FakeTools {
  const folder = tempFolder("tools");
  const [dir, records] = [folder.file("bin"), folder.file("calls")];
  for (const made of [dir, records]) mkdirSync(made);
  for (const [name, tool] of Object.entries(tools)) {
    if (typeof tool === "string")
      writeFileSync(join(dir, name), script(dir, join(records, name), tool), { mode: 0o755 });
    else symlinkSync(tool.link, join(dir, name));
  }
  return {
    dir,
    calls: (tool) => {
      const file = join(records, tool);
      return existsSync(file) ? readFileSync(file, "utf8").split(endOfCall).slice(0, -1).map(words) : [];
    },
    remove: () => folder.remove(),
    [Symbol.dispose]: () => folder.remove(),
  };
}

const endOfCall = "\x1e";
const endOfWord = "\x1f";

/** Writes the call down in one write, so that calls at the same time don't mix; then does what the test wants. */
function script(dir: string, record: string, body: string): string {
  const note = `call=; [ $# -eq 0 ] || call=$(printf '%s\\037' "$@"); printf '%s\\036' "$call" >>'${record}'`;
  return `#!/bin/sh\nFAKE_DIR='${dir}'\n${note}\n${body}\n`;
}

function words(call: string): string[] {
  return call.split(endOfWord).slice(0, -1);
}
