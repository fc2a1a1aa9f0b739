import type { Settings } from "../config/options.ts";
import { named } from "../config/options.ts";
import { capture } from "../process/capture.ts";
import { succeeded } from "../process/exit.ts";
import { findTool } from "../process/spawn.ts";
import type { Workshop } from "../process/workshop.ts";
import { bad, type CheckLine, untried, well } from "./line.ts";
import { hookWarnings } from "./start.ts";

const limits = { graceMs: 1_000, limitMs: 10_000 };

const hooks = [
  { option: "hookPreBackup", ending: "failed" },
  { option: "hookPostBackup", ending: "incomplete" },
] as const;

/** Looks at the syntax of the hooks, and for their first words on PATH; runs none. */
export async function lookAtHooks(
  settings: Settings,
  env: Readonly<Record<string, string>>,
  workshop: Workshop,
  signal: AbortSignal,
): Promise<CheckLine[]> {
  const lines: CheckLine[] = [];
  for (const { option, ending } of hooks) {
    const command = settings[option];
    if (command === null) continue;
    const { exit, messages } = await capture(
      { file: findTool(["sh"], workshop.env["PATH"]), args: ["-n", "-c", command], env, ...limits },
      workshop.guard,
      signal,
    );
    const words = messages.lines.at(-1) ?? "";
    const alone = { hookPreBackup: null, hookPostBackup: null, [option]: command };
    const [missing] = hookWarnings({ ...settings, ...alone }, env["PATH"]);
    if (!succeeded(exit))
      lines.push(
        bad(
          "hooks",
          {
            message: `${named(option)} has a syntax error${words === "" ? "" : `: ${words}`}`,
            ...(words === "" ? {} : { words }),
            hint: "it is run by sh -c: try it with sh -n -c '…'",
          },
          ending,
        ),
      );
    else if (missing === undefined)
      lines.push(well("hooks", `${named(option)}: its syntax is right; it was not run`));
    // What stands behind the first command may make up for it.
    else if (/[;&|\n]/.test(command.trim())) lines.push(untried("hooks", missing));
    else lines.push(bad("hooks", { message: missing }, ending));
  }
  return lines;
}
