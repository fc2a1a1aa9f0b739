import { resolve } from "node:path";
import { named, type Settings } from "../config/options.ts";
import { isUrlWithUser, Secret } from "../config/secret.ts";
import type { Problem } from "../errors.ts";
import { chooseConfig, configOrigin, configText, type ConfigSource } from "../remote/config-source.ts";
import { completeConfig, targetOf } from "../remote/completed-config.ts";
import { type ExtraArgs, sortExtraArgs } from "../remote/extra-args.ts";
import { knownFeatures } from "../remote/features.ts";
import { configValue, isEncrypted } from "../remote/rclone-conf.ts";
import { checkRcloneEnvironment } from "../remote/rclone-environment.ts";
import type { RcloneSetup } from "../remote/rclone-runner.ts";
import { nowhere, parseRemote, type Remote } from "../remote/remote.ts";
import { mayBeSaved, type Target } from "../remote/targets.ts";
import { type Findings, isUnread, problemOf } from "./findings.ts";
import { localFolderProblem, remoteNames, severalPlacesProblem } from "./local-folder.ts";
import { parallelOf } from "./parallel.ts";
import { samePlaceProblems } from "./same-place.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** One place that a backup goes to, and how rclone reaches it. */
export interface Place extends RcloneSetup {
  /** A chunk size that is set by the user stays. */
  readonly chunkSizeIsSet: boolean;
  /** What tells it from other places, for locks. */
  readonly key: string;
}

/** dash, in which the guard holds a pipe for each, knows no descriptor above 9. */
const mostPlaces = 6;

/** Where backups go: `RCLONE_REMOTE`, and those of `RCLONE_EXTRA_REMOTES`. */
export function resolvePlaces(settings: Settings, env: Env, findings: Findings): [Place, ...Place[]] {
  const { rcloneRemote, rcloneExtraRemotes } = settings;
  const isShared = (rcloneExtraRemotes ?? []).length > 0 || parallelOf(settings) > 1;
  const { problems, warnings } = findings;
  if (rcloneRemote === null && !isUnread(findings, "rcloneRemote"))
    problems.push({
      message: `${named("rcloneRemote")} is required`,
      hint: "a remote and path such as s3:my-bucket/backups, or a local folder such as /backups",
    });
  const first: GivenPlace = { option: "rcloneRemote", text: rcloneRemote, number: 1 };
  const others = (rcloneExtraRemotes ?? []).map((text, at): GivenPlace => ({
    option: "rcloneExtraRemotes",
    text,
    number: at + 2,
  }));
  if (others.length >= mostPlaces)
    problems.push({
      message: `${named("rcloneExtraRemotes")} names ${others.length} places, and with RCLONE_REMOTE there may be ${mostPlaces}`,
      hint: "set up another job for the others, or let rclone copy copy the backups on",
    });
  const extraArgs = resolveExtraArgs(settings, findings);
  const found = checkRcloneEnvironment(env);
  problems.push(...found.problems);
  warnings.push(...found.warnings);
  const placeOf = (given: GivenPlace): Place => {
    const remote = resolveRemote(given, settings, env, findings);
    const config = resolveConfig(given, settings, remote, env, findings);
    return {
      remote,
      config: isShared ? ownCopy(config, targetOf(config, remote, env)) : config,
      extraArgs,
      features: knownFeatures(backendOf(remote, config)),
      chunkSizeIsSet: chunkSizeIsSet(settings, remote, config, env),
      key: keyOf(remote),
    };
  };
  const places: [Place, ...Place[]] = [placeOf(first), ...others.map(placeOf)];
  problems.push(
    ...samePlaceProblems(
      places.map(({ config, remote }) => ({ shown: remote.shown, target: targetOf(config, remote, env) })),
    ),
  );
  return places;
}

/** A place as a setting names it. */
interface GivenPlace {
  readonly option: "rcloneRemote" | "rcloneExtraRemotes";
  /** Null where there is none, or none that could be read. */
  readonly text: string | null;
  /** Tells places apart. */
  readonly number: number;
}

/**
 * Where several rclones are at work at the same time, only places that may save something, such as a refreshed token,
 * use a configuration where it is.
 */
function ownCopy(config: ConfigSource, target: Target | null): ConfigSource {
  if (config.kind !== "inPlace" || target === null || mayBeSaved(target)) return config;
  return { kind: "copied", text: new Secret(config.text), path: config.path };
}

/** Parameters tell which server it is; secrets are not among them. One place by two spellings is one. */
function keyOf({ shown, parameters, isLocal }: Remote): string {
  return JSON.stringify([isLocal ? resolve(shown) : shown.replace(/(?<=[^:/])\/+$/, ""), parameters]);
}

