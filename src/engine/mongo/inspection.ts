import type { DumpPaths, DumpRequest, Probe, ProbeOutcome } from "../engine.ts";
import { configFile } from "./uri.ts";

/** Words of `DUMP_EXTRA_ARGS` without which the inspection would not get in. */
export const concernsConnection = /^--(ssl\w*|tls\w*|authentication\w+|gssapi\w+|username)(=.*)?$/;

/**
 * Asks, beside a dump of all databases, whether the user is one who sees them all. MongoDB shows a user without the
 * right to list databases those alone that it may read, and mongodump says nothing of the others. Of the built-in roles
 * that let a user read admin.system.users (backup, userAdminAnyDatabase and what includes them) each lets it list all
 * databases (MongoDB's manual, "Built-In Roles"). The query finds nobody, so no account is read.
 */
export function inspectionProbe({ connection, extraArgs }: DumpRequest, { privateDir }: DumpPaths): Probe {
  const config = configFile(`${privateDir}/mongodump-inspection.yaml`, connection, null);
  const collection = ["--db=admin", "--collection=system.users", '--query={"_id":""}'];
  return {
    title: "the right to read all databases",
    command: {
      tools: ["mongodump"],
      args: [
        `--config=${config.path}`,
        "--archive",
        ...collection,
        ...extraArgs.filter((word) => concernsConnection.test(word)),
      ],
      env: {},
      files: [config],
    },
    readsFile: null,
    interpret: (outcome) => ({
      problems: [],
      warnings: [],
      leftOut: unread(connection.user, outcome),
      facts: {},
    }),
  };
}

/** None where it failed for another reason: the dump beside it tells that. */
function unread(user: string | null, { exitCode, stderr }: ProbeOutcome): string[] {
  if (exitCode === 0 || !stderr.includes("not authorized on admin")) return [];
  const role = '{ role: "backup", db: "admin" }';
  return [
    `databases the user may not read are missing from the backup, as are users and roles: db.grantRolesToUser(${JSON.stringify(user ?? "USER")}, [${role}]) lets it read all`,
  ];
}
