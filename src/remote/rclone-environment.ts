import type { Problem } from "../errors.ts";
import { costOf, flagVariable, isCommandFlag, ruleOf, variableFlag } from "./rclone-flags.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** dbstash's own settings, which rclone would read as its own, and what rclone sets for its own children. */
const never =
  /^(RCLONE_(CONFIG|CONFIG_FILE|REMOTE|EXTRA_ARGS|EXTRA_REMOTES|PASSWORD_CHANGE)|_RCLONE_CONFIG_KEY_FILE|TMPDIR)$/;

/** An empty one says something: it masks what the configuration sets, or is a password that was given. */
const mayBeEmpty = /^RCLONE_CONFIG_.+/;

/** Only a dump's own upload may wait for ever; dbstash says how long for the rest. */
const timeout = "RCLONE_TIMEOUT";

/**
 * rclone's environment: what it was given less the variables that would falsify a backup (each is a flag's default) and
 * empty ones, which end it at once; in UTC, with its own temp folder. Its command for a password reads from nowhere:
 * else it reads the dump.
 */
export function rcloneEnvironment(
  env: Readonly<Record<string, string>>,
  tempDir: string,
): Record<string, string> {
  const kept = Object.entries(env).filter(([name, value]) => isKept(name, value));
  const command = env[passwordCommand];
  return {
    ...Object.fromEntries(kept),
    ...(command ? { [passwordCommand]: readingNothing(command) } : {}),
    TMPDIR: tempDir,
    TZ: "UTC",
  };
}

const passwordCommand = "RCLONE_PASSWORD_COMMAND";

/** A command of rclone's (words as in CSV, between blanks) that finds nothing on its standard input. */
export function readingNothing(command: string): string {
  return `sh -c "exec ""$@"" </dev/null" sh ${command}`;
}

function isKept(name: string, value: string): boolean {
  if (never.test(name) || name === timeout) return false;
  if (!name.startsWith("RCLONE_")) return true;
  if (value === "" && !mayBeEmpty.test(name)) return false;
  const flag = variableFlag(name);
  return flag === null || (ruleOf(flag, value) === null && !isCommandFlag(flag));
}

/** What of the environment can't be honoured, and what is passed over. */
export interface EnvironmentFindings {
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

/**
 * Looks at `RCLONE_*`: a wish about what is stored that can't be met is a problem, a filter that others of this machine
 * use a warning; what only speaks of rclone's log, or to other commands of its, is passed over without a word.
 * @param env without dbstash's own settings
 */
export function checkRcloneEnvironment(env: Env): EnvironmentFindings {
  const problems: Problem[] = [];
  const passedOver = new Map<string, string[]>();
  const costs: string[] = [];
  for (const [name, value] of Object.entries(env).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const flag = variableFlag(name);
    const cost = flag === null || !value || name === timeout ? null : costOf(flag, value);
    if (cost !== null) costs.push(`${name} is set: ${cost}`);
    const rule =
      flag === null || !value || never.test(name) || isCommandFlag(flag) ? null : ruleOf(flag, value);
    if (rule === null || rule.variable === "silent" || rule.off.test(value ?? "")) continue;
    if (rule.variable === "error")
      problems.push({
        message: `${name} is set, and ${rule.why}`,
        hint: [`unset ${name}`, ...(rule.instead === undefined ? [] : [rule.instead])].join("; "),
      });
    else passedOver.set(rule.why, [...(passedOver.get(rule.why) ?? []), name]);
  }
  const filters = [...passedOver].map(
    ([why, names]) => `${names.join(", ")} ${names.length === 1 ? "is" : "are"} passed over: ${why}`,
  );
  const warnings = [...filters, ...costs];
  if (env[timeout])
    warnings.push(`${timeout} is passed over: rclone would end a dump that pauses for longer`);
  return { problems: [...problems, ...globalProblems(Object.keys(env))], warnings };
}

/** Variables that set an option of all of rclone for one remote: no shell hands them on. */
function globalProblems(names: readonly string[]): Problem[] {
  return names.toSorted().flatMap((name) => {
    const option = /^RCLONE_CONFIG_.+_GLOBAL\.(.+)$/.exec(name)?.[1];
    if (option === undefined) return [];
    const flag = option.toLowerCase().replaceAll("_", "-");
    const rule = ruleOf(flag, null);
    if (rule !== null) return { message: `${name} is set, and ${rule.why}`, hint: `unset ${name}` };
    return {
      message: `${name} is set, but the shell that starts rclone drops a variable of that name`,
      hint: `set ${flagVariable(flag)}, or global.${option.toLowerCase()} in rclone.conf`,
    };
  });
}
