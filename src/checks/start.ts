import { accessSync, constants, existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { SettingProblem } from "../config/config.ts";
import { flagOf, named, type OptionName, optionRows, type Settings } from "../config/options.ts";
import { holdsUrlPassword } from "../config/secret.ts";
import type { Problem } from "../errors.ts";
import type { EngineName } from "../kinds.ts";
import { pingMistake } from "../notify/ping-services.ts";
import { webhookMistake } from "../notify/platforms.ts";
import type { Remote } from "../remote/remote.ts";
import { isLostWithContainer } from "./container.ts";

/** What is wrong with the addresses that are told of runs: secrets, which are never quoted. */
export function webhookProblems({ notifyWebhookUrl, pingUrl }: Settings): SettingProblem[] {
  const urls = notifyWebhookUrl ?? [];
  const ofWebhooks = urls.flatMap((url, at) => {
    const mistake = webhookMistake(url.reveal());
    if (mistake === null) return [];
    return urls.length === 1
      ? mistake
      : { ...mistake, message: `URL ${at + 1} of ${urls.length} ${mistake.message}` };
  });
  const ofPing = pingUrl === null ? null : pingMistake(pingUrl.reveal());
  return [
    ...problemOf("notifyWebhookUrl", ofWebhooks),
    ...problemOf("pingUrl", ofPing === null ? [] : [{ message: ofPing }]),
  ];
}

function problemOf(option: OptionName, mistakes: readonly Problem[]): SettingProblem[] {
  if (mistakes.length === 0) return [];
  const said = mistakes.map(({ message }) => message).join("; ");
  const hint = mistakes.find((mistake) => mistake.hint !== undefined)?.hint;
  return [{ option, message: `${named(option)} ${said}`, ...(hint === undefined ? {} : { hint }) }];
}

/**
 * A warning for each secret that was given as a flag: whoever is on the machine can read it there (proc(5), cmdline).
 * @param flags settings given as flags, without their dashes
 */
export function flagWarnings(engine: EngineName, flags: ReadonlyMap<string, string>): string[] {
  return optionRows(engine).flatMap(([option, { variable, secret }]) => {
    const value = secret === true ? flags.get(flagOf(variable).slice(2)) : undefined;
    if (value === undefined || (option === "dbUri" && !holdsUrlPassword(value))) return [];
    return [
      `${flagOf(variable)} shows a secret to everyone on this machine: use ${variable} or ${variable}_FILE`,
    ];
  });
}

/** A warning for each hook whose first word is no command here: better at the start than in the night. */
export function hookWarnings(settings: Settings, path: string | undefined): string[] {
  return (["hookPreBackup", "hookPostBackup"] as const).flatMap((option) => {
    const word = firstWord(settings[option] ?? "");
    if (word === null || shellWords.has(word)) return [];
    const problem = word.includes("/") ? fileProblem(word) : pathProblem(word, path);
    return problem === null ? [] : [`${named(option)}: ${word} ${problem}`];
  });
}

/** A warning where backups go into a folder that is lost with the container. */
export function folderWarnings({ isLocal, path }: Pick<Remote, "isLocal" | "path">): string[] {
  if (!isLocal) return [];
  const folder = realFolder(resolve(path));
  const signs = {
    hasMarker: existsSync("/.dockerenv") || existsSync("/run/.containerenv"),
    cgroup: textOf("/proc/self/cgroup"),
    mountinfo: textOf("/proc/self/mountinfo"),
  };
  if (!isLostWithContainer(signs, folder)) return [];
  return [`${named("rcloneRemote")}: ${path} is no volume of this container: its backups are lost with it`];
}

/** Where a folder really lies, or would: its first part that exists, without symbolic links. */
function realFolder(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return folder === "/" ? folder : join(realFolder(dirname(folder)), basename(folder));
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/**
 * The command a shell would look up first, after assignments (`A=b cmd`).
 * Null where only a shell can tell: quotes, expansions, groups, functions, comments, or nothing but assignments.
 */
export function firstWord(command: string): string | null {
  const rest = command.replace(/^\s*([A-Za-z_]\w*=[\w@%+:.,/=-]*\s+)*/, "");
  const word = /^([\w@%+:.,/-]+)(?=$|[\s;&|<>])/.exec(rest)?.[1];
  // `2>file cmd` begins with a redirection.
  return word === undefined || /^\d+[<>]/.test(rest) ? null : word;
}

function fileProblem(file: string): string | null {
  try {
    if (statSync(file).isDirectory()) return "is a folder";
    accessSync(file, constants.X_OK);
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EACCES" ? "may not be run" : "does not exist";
  }
}

function pathProblem(word: string, path: string | undefined): string | null {
  return Bun.which(word, path === undefined ? {} : { PATH: path }) === null ? "was not found on PATH" : null;
}

/** POSIX's reserved words and built-in utilities (Shell Command Language 2.4, 2.14, 2.9.1.1), and dash's own. */
const shellWords = new Set(
  (
    "case do done elif else esac fi for if in then until while " +
    "break continue eval exec exit export readonly return set shift times trap unset . : " +
    "alias bg cd command fc fg getopts hash jobs kill newgrp pwd read true false type ulimit umask unalias wait " +
    "echo local printf test"
  ).split(" "),
);
