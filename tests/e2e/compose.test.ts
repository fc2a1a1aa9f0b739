import { expect } from "bun:test";
import { chmodSync, cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { componentPath, needs } from "../support/components.ts";
import { documentText, fenced } from "../support/documents.ts";
import { run } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";

const { test } = needs("docker-compose");

const root = join(import.meta.dirname, "../..");
const example = readFileSync(join(root, "docker-compose.example.yml"), "utf8");
/** The images' user. */
const uid = 65_532;

/** What `docker compose config` makes of a file. */
async function config(text: string, ...more: string[]) {
  using folder = tempFolder("compose");
  writeFileSync(folder.file("docker-compose.yml"), text);
  return await run([componentPath("docker-compose"), ...more, "config", "--format", "json"], {
    cwd: folder.path,
    env: { HOME: folder.path, PATH: "/usr/bin:/bin" },
  });
}

for (const [what, text, services] of [
  ["the example", example, ["backup-mongo", "backup-postgres"]],
  ["README.md's job", fenced(documentText("README.md"), "yaml").join(""), ["backup"]],
] as const)
  test(`${what} is a Compose file, and hands the secrets over where the settings look for them`, async () => {
    await expectHandedOver(text, services);
  });

test("the example starts PostgreSQL's job alone unless it is asked for more", async () => {
  const { stdout } = await config(example);
  expect(Object.keys((JSON.parse(stdout) as { services: object }).services)).toEqual(["backup-postgres"]);
});

async function expectHandedOver(text: string, names: readonly string[]): Promise<void> {
  const { exitCode, stdout, stderr } = await config(text, "--profile", "mongo");
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  const { services } = JSON.parse(stdout) as {
    services: Record<string, { environment: Record<string, string>; secrets: { source: string }[] }>;
  };
  expect(Object.keys(services).toSorted()).toEqual([...names]);
  for (const { environment, secrets } of Object.values(services)) {
    const paths = Object.values(environment).filter((value) => value.startsWith("/run/secrets/"));
    expect(paths.toSorted()).toEqual(secrets.map(({ source }) => `/run/secrets/${source}`).toSorted());
  }
}

test("a wrong key in it would be found", async () => {
  const { exitCode, stderr } = await config(example.replace("stop_grace_period", "stop_grace"));
  expect(exitCode).not.toBe(0);
  expect(stderr).toContain("stop_grace");
});

test("a secret that only root can read is refused with its mode, both users and the ways out", async () => {
  using folder = tempFolder("secret");
  chmodSync(folder.path, 0o755);
  const [program, secret] = [folder.file("dbstash-pg"), folder.file("pg_uri")];
  cpSync(join(process.env["DBSTASH_DIST"] ?? join(root, "dist"), "dbstash-pg"), program);
  writeFileSync(secret, "postgresql://backup:password@postgres/shop");
  // Whoever is not root may not even read what is their own.
  const isRoot = process.getuid?.() === 0;
  chmodSync(secret, isRoot ? 0o600 : 0o000);
  const asImageUser = isRoot
    ? ["setpriv", "--reuid", String(uid), "--regid", String(uid), "--clear-groups"]
    : [];
  const { exitCode, stderr } = await run([...asImageUser, program], {
    env: { PATH: "/usr/bin:/bin", DB_URI_FILE: secret, RCLONE_REMOTE: "/nowhere", BACKUP_SCHEDULE: "once" },
  });
  expect(exitCode).toBe(2);
  expect(stderr).toContain(`error: DB_URI_FILE (--db-uri-file) names ${secret}, which can't be read`);
  expect(stderr).toContain(`mode ${isRoot ? "0600 and owner 0" : "0000"}`);
  expect(stderr).toContain(`runs as uid ${isRoot ? uid : process.getuid?.()}`);
  expect(stderr).toMatch(/chmod 0444 .*user:/);
  expect(stderr.match(/^error:/gm)).toHaveLength(1);
});
