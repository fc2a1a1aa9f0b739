import { named, type OptionName } from "../config/options.ts";
import { Secret } from "../config/secret.ts";
import type { Problem } from "../errors.ts";
import { configText, type ConfigSource } from "./config-source.ts";
import { fitsConf, isEncrypted, parseConf, writeSection } from "./rclone-conf.ts";
import { reasonOf, ruleOf } from "./rclone-flags.ts";
import { configVariable, globalOptionsIn, isDroppedByShell, reach, type ReachedRemote } from "./reach.ts";
import { originalText, type Remote } from "./remote.ts";
import { targetFaults } from "./target-faults.ts";
import { followTarget, isInLocalFolder, type Target } from "./targets.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** A configuration with all in it that rclone needs for a place, and what is wrong with what leads there. */
export interface CompletedConfig {
  readonly config: ConfigSource;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

/**
 * Follows a place through rclone.conf and variables to every remote behind it. Those whose variables the shell that
 * starts rclone would drop become sections. Of an encrypted configuration nothing is seen.
 * @param option which setting names the place
 */
export function completeConfig(
  option: OptionName,
  config: ConfigSource,
  remote: Remote,
  env: Env,
): CompletedConfig {
  const text = configText(config);
  const names = [...(remote.configName === null ? [] : [remote.configName]), ...remote.names];
  const reached = reach(names, parseConf(text), env);
  const globals = [
    ...globalProblems(named(option), remote.globalOptions),
    ...reached.flatMap(({ name, section, variables }) => [
      ...globalProblems(`the section [${name}] of rclone.conf`, globalOptionsIn(section ?? [])),
      ...globalProblems(configVariable(name, "…"), globalOptionsIn(variables)),
    ]),
  ];
  const target = targetOf(config, remote, env, option);
  const faults = target === null ? { problems: [], warnings: [] } : targetFaults(target);
  const problems = [...globals, ...faults.problems];
  const { warnings } = faults;
  // The place's own variables have joined its parameters.
  const dropped = reached.filter(
    ({ name, variables }) => name !== remote.configName && variables.size > 0 && isDroppedByShell(name),
  );
  if (dropped.length === 0) return { config, problems, warnings };
  const misfits = dropped.filter(
    ({ variables }) =>
      config.kind === "inPlace" || isEncrypted(text) || ![...variables.values()].every(fitsConf),
  );
  const sections = dropped.map(({ name, variables }) => writeSection(name, variables));
  return {
    config: {
      kind: "copied",
      text: new Secret([text, ...sections].join("\n")),
      ...(config.kind === "none" || config.path === undefined ? {} : { path: config.path }),
    },
    problems: [...problems, ...misfits.map(droppedProblem)],
    warnings,
  };
}

/** Whether all that a place stores lies in folders of this machine, as far as that is known. */
export function endsInLocalFolder(config: ConfigSource, remote: Remote, env: Env): boolean {
  const target = targetOf(config, remote, env);
  return target !== null && isInLocalFolder(target);
}

/** What a place leads to, as far as configuration and variables tell. */
export function targetOf(
  config: ConfigSource,
  remote: Remote,
  env: Env,
  option: OptionName = "rcloneRemote",
): Target | null {
  const definitions = { conf: parseConf(configText(config)), env };
  return followTarget(originalText(remote), named(option), definitions);
}

function droppedProblem({ name }: ReachedRemote): Problem {
  return {
    message: `the shell that starts rclone drops ${configVariable(name, "*")}, by which the remote ${name} is defined, since their names are no shell's`,
    hint: `write ${name.replaceAll(/[^A-Za-z0-9_]/g, "_")} there and where it is named, or put its section into rclone.conf`,
  };
}

function globalProblems(who: string, options: readonly string[]): Problem[] {
  return options.flatMap((option) => {
    const rule = ruleOf(option.replaceAll("_", "-"), null);
    if (rule === null) return [];
    return {
      message: `${who} sets global.${option} for all of rclone`,
      hint: `leave it out: ${reasonOf(rule)}`,
    };
  });
}
