import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, run, type RunOptions, type RunResult, runOk, systemPath, waitFor } from "./run.ts";
import { asServerUser, type ServerProcess, startServer } from "./server.ts";
import { serverFolder } from "./temp.ts";

/** A MariaDB or MySQL server of the test's own. */
export interface MysqlServer extends ServerProcess, AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Has every right, from 127.0.0.1 and on the unix socket. */
  readonly user: string;
  readonly password: string;
  readonly socket: string;
  readonly version: string;
  /** The client tools of the same version. */
  readonly binDir: string;
  /** A folder the server may write to; `secure_file_priv` is empty. */
  readonly filesDir: string;
  /** An option file with the credentials, for `--defaults-extra-file`. */
  readonly optionFile: string;
  /** A connection URI, everything percent-encoded. */
  uri(database?: string, other?: { readonly password?: string; readonly port?: number }): string;
  /** Runs SQL and returns its rows, one per line, fields separated by tabs, without a header. */
  sql(text: string, database?: string): Promise<string>;
  createDatabase(name: string): Promise<void>;
  /** Runs a client tool with the credentials. */
  run(tool: string, args: readonly string[], options?: RunOptions): Promise<RunResult>;
}

/** In what the two servers differ when they are started. */
export interface MysqlFlavour {
  readonly scheme: "mysql" | "mariadb";
  readonly binDir: string;
  readonly version: string;
  /** The client, and the server's program. */
  readonly client: string;
  readonly daemon: string;
  /** Makes a fresh data folder, with a root that has no password. */
  readonly initialize: (dataDir: string) => readonly string[];
  /** What the server needs besides the common settings. */
  readonly args: readonly string[];
}

export interface MysqlOptions {
  readonly password?: string;
  /** More arguments for the server, such as `--event-scheduler=ON`. */
  readonly args?: readonly string[];
}

/** Starts a server of the family on a free loopback port, with its data in a temporary folder. */
export async function startMysqlFamily(flavour: MysqlFlavour, options: MysqlOptions): Promise<MysqlServer> {
  const { binDir, scheme } = flavour;
  const [user, password] = ["backup", options.password ?? "s3cret \"P#ss\\wörd'"];
  const folder = serverFolder(scheme);
  const [data, socket, filesDir, port] = [
    folder.file("data"),
    folder.file("socket"),
    folder.file("files"),
    await freePort(),
  ];
  const temporary = folder.file("tmp");
  await runOk([...asServerUser(), "mkdir", filesDir, temporary]);
  await runOk([...asServerUser(), ...flavour.initialize(data)], {
    // A MariaDB that starts removes the temporary tables of any other whose folder is the same.
    env: { PATH: systemPath, LANG: "C.UTF-8", TMPDIR: temporary },
    timeoutMs: 120_000,
  });
  const settings = [
    "--no-defaults",
    `--datadir=${data}`,
    `--socket=${socket}`,
    `--tmpdir=${temporary}`,
    `--port=${port}`,
    "--bind-address=127.0.0.1",
    `--pid-file=${folder.file("pid")}`,
    "--secure-file-priv=",
    "--skip-name-resolve",
    "--innodb-flush-log-at-trx-commit=0",
    "--max-allowed-packet=128M",
  ];
  const asRoot = [join(binDir, flavour.client), "--no-defaults", "-uroot", `--socket=${socket}`];
  const server = await startServer({
    command: [join(binDir, flavour.daemon), ...settings, ...flavour.args, ...(options.args ?? [])],
    logFile: folder.file("log"),
    isReady: async () => (await run([...asRoot, "-e", "SELECT 1"])).exitCode === 0,
    timeoutMs: 120_000,
  });
  const quoted = `'${password.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const accounts = ["127.0.0.1", "localhost"].map(
    (host) =>
      `CREATE USER '${user}'@'${host}' IDENTIFIED BY ${quoted}; GRANT ALL ON *.* TO '${user}'@'${host}' WITH GRANT OPTION;`,
  );
  await runOk(asRoot, { stdin: accounts.join("\n") });

  const optionFile = folder.file("client.cnf");
  const escaped = password.replaceAll("\\", "\\\\").replaceAll('"', '\\"');
  const lines = [
    "[client]",
    "host=127.0.0.1",
    "protocol=tcp",
    `port=${port}`,
    `user=${user}`,
    `password="${escaped}"`,
  ];
  writeFileSync(optionFile, `${lines.join("\n")}\n`, { mode: 0o600 });
  const tool: MysqlServer["run"] = (name, args, given = {}) =>
    run([join(binDir, name), `--defaults-file=${optionFile}`, ...args], {
      ...given,
      env: { PATH: `${binDir}:${systemPath}`, LANG: "C.UTF-8", ...given.env },
    });
  const sql: MysqlServer["sql"] = async (text, database) => {
    const args = ["--batch", "--skip-column-names", "--default-character-set=utf8mb4"];
    const result = await tool(flavour.client, [...args, ...(database === undefined ? [] : [database])], {
      stdin: text,
    });
    if (result.exitCode !== 0) throw new Error(result.stderr.trim());
    return result.stdout.replace(/\n$/, "");
  };
  await waitFor("a login by password", async () => (await sql("SELECT 1")) === "1");
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
    socket,
    version: flavour.version,
    binDir,
    filesDir,
    optionFile,
    uri: (database, other = {}) => {
      const login = [user, other.password ?? password].map(encodeURIComponent).join(":");
      const path = database === undefined ? "" : `/${encodeURIComponent(database)}`;
      return `${scheme}://${login}@127.0.0.1:${other.port ?? port}${path}`;
    },
    sql,
    createDatabase: async (name) => {
      await sql(`CREATE DATABASE \`${name.replaceAll("`", "``")}\``);
    },
    run: tool,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
