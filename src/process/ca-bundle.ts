import { statSync } from "node:fs";
import { join } from "node:path/posix";

type Env = Readonly<Record<string, string | undefined>>;

/** Where systems keep the public authorities in one file: Debian and Alpine, RHEL, SUSE, others (as Go looks for them). */
const bundles = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/tls/cacert.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** What certificates can be checked by on this machine: the system's bundle, and libpq's own file; null for none. */
export function findAuthorities(env: Env): {
  readonly caBundle: string | null;
  readonly libpqRoot: string | null;
} {
  const named = env["SSL_CERT_FILE"];
  const libpqRoot = env["PGSSLROOTCERT"] ?? join(env["HOME"] ?? "/root", ".postgresql/root.crt");
  return {
    caBundle: [...(named === undefined ? [] : [named]), ...bundles].find(isFile) ?? null,
    libpqRoot: isFile(libpqRoot) ? libpqRoot : null,
  };
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    // Not there, or in a folder that is closed to us: no tool of ours could read it either.
    return false;
  }
}
