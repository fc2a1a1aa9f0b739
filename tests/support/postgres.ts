import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { componentPath } from "./components.ts";
import { freePort, run, type RunOptions, type RunResult, runOk, systemPath } from "./run.ts";
import { asServerUser, type ServerProcess, startServer } from "./server.ts";
import { serverFolder } from "./temp.ts";

export interface PostgresOptions {
  /** "distro": the oldest in the tests (15 on Debian 12); "newest": Debian unstable's. */
  readonly release?: "distro" | "newest";
  /** A superuser. */
  readonly user?: string;
  readonly password?: string;
  /** Lines for postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A PostgreSQL server of the test's own: scram passwords on TCP and on the unix socket. */
export interface PostgresServer extends ServerProcess, AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly socketDir: string;
  /** 15, 18, … */
  readonly major: number;
  /** The client tools of the same version. */
  readonly binDir: string;
  /** What libpq needs to connect as the superuser, and a PATH that begins with `binDir`. */
  readonly env: Readonly<Record<string, string>>;
  /** A connection URI, everything percent-encoded; database "postgres" by default. */
  uri(database?: string, other?: { readonly password?: string; readonly port?: number }): string;
  /** Runs SQL and returns its rows, one per line, fields separated by `|`. */
  sql(text: string, database?: string): Promise<string>;
  createDatabase(name: string): Promise<void>;
  /** Runs a client tool, by default as the superuser. */
  run(tool: string, args: readonly string[], options?: RunOptions): Promise<RunResult>;
}

/** Starts a PostgreSQL server on a free loopback port, with its data in a temporary folder. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const { release = "distro", user = "backup", password = "s3cret-Pässwörd" } = options;
  const binDir = componentPath(release === "distro" ? "postgresql" : "postgresql-newest");
  const folder = serverFolder("postgres");
  const [data, port] = [folder.file("data"), await freePort()];
  const passwordFile = folder.file("password");
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o644 });
  const initdb = [
    "--no-sync",
    "-D",
    data,
    "-A",
    "scram-sha-256",
    "-U",
    user,
    `--pwfile=${passwordFile}`,
    "-E",
    "UTF8",
  ];
  await runOk([...asServerUser(), join(binDir, "initdb"), ...initdb, "--locale=C.UTF-8"]);
  const settings = {
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: folder.path,
    fsync: "off",
    // In the server's own folder, where a killed one leaves nothing behind.
    dynamic_shared_memory_type: "mmap",
    ...options.settings,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`);
  writeFileSync(join(data, "postgresql.auto.conf"), `${lines.join("\n")}\n`);

  const env = {
    PATH: `${binDir}:${systemPath}`,
    LANG: "C.UTF-8",
    PGHOST: "127.0.0.1",
    PGPORT: String(port),
    PGUSER: user,
    PGPASSWORD: password,
    PGDATABASE: "postgres",
  };
  const server = await startServer({
    command: [join(binDir, "postgres"), "-D", data],
    logFile: folder.file("log"),
    // An immediate shutdown: nothing here is worth a checkpoint.
    stopSignal: "SIGQUIT",
    isReady: async () => (await run([join(binDir, "pg_isready"), "-q"], { env })).exitCode === 0,
  });
  const tool: PostgresServer["run"] = (name, args, given = {}) =>
    run([join(binDir, name), ...args], { ...given, env: { ...env, ...given.env } });
  const sql: PostgresServer["sql"] = async (text, database = "postgres") => {
    // Not by -d, which takes a name with = in it for connection parameters.
    const psql = ["-XAtq", "-v", "ON_ERROR_STOP=1"];
    const result = await tool("psql", psql, { stdin: text, env: { PGDATABASE: database } });
    if (result.exitCode !== 0) throw new Error(result.stderr.trim());
    return result.stdout.replace(/\n$/, "");
  };
  const stop = async (): Promise<void> => {
    await server.stop();
    folder.remove();
  };
  return {
    ...server,
    host: "127.0.0.1",
    port,
    user,
    password,
    socketDir: folder.path,
    binDir,
    env,
    sql,
    stop,
    run: tool,
    major: Number(/\/(\d+)\/bin$/.exec(binDir)?.[1] ?? readFileSync(join(data, "PG_VERSION"), "utf8")),
    uri: (database = "postgres", other = {}) => {
      const [name, secret] = [user, other.password ?? password].map(encodeURIComponent);
      return `postgresql://${name}:${secret}@127.0.0.1:${other.port ?? port}/${encodeURIComponent(database)}`;
    },
    createDatabase: async (name) => {
      await sql(`CREATE DATABASE "${name.replaceAll('"', '""')}"`);
    },
    [Symbol.asyncDispose]: stop,
  };
}
