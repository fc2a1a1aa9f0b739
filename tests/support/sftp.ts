import { chmodSync, existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { componentPath } from "./components.ts";
import { type Proxy, startProxy } from "./proxy.ts";
import { freePort, runOk } from "./run.ts";
import { startServer } from "./server.ts";
import { type TempFolder, tempFolder } from "./temp.ts";

/** A server of files of the test's own, behind a proxy. */
export interface FileServer extends AsyncDisposable {
  readonly host: string;
  /** The proxy's. */
  readonly port: number;
  /** The folder it serves, on disk. */
  readonly dir: string;
  readonly proxy: Proxy;
  /** The variables that define a remote of this name, for every rclone. */
  remoteEnv(name: string): Record<string, string>;
  /** The served folder, or a path in it, on the remote of this name. */
  remotePath(name: string, path?: string): string;
  stop(): Promise<void>;
}

/** How users log in, and what they may not do there. */
export interface SftpOptions {
  readonly login?: "key" | "password";
  /** Requests that are refused, as `sftp-server -Q requests` names them. */
  readonly denied?: readonly string[];
}

/**
 * Starts OpenSSH's sshd on a free loopback port: the user of the tests logs in, by key or by password, and gets a
 * shell, so that rclone finds md5sum there.
 */
export async function startSftp({ login = "key", denied = [] }: SftpOptions = {}): Promise<FileServer> {
  const folder = tempFolder("sftp");
  const [hostKey, userKey, dir] = [folder.file("host_key"), folder.file("user_key"), folder.file("data")];
  mkdirSync(dir);
  const sshd = componentPath("sshd");
  const port = await freePort();
  for (const key of [hostKey, userKey]) await makeSshKey(key);
  // OpenSSH insists on it when it starts as root; Debian's package makes it at every boot.
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  const settings = {
    ListenAddress: `127.0.0.1:${port}`,
    HostKey: hostKey,
    AuthorizedKeysFile: `${userKey}.pub`,
    PidFile: "none",
    StrictModes: "no",
    UsePAM: "no",
    AuthenticationMethods: login === "key" ? "publickey" : "password",
    PermitRootLogin: "yes",
    MaxStartups: "100",
    // Not sshd's internal one: that would run with the list of users, whose library rewinds folders being read.
    Subsystem: `sftp ${sshd.replace(/sbin\/sshd$/, "lib/openssh/sftp-server")}${refusing(denied)}`,
  };
  const words = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  const password = "s3cret $pass/word%";
  const server = await startServer({
    command: [sshd, "-D", "-e", "-f", "/dev/null", ...words],
    logFile: folder.file("log"),
    asRoot: true,
    env: await usersOfItsOwn(sshd, folder, password),
    isReady: (output) => output.includes("Server listening on"),
  });
  const proxy = await startProxy({ port });
  const secret =
    login === "key"
      ? { KEY_PEM: readFileSync(userKey, "utf8").trimEnd().replaceAll("\n", "\\n") }
      : { PASS: await obscure(password) };
  const place = { TYPE: "sftp", HOST: "127.0.0.1", PORT: String(proxy.port), USER: loginName };
  return fileServer(proxy, dir, dir, [server, folder], { ...place, ...secret });
}

function refusing(denied: readonly string[]): string {
  return denied.length === 0 ? "" : ` -P ${denied.join(",")}`;
}

/** The name of the user of the tests towards sshd. */
const loginName = "tester";

/**
 * Users that exist for sshd alone: the user of the tests, with a password, and the one that sshd wants for itself
 * when it starts as root, whom only its package makes.
 */
async function usersOfItsOwn(
  sshd: string,
  folder: TempFolder,
  password: string,
): Promise<Record<string, string>> {
  const root = sshd.replace(/usr\/sbin\/sshd$/, "");
  const [wrapper] = globSync("{lib,usr/lib}/*/libnss_wrapper.so", { cwd: root });
  if (wrapper === undefined) throw new Error("libnss_wrapper.so is not among the unpacked packages");
  const [username, uid, gid] = [loginName, process.getuid?.(), process.getgid?.()];
  const files = {
    passwd: `${username}:x:${uid}:${gid}::${homedir()}:/bin/sh\nsshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n`,
    group: `${username}:x:${gid}:\nnogroup:x:65534:\n`,
    shadow: `${username}:${await Bun.password.hash(password, { algorithm: "bcrypt", cost: 4 })}:20000::::::\n`,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(folder.file(name), text);
  return {
    LD_PRELOAD: join(root, wrapper),
    NSS_WRAPPER_PASSWD: folder.file("passwd"),
    NSS_WRAPPER_GROUP: folder.file("group"),
    NSS_WRAPPER_SHADOW: folder.file("shadow"),
  };
}

/** Starts `rclone serve sftp` or `webdav` on a folder: login by password, the folder is the server's root. */
export async function startRcloneServe(
  kind: "sftp" | "webdav",
  options: { readonly rclone?: "current" | "old" } = {},
): Promise<FileServer> {
  const folder = tempFolder(kind);
  const dir = folder.file("data");
  mkdirSync(dir);
  const rclone = componentPath(options.rclone === "old" ? "rclone-old" : "rclone-current");
  const [user, password, port] = ["backup", "s3cret pass/word%", await freePort()];
  const login = ["--user", user, "--pass", password, "--config", "", "--vfs-cache-mode", "off", "-v"];
  const server = await startServer({
    command: [rclone, "serve", kind, "--addr", `127.0.0.1:${port}`, ...login, "--dir-cache-time", "1ms", dir],
    logFile: folder.file("log"),
    asRoot: true,
    env: { HOME: folder.path, XDG_CACHE_HOME: folder.path },
    stopSignal: "SIGKILL",
    isReady: (output) => output.includes(`:${port}`),
  });
  const proxy = await startProxy({ port, http: kind === "webdav" });
  const place =
    kind === "sftp"
      ? { TYPE: "sftp", HOST: "127.0.0.1", PORT: String(proxy.port) }
      : { TYPE: "webdav", VENDOR: "other", URL: `http://127.0.0.1:${proxy.port}` };
  return fileServer(proxy, dir, "", [server, folder], {
    ...place,
    USER: user,
    PASS: await obscure(password),
  });
}

function fileServer(
  proxy: Proxy,
  dir: string,
  root: string,
  [server, folder]: readonly [{ stop(): Promise<void> }, { remove(): void }],
  settings: Readonly<Record<string, string>>,
): FileServer {
  const stop = async (): Promise<void> => {
    await proxy.stop();
    await server.stop();
    folder.remove();
  };
  return {
    host: "127.0.0.1",
    port: proxy.port,
    dir,
    proxy,
    remoteEnv: (name) =>
      Object.fromEntries(
        Object.entries(settings).map(([key, value]) => [`RCLONE_CONFIG_${name.toUpperCase()}_${key}`, value]),
      ),
    remotePath: (name, path = "") => `${name}:${[root, path].filter((part) => part !== "").join("/")}`,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Makes an SSH key by the ssh-keygen that belongs to the tests' sshd, else by the machine's. */
export async function makeSshKey(file: string): Promise<void> {
  const beside = componentPath("sshd").replace(/sbin\/sshd$/, "bin/ssh-keygen");
  const keygen = existsSync(beside) ? beside : "ssh-keygen";
  await runOk([keygen, "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", file]);
  chmodSync(file, 0o600);
}

/** A password as rclone's settings want it. */
async function obscure(password: string): Promise<string> {
  return (await runOk([componentPath("rclone-current"), "obscure", password])).trim();
}
