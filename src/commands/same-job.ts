import type { Reading } from "../config/config.ts";
import { type AnyRow, flagOf, named, type OptionName, options, type Settings } from "../config/options.ts";
import { parseUri } from "../engine/connection.ts";
import type { Engine } from "../engine/engine.ts";
import { DbstashError, type Problem } from "../errors.ts";

type Variables = Readonly<Record<string, string | undefined>>;

/** What is compared. */
export interface TwoSources {
  readonly engine: Pick<Engine, "schemes" | "needsDatabase">;
  readonly flags: ReadonlyMap<string, string>;
  readonly env: Variables;
  readonly envFile: Variables;
  /** Reads the settings that a source has by itself. */
  readonly read: (env: Variables) => Pick<Reading, "settings" | "shown">;
}

/**
 * What the environment sets to another job than the one that an env file describes: place, database or template. What
 * is removed for good must not be another job's because of a variable that a shell still had. What the file leaves out
 * may come from the environment, and a flag is meant.
 */
export function otherJobProblems({ engine, flags, env, envFile, read }: TwoSources): Problem[] {
  const [outside, inside] = [read(env), read(envFile)];
  const telling = tellingOptions(engine);
  const settings = telling.flatMap(([option, tell]): Problem[] => {
    const { variable, alias = variable }: AnyRow = options[option];
    const isFlag = [variable, alias, `${variable}_FILE`].some((name) => flags.has(flagOf(name).slice(2)));
    const isGiven = outside.shown.some((each) => each.variable === variable && each.from !== "default");
    if (isFlag || !isGiven) return [];
    const [there, here] = [tell(outside.settings), tell(inside.settings)];
    return there === null || here === null || there === here ? [] : [problemOf(named(option))];
  });
  const remotes = Object.keys(envFile).filter(
    (name) => /^RCLONE_CONFIG_(?!FILE$)/.test(name) && env[name] !== undefined && env[name] !== envFile[name],
  );
  return [...settings, ...remotes.map(problemOf)];
}

function problemOf(name: string): Problem {
  return {
    message: `${name} says something else in the environment than in the file of --env-file`,
    hint: "prune removes for good: unset the variable, or give the setting as a flag",
  };
}

type Tell = (settings: Settings) => string | null;

/** Settings that tell whose backups are meant, and what each says of it; null for nothing. */
function tellingOptions({ schemes, needsDatabase }: TwoSources["engine"]): [OptionName, Tell][] {
  const ofUri: Tell = ({ dbUri }) =>
    dbUri === null ? null : targetOf(dbUri.reveal(), schemes, needsDatabase);
  const all: [OptionName, Tell][] = [
    ["rcloneRemote", ({ rcloneRemote }) => rcloneRemote],
    ["rcloneExtraRemotes", ({ rcloneExtraRemotes }) => rcloneExtraRemotes?.join("\n") ?? null],
    ["rcloneConfig", ({ rcloneConfig }) => rcloneConfig?.reveal() ?? null],
    ["rcloneConfigFile", ({ rcloneConfigFile }) => rcloneConfigFile],
    ["backupNameTemplate", ({ backupNameTemplate }) => backupNameTemplate.text],
    ["backupAllDatabases", ({ backupAllDatabases }) => String(backupAllDatabases)],
    ["backupDatabases", ({ backupDatabases }) => backupDatabases?.text ?? null],
    ["dbName", ({ dbName }) => dbName],
    ["dbUri", ofUri],
  ];
  // Where databases have no names the host stands for them.
  return needsDatabase ? all : [...all, ["dbHost", ({ dbHost }) => dbHost]];
}

/** What a URI says of whose backups are meant; all of it where it can't be read. */
function targetOf(uri: string, schemes: readonly string[], needsDatabase: boolean): string | null {
  try {
    const { database, hosts } = parseUri(uri, schemes);
    return needsDatabase ? database : hosts.map(({ host }) => host).join(",");
  } catch (error) {
    if (!(error instanceof DbstashError)) throw error;
    return uri;
  }
}
