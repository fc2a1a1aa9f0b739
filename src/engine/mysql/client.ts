import { Secret } from "../../config/secret.ts";
import type { EngineName } from "../../kinds.ts";
import type { Connection } from "../connection.ts";
import type { Command, DumpPaths, DumpRequest, Facts, Probe } from "../engine.ts";
import { clientProblems, type Flavour, tlsArgs } from "./tls.ts";

/** A client program, as `--version` tells. */
export interface Client {
  readonly flavour: Flavour;
  readonly major: number;
  readonly minor: number;
}

/** The fact that the first probe learns. */
const clientFact = "client";

/** The dump tool's names, the engine's own first. */
export function dumpTools(engine: EngineName): readonly string[] {
  return engine === "mariadb" ? ["mariadb-dump", "mysqldump"] : ["mysqldump", "mariadb-dump"];
}

/** Asks the dump tool for its flavour and version, and so what it can do; null once that is known. */
export function clientProbe(engine: EngineName, { connection }: DumpRequest, facts: Facts): Probe | null {
  if (facts[clientFact] !== undefined) return null;
  return {
    title: "client version",
    command: { tools: dumpTools(engine), args: ["--version"], env: {}, files: [] },
    readsFile: null,
    interpret: ({ stdout }) => {
      const client = parseClientVersion(stdout) ?? clientOf(engine, {});
      const text = `${client.flavour} ${client.major} ${client.minor}`;
      const problems = clientProblems(connection, client.flavour);
      return { problems, warnings: [], leftOut: [], facts: { [clientFact]: text } };
    },
  };
}

/** The client of the facts; without any, a current one of the engine's own maker. */
export function clientOf(engine: EngineName, facts: Facts): Client {
  const [flavour, major, minor] = facts[clientFact]?.split(" ") ?? [];
  if (flavour === undefined) {
    return engine === "mariadb"
      ? { flavour: "mariadb", major: 11, minor: 8 }
      : { flavour: "oracle", major: 8, minor: 4 };
  }
  return {
    flavour: flavour === "mariadb" ? "mariadb" : "oracle",
    major: Number(major),
    minor: Number(minor),
  };
}

/**
 * Reads the line of `mysqldump --version`; null where it is none. Its forms: `Ver 9.7.4`, `Ver 10.13 Distrib 5.7.44`,
 * `Ver 10.19 Distrib 10.11.19-MariaDB`, `from 11.8.9-MariaDB, client 10.19`.
 */
export function parseClientVersion(stdout: string): Client | null {
  const match = /(?:Distrib|from) (\d+)\.(\d+)/.exec(stdout) ?? /Ver (\d+)\.(\d+)/.exec(stdout);
  if (match === null) return null;
  const flavour = stdout.includes("MariaDB") ? "mariadb" : "oracle";
  return { flavour, major: Number(match[1]), minor: Number(match[2]) };
}

/** What every client program needs to reach the server. The option file must come first. */
export function connectionArgs(
  connection: Connection,
  client: Client,
  optionFile: string,
  caBundle: string | null,
): string[] {
  const { hosts, user } = connection;
  return [
    // Not --defaults-extra-file: /etc/mysql and ~/.my.cnf could change what is dumped, or win over the password.
    `--defaults-file=${optionFile}`,
    ...hostArgs(hosts[0]),
    ...(user === null ? [] : [`--user=${user}`]),
    ...tlsArgs(connection, client.flavour, caBundle),
  ];
}

function hostArgs(address: Connection["hosts"][number] | undefined): string[] {
  if (address === undefined || address.host === "") return [];
  const { host, port } = address;
  if (host.startsWith("/")) return ["--protocol=socket", `--socket=${host}`];
  // Without the protocol, `localhost` means a unix socket.
  return ["--protocol=tcp", `--host=${host}`, ...(port === null ? [] : [`--port=${port}`])];
}

/** An option file with the password, and the environment that keeps the user's login file out. */
export function credentials(connection: Connection, path: string): Pick<Command, "env" | "files"> {
  const password = connection.password?.reveal();
  // A value in quotes ends at the next quote; `\` begins an escape (MySQL manual, "Using Option Files").
  const line = password === undefined ? "" : `password="${password.replace(/["\\]/g, "\\$&")}"\n`;
  return {
    // ~/.mylogin.cnf is read even beside --defaults-file, and after it.
    env: { MYSQL_TEST_LOGIN_FILE: "/dev/null" },
    files: [{ path, content: new Secret(`[client]\n${line}`) }],
  };
}

/**
 * A batch of SQL by the command-line client: one row a line, columns separated by tabs, errors on stderr.
 * `name` sets its option file apart from those of other commands that run at the same time.
 */
export function sqlCommand(
  { connection, database, extraArgs }: DumpRequest,
  { privateDir, caBundle }: DumpPaths,
  client: Client,
  name: string,
  sql: string,
  flags: readonly string[] = [],
): Command {
  const optionFile = `${privateDir}/${name}.cnf`;
  return {
    tools: client.flavour === "mariadb" ? ["mariadb", "mysql"] : ["mysql"],
    args: [
      ...connectionArgs(connection, client, optionFile, caBundle),
      ...extraArgs.filter(concernsConnection),
      "--batch",
      "--skip-column-names",
      "--default-character-set=utf8mb4",
      ...flags,
      `--execute=${sql}`,
      ...(database === null ? [] : ["--", database]),
    ],
    ...credentials(connection, optionFile),
  };
}

/** Words of `DUMP_EXTRA_ARGS` that every client program understands, since they are about the connection. */
export function concernsConnection(word: string): boolean {
  return /^--((skip-)?ssl(-.*)?|tls-.*|protocol=.*|default-auth=.*|plugin-dir=.*|get-server-public-key)$/.test(
    word,
  );
}
