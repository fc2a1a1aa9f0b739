import { join } from "node:path";
import { componentPath } from "./components.ts";
import { runOk, systemPath } from "./run.ts";

/** PEM files. */
export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Makes a certificate for 127.0.0.1, which is its own authority, in a folder. */
export async function certificate(folder: string): Promise<Certificate> {
  const [certFile, keyFile] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  // Of the same unpacked packages as zstd: a bare machine has none.
  const root = componentPath("zstd").replace(/tools\/zstd\/zstd$/, "");
  const days = ["-nodes", "-days", "2", "-keyout", keyFile, "-out", certFile];
  const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
  await runOk([join(root, "usr/bin/openssl"), "req", "-x509", "-newkey", "rsa:2048", ...days, ...subject], {
    env: { PATH: systemPath, OPENSSL_CONF: join(root, "etc/ssl/openssl.cnf") },
  });
  return { certFile, keyFile };
}
