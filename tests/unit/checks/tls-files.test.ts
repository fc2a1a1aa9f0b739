import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requireTlsFiles } from "../../../src/checks/tls-files.ts";
import { postgres } from "../../../src/engine/postgres/postgres.ts";
import { UsageError } from "../../../src/errors.ts";
import { requestOf } from "../engine/dump-request.ts";

function problemsOf(query: string): string[] {
  try {
    requireTlsFiles({ engine: postgres, request: requestOf(`postgresql://h/db?${query}`) }, {});
    return [];
  } catch (error) {
    if (error instanceof UsageError) return error.problems.map(({ message }) => message);
    throw error;
  }
}

test("files for TLS that are not there are problems, all at once", () => {
  const folder = mkdtempSync(join(tmpdir(), "dbstash-test-"));
  try {
    const file = join(folder, "ca.pem");
    writeFileSync(file, "");
    expect(problemsOf(`sslrootcert=${file}`)).toEqual([]);
    expect(problemsOf("sslmode=require")).toEqual([]);
    expect(problemsOf(`sslrootcert=${folder}/a&sslcrl=${folder}/b`)).toEqual([
      `DB_URI (--db-uri): sslrootcert names ${folder}/a, which does not exist`,
      `DB_URI (--db-uri): sslcrl names ${folder}/b, which does not exist`,
    ]);
    expect(problemsOf("sslmode=verify-ca")).toEqual([expect.stringContaining("names no authority")]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
