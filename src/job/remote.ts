import { named, type Settings } from "../config/options.ts";
import { chooseConfig, type ConfigSource } from "../remote/config-source.ts";
import { configSets } from "../remote/environment.ts";
import { parseRemote, type Remote } from "../remote/remote.ts";
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
  try {
    return parseRemote(settings.rcloneRemote);
  } catch (error) {
    problems.push(problemOf("rcloneRemote", error));
    return nowhere;
  }
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
  const variables = [
    `RCLONE_CONFIG_${remote.path.split(":")[0]}_CHUNK_SIZE`.toUpperCase(),
    "RCLONE_S3_CHUNK_SIZE",
  ];
  return (
    words.some((word) => word.startsWith("--s3-chunk-size")) ||
    variables.some((name) => env[name] !== undefined || remote.env[name] !== undefined) ||
    (remote.configName !== null && configSets(configText(config), remote.configName, "chunk_size"))
  );
}
