import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findAuthorities } from "../../../src/process/ca-bundle.ts";

test("authorities are found by the environment first, and are files", () => {
  const folder = mkdtempSync(join(tmpdir(), "dbstash-test-"));
  try {
    const bundle = join(folder, "bundle.pem");
    const root = join(folder, ".postgresql/root.crt");
    mkdirSync(join(folder, ".postgresql"));
    expect(findAuthorities({ HOME: folder }).libpqRoot).toBeNull();
    for (const file of [bundle, root]) writeFileSync(file, "");
    expect(findAuthorities({ HOME: folder, SSL_CERT_FILE: bundle })).toEqual({
      caBundle: bundle,
      libpqRoot: root,
    });
    expect(findAuthorities({ HOME: folder, PGSSLROOTCERT: bundle }).libpqRoot).toBe(bundle);
    expect(findAuthorities({ HOME: folder, PGSSLROOTCERT: "system" }).libpqRoot).toBeNull();
    expect(findAuthorities({ HOME: folder, SSL_CERT_FILE: folder }).caBundle).not.toBe(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
