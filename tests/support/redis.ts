import { copyFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Certificate, certificate } from "./certificate.ts";
import { componentPath, type ComponentName } from "./components.ts";
import { freePort, run, runOk, systemPath } from "./run.ts";
import { type ServerProcess, startServer } from "./server.ts";
import { tempFolder } from "./temp.ts";

export type RedisFlavour = "redis" | "redis-newest" | "valkey";

export interface RedisOptions {
  readonly flavour?: RedisFlavour;
  readonly password?: string;
  /** An ACL user of this name gets the password and every right; the default user is switched off. */
  readonly user?: string;
  /** Whether a replica (a dump is one) is fed without a file on the server's disk; true by default. */
  readonly diskless?: boolean;
  readonly tls?: boolean;
  /** More settings, as in redis.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** An RDB file to start with. */
  readonly loadRdb?: string;
}

/** A Redis or Valkey server of the test's own. */
export interface RedisServer extends ServerProcess, AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly binDir: string;
  /** redis-cli, or valkey-cli. */
  readonly cli: string;
  /** The certificate authority, with `tls`. */
  readonly caFile: string | undefined;
  uri(other?: { readonly password?: string; readonly port?: number }): string;
  /** Runs one command and returns what the client prints. */
  command(...words: readonly string[]): Promise<string>;
  /** Runs one command per line. */
  commands(lines: string): Promise<string>;
  /** Sets a key to any bytes. */
  set(key: string, value: Uint8Array): Promise<void>;
}

/** Starts a server on a free loopback port, with its data in a temporary folder; it saves nothing by itself. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const { flavour = "redis", user, password } = options;
  const name: ComponentName = flavour;
  const binDir = componentPath(name);
  const family = flavour === "valkey" ? "valkey" : "redis";
  const cli = join(binDir, `${family}-cli`);
  const [folder, port] = [tempFolder(flavour), await freePort()];
  if (options.loadRdb !== undefined) copyFileSync(options.loadRdb, folder.file("dump.rdb"));
  const tls = options.tls === true ? await certificate(folder.path) : undefined;
  const settings = {
    ...(tls === undefined
      ? { port: String(port) }
      : { port: "0", "tls-port": String(port), ...tlsSettings(tls) }),
    bind: "127.0.0.1",
    dir: folder.path,
    save: "",
    "repl-diskless-sync": options.diskless === false ? "no" : "yes",
    "repl-diskless-sync-delay": "0",
    ...options.settings,
  };
  const words = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value]);
  const client = [
    cli,
    "-h",
    "127.0.0.1",
    "-p",
    String(port),
    ...(tls === undefined ? [] : ["--tls", "--cacert", tls.certFile]),
  ];
  const server = await startServer({
    command: [join(binDir, `${family}-server`), ...words],
    logFile: folder.file("log"),
    asRoot: true,
    stopSignal: "SIGKILL",
    isReady: async () => (await run([...client, "PING"])).stdout === "PONG\n",
  });
  if (password !== undefined && user === undefined)
    await runOk([...client, "-e", "CONFIG", "SET", "requirepass", password]);
  if (password !== undefined && user !== undefined) {
    await runOk([...client, "-e", "ACL", "SETUSER", user, "on", `>${password}`, "~*", "&*", "+@all"]);
    await runOk([...client, "-e", "ACL", "SETUSER", "default", "off"]);
  }
  const login = user === undefined ? [] : ["--user", user];
  const env = { PATH: systemPath, ...(password === undefined ? {} : { REDISCLI_AUTH: password }) };
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
    binDir,
    cli,
    caFile: tls?.certFile,
    uri: (other = {}) => {
      const secret = other.password ?? password;
      const authority =
        secret === undefined ? "" : `${encodeURIComponent(user ?? "")}:${encodeURIComponent(secret)}@`;
      return `${tls === undefined ? "redis" : "rediss"}://${authority}127.0.0.1:${other.port ?? port}`;
    },
    command: async (...parts) =>
      (await runOk([...client, ...login, "-e", ...parts], { env })).replace(/\n$/, ""),
    set: async (key, value) => {
      const stdinFile = folder.file("value");
      writeFileSync(stdinFile, value);
      await runOk([...client, ...login, "-e", "-x", "SET", key], { env, stdinFile });
      rmSync(stdinFile);
    },
    commands: (lines) => runOk([...client, ...login, "-e"], { env, stdin: lines }),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function tlsSettings({ certFile, keyFile }: Certificate): Record<string, string> {
  return {
    "tls-cert-file": certFile,
    "tls-key-file": keyFile,
    "tls-ca-cert-file": certFile,
    "tls-auth-clients": "no",
  };
}
