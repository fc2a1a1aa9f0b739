import { parseEnvFile } from "../config/env-file.ts";
import { toProblem, UsageError } from "../errors.ts";
import { readReadable } from "../remote/config-source.ts";

/** The lines of the file that `--env-file` names. @throws UsageError with everything wrong in it */
export function readEnvFile(path: string): Readonly<Record<string, string>> {
  const { variables, problems } = parseEnvFile(path, textOf(path));
  if (problems.length > 0) throw new UsageError(problems);
  return variables;
}

function textOf(path: string): string {
  try {
    return readReadable(path);
  } catch (error) {
    const { message, ...rest } = toProblem(error);
    throw new UsageError([{ ...rest, message: `--env-file ${message}` }]);
  }
}
