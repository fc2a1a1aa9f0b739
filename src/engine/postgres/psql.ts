import type { Command, DumpPaths, DumpRequest } from "../engine.ts";
import { connectionSecrets, connectionString } from "./connection.ts";

/** Nobody's settings, one row a line, columns apart by tabs, an end at the first error. */
const plainly = ["-X", "-A", "-t", "-q", "--no-password", "-F", "\t", "-v", "ON_ERROR_STOP=1"];

/** A batch of SQL by psql, in that database, with the credentials and the TLS of the dump. */
export function psql(
  { connection }: DumpRequest,
  database: string,
  paths: DumpPaths,
  statements: readonly string[],
): Command {
  const secrets = connectionSecrets(connection, paths.privateDir);
  return {
    tools: ["psql"],
    args: [
      ...plainly,
      ...statements.map((sql) => `--command=${sql}`),
      `--dbname=${connectionString(connection, database, secrets.service, paths)}`,
    ],
    ...secrets.channel,
  };
}
