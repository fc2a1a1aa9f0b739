import { named, type Settings } from "../config/options.ts";
import { holdsUrlPassword, isUrlWithUser } from "../config/secret.ts";
import { chooseConfig, type ConfigSource } from "../remote/config-source.ts";
import { configValue } from "../remote/rclone-environment.ts";
import { type ExtraArgs, sortExtraArgs } from "../remote/extra-args.ts";
import { configVariable, parseRemote, type Remote } from "../remote/remote.ts";
import { type Findings, problemOf } from "./findings.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** Where backups go. */
export function resolveRemote(settings: Settings, { problems }: Findings): Remote {
  const nowhere: Remote = {
    path: "",
    env: {},
    shown: "",
    configName: null,
    isLocal: true,
    standsAlone: true,
    secrets: [],
  };
  if (settings.rcloneRemote === null) {
    problems.push({
      message: `${named("rcloneRemote")} is required`,
      hint: "a remote and path such as s3:my-bucket/backups, or a local folder",
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
    return parseRemote(settings.rcloneRemote);
  } catch (error) {
    problems.push(problemOf("rcloneRemote", error));
    return nowhere;
  }
}

/** rclone's extra flags: what may stand in its command line, and what goes by variable. */
export function resolveExtraArgs(settings: Settings, { problems }: Findings): ExtraArgs {
  const sorted = sortExtraArgs(settings.rcloneExtraArgs ?? []);
  problems.push(...sorted.problems);
  if (sorted.args.some(holdsUrlPassword)) {
    problems.push({
      message: `${named("rcloneExtraArgs")} holds a password in a URL, which everyone on this machine could read in the process list`,
      hint: "set rclone's own variable instead: --http-proxy is RCLONE_HTTP_PROXY",
    });
  }
  return sorted;
}

/** Where rclone's configuration comes from. */
export function resolveConfig(
  settings: Settings,
  remote: Remote,
  env: Env,
  { problems }: Findings,
): ConfigSource {
  const { rcloneConfig, rcloneConfigFile } = settings;
  try {
    return chooseConfig({ remote, rcloneConfig, rcloneConfigFile, env });
  } catch (error) {
    problems.push(problemOf("rcloneConfigFile", error));
    return { kind: "none" };
  }
}

/** The text of a configuration; empty where there is none. */
export function configText(config: ConfigSource): string {
  if (config.kind === "none") return "";
  return config.kind === "inPlace" ? config.text : config.text.reveal();
}

/** True where the user has chosen S3's chunk size, by flag, variable or configuration: then it stays. */
export function chunkSizeIsSet(settings: Settings, remote: Remote, config: ConfigSource, env: Env): boolean {
  const words = settings.rcloneExtraArgs ?? [];
  return (
    words.some((word) => word.startsWith("--s3-chunk-size")) ||
    env["RCLONE_S3_CHUNK_SIZE"] !== undefined ||
    parameterOf(remote, config, env, "chunk_size") !== null
  );
}

/** The backend of a remote, as `type` in rclone.conf names it; null where that can't be told without rclone. */
export function backendOf(remote: Remote, config: ConfigSource, env: Env): string | null {
  if (remote.isLocal) return "local";
  const onTheFly = /^:([^:]+):/.exec(remote.path)?.[1];
  return onTheFly ?? parameterOf(remote, config, env, "type");
}

/** A parameter of the remote by rclone's precedence (docs, "Precedence"): its own, the variable, the configuration. */
function parameterOf(remote: Remote, config: ConfigSource, env: Env, key: string): string | null {
  const variable = configVariable(remote.path.split(":")[0] ?? "", key);
  const configured =
    remote.configName === null ? null : configValue(configText(config), remote.configName, key);
  return remote.env[variable] ?? env[variable] ?? configured;
}
