import { afterAll, beforeAll, expect } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { componentPath, needs } from "../support/components.ts";
import { documentText, fenced } from "../support/documents.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { runOk, systemPath } from "../support/run.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";

const { available, describe, test } = needs("postgresql", "rclone-current");
const dist = process.env["DBSTASH_DIST"] ?? join(import.meta.dirname, "../../dist");
const page = documentText("docs/recipes.md");

/** The one block of the page that contains this text. */
function block(language: string, containing: string): string {
  const [found, ...others] = fenced(page, language).filter((text) => text.includes(containing));
  if (found === undefined || others.length > 0) throw new Error(`not one block contains ${containing}`);
  return found;
}

describe("the recipes", () => {
  let pg: PostgresServer;
  if (available) {
    beforeAll(async () => {
      pg = await startPostgres();
      await pg.createDatabase("shop");
    }, 60_000);
    afterAll(() => pg.stop());
  }

  /** A folder with rclone.conf and two places, and what runs a shell in it. */
  function workplace(conf: string): TempFolder & { sh(script: string): Promise<string> } {
    const folder = tempFolder("recipe");
    for (const name of ["one", "two"]) mkdirSync(folder.file(name));
    writeFileSync(folder.file("rclone.conf"), conf.replaceAll("HERE", folder.path));
    const tools = [dist, pg.binDir, dirname(componentPath("rclone-current")), systemPath];
    const env = { ...pg.env, HOME: folder.path, PATH: tools.join(":"), LANG: "C.UTF-8" };
    return { ...folder, sh: (script) => runOk(["sh", "-e", "-c", script], { cwd: folder.path, env }) };
  }

  const backUp = "dbstash-pg backup --env-file job.env";

  test("a union stores in both of two folders at once, under the same name", async () => {
    // all: in both, or the backup has failed.
    using work = workplace(
      "[both]\ntype = union\nupstreams = HERE/one HERE/two\naction_policy = all\ncreate_policy = all\n",
    );
    const more = [`RCLONE_CONFIG_FILE='${work.file("rclone.conf")}'`, "RCLONE_REMOTE='both:'"];
    writeFileSync(work.file("job.env"), [`DB_URI='${pg.uri("shop")}'`, ...more].join("\n"));
    await work.sh(backUp);
    const stored = ["one", "two"].map((name) => readdirSync(work.file(name)));
    expect(stored[0]).toEqual([expect.stringMatching(/^shop-.*\.sql$/)]);
    expect(stored[1]).toEqual(stored[0]);
    const [file = ""] = stored[0] ?? [];
    expect(readFileSync(work.file(`two/${file}`), "utf8")).toBe(
      readFileSync(work.file(`one/${file}`), "utf8"),
    );
  }, 60_000);

  test("a post hook copies what was stored to a second place", async () => {
    using work = workplace("[s3]\ntype = alias\nremote = HERE/one\n[nas]\ntype = alias\nremote = HERE/two\n");
    const more = [
      `RCLONE_CONFIG_FILE='${work.file("rclone.conf")}'`,
      "RCLONE_REMOTE='s3:my-bucket/backups'",
      block("sh", "rclone copyto").trim(),
    ];
    writeFileSync(work.file("job.env"), [`DB_URI='${pg.uri("shop")}'`, ...more].join("\n"));
    await work.sh(backUp);
    const [first, second] = ["one/my-bucket/backups", "two/backups"].map((name) =>
      readdirSync(work.file(name)),
    );
    expect(first).toHaveLength(1);
    expect(second).toEqual(first ?? []);
  }, 60_000);

  test("roles and tablespaces are a job of a few kB", async () => {
    using work = workplace("");
    const job = block("sh", "globals.env")
      .replace(/^DB_URI=.*$/m, `DB_URI='${pg.uri()}'`)
      .replace("s3:my-bucket/globals", work.file("one"));
    writeFileSync(work.file("job.env"), job);
    await work.sh(backUp);
    const [name = "", ...others] = readdirSync(work.file("one"));
    expect(others).toEqual([]);
    const text = readFileSync(work.file(`one/${name}`), "utf8");
    expect(text).toContain("CREATE ROLE");
    expect(text.length).toBeLessThan(20_000);
  }, 60_000);
});
