import { type EnvFile, parseEnvFile } from "../config/env-file.ts";
import { isOwnVariable } from "../config/own-variables.ts";
import { toProblem, UsageError } from "../errors.ts";
import { readReadable } from "../remote/config-source.ts";

/** The lines of the file that `--env-file` names. @throws UsageError with everything wrong in it */
export function readEnvFile(path: string): EnvFile {
  const read = parseEnvFile(path, textOf(path), isOwnVariable);
  if (read.problems.length > 0) throw new UsageError(read.problems);
  return read;
}

function textOf(path: string): string {
  try {
    return readReadable(path);
  } catch (error) {
    const { message, ...rest } = toProblem(error);
    throw new UsageError([{ ...rest, message: `--env-file ${message}` }]);
  }
}
