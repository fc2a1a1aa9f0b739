import { resolve } from "node:path";
import { named, type Settings } from "../config/options.ts";
import { isUrlWithUser } from "../config/secret.ts";
import { chooseConfig, configText, type ConfigSource } from "../remote/config-source.ts";
import { completeConfig } from "../remote/completed-config.ts";
import { type ExtraArgs, sortExtraArgs } from "../remote/extra-args.ts";
import { knownFeatures } from "../remote/features.ts";
import { configValue } from "../remote/rclone-conf.ts";
import { checkRcloneEnvironment } from "../remote/rclone-environment.ts";
import type { RcloneSetup } from "../remote/rclone-runner.ts";
import { nowhere, parseRemote, type Remote } from "../remote/remote.ts";
import { type Findings, isUnread, problemOf } from "./findings.ts";
import { localFolderProblem, remoteNames, severalPlacesProblem } from "./local-folder.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** One place that a backup goes to, and how rclone reaches it. */
export interface Place extends RcloneSetup {
  /** A chunk size that is set by the user stays. */
  readonly chunkSizeIsSet: boolean;
  /** What tells it from other places, for locks. */
  readonly key: string;
}

/** Where backups go. */
export function resolvePlaces(settings: Settings, env: Env, findings: Findings): [Place, ...Place[]] {
  const remote = resolveRemote(settings, env, findings);
  const extraArgs = resolveExtraArgs(settings, findings);
  const config = resolveConfig(settings, remote, env, findings);
  return [
    {
      remote,
      config,
      extraArgs,
      features: knownFeatures(backendOf(remote, config)),
      chunkSizeIsSet: chunkSizeIsSet(settings, remote, config, env),
      key: keyOf(remote),
    },
  ];
}

/** Parameters tell which server it is; secrets are not among them. One place by two spellings is one. */
function keyOf({ shown, parameters, isLocal }: Remote): string {
  return JSON.stringify([isLocal ? resolve(shown) : shown.replace(/(?<=[^:/])\/+$/, ""), parameters]);
}

function resolveRemote(settings: Settings, env: Env, findings: Findings): Remote {
  const { problems } = findings;
  if (settings.rcloneRemote === null) {
    if (!isUnread(findings, "rcloneRemote"))
      problems.push({
        message: `${named("rcloneRemote")} is required`,
        hint: "a remote and path such as s3:my-bucket/backups, or a local folder such as /backups",
      });
    return nowhere;
  }
  if (isUrlWithUser(settings.rcloneRemote)) {
    // Taken for a remote's path, what stands before the @ would be shown in logs and notifications.
    problems.push({
      message: `${named("rcloneRemote")} is a URL with a user in it, which is no remote of rclone's`,
      hint: "write it as an on-the-fly remote such as :webdav,url=https://host/path,user=NAME,pass=OBSCURED:folder",
    });
    return nowhere;
  }
  try {
    const remote = parseRemote(settings.rcloneRemote, env);
    const known = () => remoteNames(availableConfig(settings, env), env);
    const problem =
      severalPlacesProblem(remote, known) ?? localFolderProblem(remote, settings.rcloneRemote, known);
    if (problem === null) return remote;
    problems.push(problem);
    return nowhere;
  } catch (error) {
    problems.push(problemOf("rcloneRemote", error));
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

/** What `RCLONE_*` ask of rclone that can't be, and where its configuration comes from. */
function resolveConfig(
  settings: Settings,
  remote: Remote,
  env: Env,
  { problems, warnings }: Findings,
): ConfigSource {
  const { rcloneConfig, rcloneConfigFile } = settings;
  const found = checkRcloneEnvironment(env);
  problems.push(...found.problems);
  warnings.push(...found.warnings);
  try {
    const completed = completeConfig(
      chooseConfig({ remote, rcloneConfig, rcloneConfigFile, env }),
      remote,
      env,
    );
    problems.push(...completed.problems);
    warnings.push(...completed.warnings);
    return completed.config;
  } catch (error) {
    problems.push(problemOf(rcloneConfigFile === null ? "rcloneConfig" : "rcloneConfigFile", error));
    return { kind: "none" };
  }
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