function resolveRemote(
  { option, text, number }: GivenPlace,
  settings: Settings,
  env: Env,
  findings: Findings,
): Remote {
  const { problems } = findings;
  if (text === null) return nowhere;
  if (isUrlWithUser(text)) {
    // Taken for a remote's path, what stands before the @ would be shown in logs and notifications.
    problems.push({
      message: `${named(option)} is a URL with a user in it, which is no remote of rclone's`,
      hint: "write it as an on-the-fly remote such as :webdav,url=https://host/path,user=NAME,pass=OBSCURED:folder",
    });
    return nowhere;
  }
  try {
    const remote = parseRemote(text, env, number);
    const known = () => remoteNames(availableConfig(settings, env), env);
    const problem =
      severalPlacesProblem(option, remote, known) ?? localFolderProblem(option, remote, text, known);
    if (problem === null) return remote;
    problems.push(problem);
    return nowhere;
  } catch (error) {
    problems.push(problemOf(option, error));
    return nowhere;
  }
}

/** The configuration that a remote could be named from; empty where there is none, or none that can be read. */
function availableConfig({ rcloneConfig, rcloneConfigFile }: Settings, env: Env): string {
  const remote = { ...nowhere, isLocal: false, standsAlone: false };
  try {
    return configText(chooseConfig({ remote, rcloneConfig, rcloneConfigFile, env }));
  } catch {
    return "";
  }
}

/** rclone's extra flags: what may stand in its command line, and what goes by variable. */
function resolveExtraArgs(settings: Settings, { problems, warnings }: Findings): ExtraArgs {
  const sorted = sortExtraArgs(settings.rcloneExtraArgs ?? []);
  problems.push(...sorted.problems);
  warnings.push(...sorted.warnings);
  return sorted;
}

/** Where rclone's configuration comes from, and what is wrong with what it says of a place. */
function resolveConfig(
  given: GivenPlace,
  { rcloneConfig, rcloneConfigFile, rcloneExtraArgs }: Settings,
  remote: Remote,
  env: Env,
  findings: Findings,
): ConfigSource {
  const { problems, warnings } = findings;
  try {
    const completed = completeConfig(
      given.option,
      chooseConfig({ remote, rcloneConfig, rcloneConfigFile, env }),
      remote,
      env,
    );
    problems.push(...unsaid(completed.problems, problems));
    warnings.push(...completed.warnings.filter((warning) => !warnings.includes(warning)));
    if (remote.configName !== null && isLocked(completed.config, rcloneExtraArgs, env))
      problems.push(
        ...unsaid(
          [
            {
              message: `${configOrigin(completed.config)} is encrypted, and nothing tells its password`,
              hint: "set RCLONE_CONFIG_PASS, or RCLONE_PASSWORD_COMMAND to a command that prints it",
            },
          ],
          problems,
        ),
      );
    return completed.config;
  } catch (error) {
    const option = rcloneConfigFile === null ? "rcloneConfig" : "rcloneConfigFile";
    problems.push(...unsaid([problemOf(option, error)], problems));
    return { kind: "none" };
  }
}

/** Whether rclone would ask for the password of an encrypted configuration, and nobody is there to answer. */
function isLocked(config: ConfigSource, words: Settings["rcloneExtraArgs"], env: Env): boolean {
  if (!isEncrypted(configText(config)) || env["RCLONE_CONFIG_PASS"] || env["RCLONE_PASSWORD_COMMAND"])
    return false;
  return !(words ?? []).some((word) => word.startsWith("--password-command"));
}

/** What two places have in common is wrong once. */
function unsaid(problems: readonly Problem[], said: readonly Problem[]): Problem[] {
  return problems.filter(({ message }) => !said.some((each) => each.message === message));
}

/** True where the user has chosen S3's chunk size, by flag, variable or configuration: then it stays. */
function chunkSizeIsSet(settings: Settings, remote: Remote, config: ConfigSource, env: Env): boolean {
  const words = settings.rcloneExtraArgs ?? [];
  return (
    words.some((word) => word.startsWith("--s3-chunk-size")) ||
    env["RCLONE_S3_CHUNK_SIZE"] !== undefined ||
    parameterOf(remote, config, "chunk_size") !== null
  );
}

/** The backend of a remote, as `type` in rclone.conf names it; null where that can't be told without rclone. */
function backendOf(remote: Remote, config: ConfigSource): string | null {
  if (remote.isLocal) return "local";
  const onTheFly = /^:([^:]+):/.exec(remote.shown)?.[1];
  return onTheFly ?? parameterOf(remote, config, "type");
}

/** A parameter of the remote by rclone's precedence (docs, "Precedence"): its own, the variable, the configuration. */
function parameterOf({ parameters, configName }: Remote, config: ConfigSource, key: string): string | null {
  const own = parameters.find(([name]) => name === key)?.[1];
  return own ?? (configName === null ? null : configValue(configText(config), configName, key));
}

/** The job's places, as people may see them. */
export function placesInWords({ places }: { readonly places: readonly Place[] }): string {
  return places.map(({ remote }) => remote.shown).join(" and ");
}
