import { quoted } from "../config/quoted.ts";
import type { Problem } from "../errors.ts";
import { costOf, reasonOf, ruleOf } from "./rclone-flags.ts";
import { allTargets, type Setting, type Target } from "./targets.ts";

/** What is wrong with, or worth saying about, the remotes that a place leads to. */
export interface TargetFaults {
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

/** Backends that take `.` and `..` in a path for this folder and the one above. */
const withDots = /^(local|sftp)$/;

/** Keys that have rules of their own here: what a remote wraps belongs there, and its names are the same in every call. */
const free = /^(type|remote|remotes|upstreams|encoding)$|\./;

/** Looks at each remote on the way: at its folder, its path and what its keys ask of rclone. Quotes no setting's value. */
export function targetFaults(target: Target): TargetFaults {
  const problems: Problem[] = [];
  const warnings: string[] = [];
  for (const one of allTargets(target)) {
    // The place itself has been looked at, with the names of remotes at hand.
    const folder = one === target && !one.isRemote ? null : folderProblem(one);
    problems.push(...(folder === null ? [] : [folder]), ...dotProblems(one));
    for (const setting of one.settings) {
      const { key, value } = setting;
      if (free.test(key) || value === "") continue;
      const flag = `${one.backend ?? "remote"}-${key.toLowerCase().replaceAll("_", "-")}`;
      const rule = ruleOf(flag, value);
      if (rule !== null && !rule.off.test(value))
        problems.push({ message: saying(setting), hint: `${undoing(setting)}: ${reasonOf(rule)}` });
      const cost = costOf(flag, value);
      if (cost !== null) warnings.push(`${saying(setting)}: ${cost}`);
    }
  }
  return { problems: unique(problems), warnings: [...new Set(warnings)] };
}

function saying({ key, by, isVariable }: Setting): string {
  return isVariable ? `${by} is set` : `${by} sets ${key}`;
}

function undoing({ by, isVariable }: Setting): string {
  return isVariable ? `unset ${by}` : "leave it out";
}

/** A folder of this machine that begins with neither `/` nor `./` is another one from each working folder. */
function folderProblem({ by, text, isRemote, path, backend }: Target): Problem | null {
  if (backend !== "local" || /^\.?\//.test(path)) return null;
  // Not a local path: rclone says that this is no remote's name.
  if (!isRemote && /^[^/]*:/.test(text)) return null;
  // What is left of a text that was cut at the wrong place may hold anything.
  const isPlain = /^[\w./ @+~${}-]*$/.test(path);
  const written = isPlain ? `/${path} or ./${path}` : "a folder with / or ./ before it";
  if (/^[~$]/.test(path))
    return {
      message: `${by} begins its folder with ${path[0]}, which no shell replaces here`,
      hint: "write the folder's whole path",
    };
  const what = isRemote ? "leads to" : "has no colon, so it would be";
  const folder = path === "" ? "the working folder" : "a local folder below the working folder";
  return {
    message: `${by} ${what} ${isPlain && path !== "" ? `the local folder ${quoted(path)} below the working folder` : folder}`,
    hint: isRemote
      ? `write ${path === "" ? "the folder's whole path behind the colon" : written}`
      : `write ${written} for a local folder; a remote is written with a colon, NAME:path`,
  };
}

function dotProblems({ by, isRemote, path, backend }: Target): Problem[] {
  if (!isRemote || withDots.test(backend ?? "") || !path.split("/").some((part) => /^\.\.?$/.test(part)))
    return [];
  return [
    {
      message: `${by} has a folder . or .. in a remote's path, where it may be a name like any other`,
      hint: "write the path without it",
    },
  ];
}

function unique(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((problem) => [problem.message, problem])).values()];
}
