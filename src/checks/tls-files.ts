import { accessSync, constants } from "node:fs";
import { type Problem, UsageError } from "../errors.ts";
import type { Job } from "../job/job.ts";
import { findAuthorities } from "../process/ca-bundle.ts";

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Looks for the files that certificates are to be checked by. Tools may go on unchecked, or in clear, without them.
 * @throws UsageError with each that is missing or can't be read
 */
export function requireTlsFiles({ engine, request }: Pick<Job, "engine" | "request">, env: Env): void {
  const missing = engine.missingAuthority(request, findAuthorities(env));
  const problems: Problem[] = engine.namedFiles(request).flatMap(({ setting, path }) => {
    const why = whyUnreadable(path);
    return why === null ? [] : [{ message: `${setting} names ${path}, which ${why}` }];
  });
  if (missing !== null) problems.push(missing);
  if (problems.length > 0) throw new UsageError(problems);
}

function whyUnreadable(path: string): string | null {
  try {
    accessSync(path, constants.R_OK);
    return null;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "EACCES" ? "may not be read by this user" : "does not exist";
  }
}
