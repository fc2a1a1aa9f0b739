import { named, type Settings } from "../config/options.ts";
import { isUrlWithUser } from "../config/secret.ts";
import { chooseConfig, configText, type ConfigSource } from "../remote/config-source.ts";
import { completeConfig } from "../remote/completed-config.ts";
import { type ExtraArgs, sortExtraArgs } from "../remote/extra-args.ts";
import { configValue } from "../remote/rclone-conf.ts";
import { checkRcloneEnvironment } from "../remote/rclone-environment.ts";
import { nowhere, parseRemote, type Remote } from "../remote/remote.ts";
import { type Findings, isUnread, problemOf } from "./findings.ts";
import { localFolderProblem, remoteNames, severalPlacesProblem } from "./local-folder.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** Where backups go. */
export function resolveRemote(settings: Settings, env: Env, findings: Findings): Remote {
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
export function resolveExtraArgs(settings: Settings, { problems, warnings }: Findings): ExtraArgs {
  const sorted = sortExtraArgs(settings.rcloneExtraArgs ?? []);
  problems.push(...sorted.problems);
  warnings.push(...sorted.warnings);
  return sorted;
}

/** What `RCLONE_*` ask of rclone that can't be, and where its configuration comes from. */
export function resolveConfig(
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
    problems.push(problemOf("rcloneConfigFile", error));
    return { kind: "none" };
  }
}

/** True where the user has chosen S3's chunk size, by flag, variable or configuration: then it stays. */
export function chunkSizeIsSet(settings: Settings, remote: Remote, config: ConfigSource, env: Env): boolean {
  const words = settings.rcloneExtraArgs ?? [];
  return (
    words.some((word) => word.startsWith("--s3-chunk-size")) ||
    env["RCLONE_S3_CHUNK_SIZE"] !== undefined ||
    parameterOf(remote, config, "chunk_size") !== null
  );
}

/** The backend of a remote, as `type` in rclone.conf names it; null where that can't be told without rclone. */
export function backendOf(remote: Remote, config: ConfigSource): string | null {
  if (remote.isLocal) return "local";
  const onTheFly = /^:([^:]+):/.exec(remote.shown)?.[1];
  return onTheFly ?? parameterOf(remote, config, "type");
}

/** A parameter of the remote by rclone's precedence (docs, "Precedence"): its own, the variable, the configuration. */
function parameterOf({ parameters, configName }: Remote, config: ConfigSource, key: string): string | null {
  const own = parameters.find(([name]) => name === key)?.[1];
  return own ?? (configName === null ? null : configValue(configText(config), configName, key));
}
