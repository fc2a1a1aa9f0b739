import { mkdirSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { componentPath } from "./components.ts";
import { type Proxy, startProxy } from "./proxy.ts";
import { runOk, systemPath } from "./run.ts";
import { startServer } from "./server.ts";
import { tempFolder } from "./temp.ts";

/** An S3 server of the test's own, with one bucket, behind a proxy. */
export interface S3Server extends AsyncDisposable {
  /** Through the proxy. */
  readonly endpoint: string;
  readonly directEndpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly bucket: string;
  /** The bucket's folder on disk. */
  readonly dir: string;
  readonly proxy: Proxy;
  /** The variables that define a remote of this name, for every rclone: `name:bucket/path`. */
  remoteEnv(name: string): Record<string, string>;
  /** The keys of all objects, sorted, as they lie on the server's disk. */
  list(): string[];
  /** The keys of the multipart uploads that were begun and neither completed nor aborted. */
  multipartUploads(): Promise<string[]>;
  stop(): Promise<void>;
}

export interface S3Options {
  readonly bucket?: string;
  /** False: objects have no ETag. This server reads a whole object to make one, on every look at it. */
  readonly etag?: boolean;
}

/** Starts `rclone serve s3` on a folder: an object appears in it only when its upload is complete. */
export async function startS3(options: S3Options = {}): Promise<S3Server> {
  const { bucket = "backups", etag = true } = options;
  const [accessKey, secretKey] = ["AKIATESTTESTTEST", "s3cr3t+Key/With=Signs"];
  const folder = tempFolder("s3");
  const dir = join(folder.path, "data", bucket);
  mkdirSync(dir, { recursive: true });
  const rclone = componentPath("s3-server");
  const flags = ["--addr", "127.0.0.1:0", "--auth-key", `${accessKey},${secretKey}`, "--config", ""];
  if (!etag) flags.push("--etag-hash", "");
  const address = /http:\/\/127\.0\.0\.1:(\d+)/;
  const server = await startServer({
    // Objects a test puts on the disk itself are to be seen at once.
    command: [rclone, "serve", "s3", ...flags, "--dir-cache-time", "1ms", join(folder.path, "data")],
    logFile: folder.file("log"),
    asRoot: true,
    stopSignal: "SIGKILL",
    isReady: (output) => address.test(output),
  });
  const port = Number(address.exec(server.output())?.[1]);
  const proxy = await startProxy({ port, http: true });
  const remoteEnv = (name: string, endpoint: string): Record<string, string> => {
    const prefix = `RCLONE_CONFIG_${name.toUpperCase()}`;
    return {
      [`${prefix}_TYPE`]: "s3",
      [`${prefix}_PROVIDER`]: "Other",
      [`${prefix}_ENDPOINT`]: endpoint,
      [`${prefix}_ACCESS_KEY_ID`]: accessKey,
      [`${prefix}_SECRET_ACCESS_KEY`]: secretKey,
      [`${prefix}_REGION`]: "us-east-1",
    };
  };
  const [endpoint, directEndpoint] = [`http://127.0.0.1:${proxy.port}`, `http://127.0.0.1:${port}`];
  const stop = async (): Promise<void> => {
    await proxy.stop();
    await server.stop();
    folder.remove();
  };
  return {
    endpoint,
    directEndpoint,
    accessKey,
    secretKey,
    bucket,
    dir,
    proxy,
    remoteEnv: (name) => remoteEnv(name, endpoint),
    list: () =>
      readdirSync(dir, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && !entry.name.startsWith(".rclone_temp"))
        .map((entry) => relative(dir, join(entry.parentPath, entry.name)))
        .toSorted(),
    multipartUploads: async () => {
      const env = { PATH: systemPath, HOME: folder.path, ...remoteEnv("direct", directEndpoint) };
      const command = [rclone, "backend", "list-multipart-uploads", `direct:${bucket}`, "--config", ""];
      const uploads = JSON.parse(await runOk(command, { env })) as Record<string, readonly { Key: string }[]>;
      return (uploads[bucket] ?? []).map((upload) => upload.Key).toSorted();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
