import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { engineNames } from "../../src/kinds.ts";

const root = join(import.meta.dirname, "../..");
const text = readFileSync(join(root, ".github/workflows/build.yml"), "utf8");

interface Job {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly "timeout-minutes"?: number;
  readonly steps: readonly { readonly run?: string; readonly uses?: string }[];
}

const workflow = Bun.YAML.parse(text) as {
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
};

/** A published image: its engine, the version in its tag, and the tag of the database's image its tools are from. */
interface Image {
  readonly engine: string;
  readonly version: string;
  readonly tools: string;
  readonly dockerfile?: string;
  readonly newest?: true;
}

const images = JSON.parse(readFileSync(join(root, ".github/images.json"), "utf8")) as readonly Image[];

describe("the workflow", () => {
  test("takes every action by its commit, with the version beside it", () => {
    const uses = text.split("\n").filter((line) => /\buses:/.test(line));
    expect(uses.length).toBeGreaterThan(5);
    const unpinned = uses.filter((line) => !/uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line));
    expect(unpinned).toEqual([]);
  });

  test("takes one action at one commit", () => {
    const pins = [...text.matchAll(/uses: ([\w./-]+)@(\w+)/g)].map(([, name, commit]) => [name, commit]);
    expect(new Set(pins.map(String)).size).toBe(new Set(pins.map(([name]) => name)).size);
  });

  test("may write nothing but packages where images are made, and contents where the release is", () => {
    expect(workflow.permissions).toEqual({ contents: "read" });
    const writes = Object.entries(workflow.jobs).flatMap(([name, { permissions = {} }]) =>
      Object.entries(permissions)
        .filter(([, right]) => right !== "read")
        .map(([scope, right]) => `${name}: ${scope} ${right}`),
    );
    expect(writes).toEqual(["image: packages write", "tag: packages write", "release: contents write"]);
  });

  test("publishes for the repository it runs in, and names none", () => {
    expect(text).not.toMatch(/ghcr\.io\/\w|github\.com\/\w|github\.repository *[!=]=/);
    expect(text).toContain('"image=ghcr.io/${GITHUB_REPOSITORY,,}"');
    const home = /^const repository = "(.*)";$/m.exec(
      readFileSync(join(root, "src/commands/address.ts"), "utf8"),
    )?.[1];
    const script = readFileSync(join(root, "install.sh"), "utf8");
    expect(script.split(home ?? "?")).toHaveLength(2);
  });

  test("lets no job run for ever", () => {
    for (const job of Object.values(workflow.jobs)) expect(job["timeout-minutes"]).toBeGreaterThan(0);
  });

  test("puts no expression into a script, where its value would be code", () => {
    const scripts = Object.values(workflow.jobs).flatMap(({ steps }) =>
      steps.flatMap((step) => step.run ?? []),
    );
    expect(scripts.length).toBeGreaterThan(4);
    expect(scripts.filter((script) => script.includes("${{"))).toEqual([]);
  });

  test("runs what a change must pass", () => {
    expect(workflow.jobs["test"]?.steps.map((step) => step.run)).toContain(".ci/run");
  });

  test("compiles with the Bun that is tested, and so do the images", () => {
    const tested = /^bun_version=(.*)$/m.exec(readFileSync(join(root, "scripts/bootstrap.sh"), "utf8"))?.[1];
    expect(text).toContain(`bun-version: ${tested}\n`);
    for (const name of new Set(images.map(({ engine, dockerfile = engine }) => dockerfile)))
      expect(readFileSync(join(root, `docker/Dockerfile.${name}`), "utf8")).toContain(`oven/bun:${tested}-`);
  });
});

describe("the images that are published", () => {
  test("are of every engine, each version once", () => {
    expect([...new Set(images.map(({ engine }) => engine))].toSorted()).toEqual(engineNames.toSorted());
    expect(new Set(images.map(({ engine, version }) => `${engine}-${version}`)).size).toBe(images.length);
  });

  test("have a Dockerfile each, and tools of their own version", () => {
    for (const { engine, version, tools, dockerfile = engine } of images) {
      expect(existsSync(join(root, `docker/Dockerfile.${dockerfile}`))).toBe(true);
      expect(tools.split(".")[0]).toBe(version);
    }
  });

  test("have one newest of each engine, the one with the highest version", () => {
    const highest = Object.entries(Object.groupBy(images, ({ engine }) => engine)).map(
      ([engine, all = []]) => [engine, String(Math.max(...all.map(({ version }) => Number(version))))],
    );
    const newest = images.filter((image) => image.newest).map(({ engine, version }) => [engine, version]);
    expect(newest).toEqual(highest);
  });

  test("are never tagged with a bare latest", () => {
    const tags = [...text.matchAll(/tags\+?=\(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(" "));
    expect(tags).toEqual([
      '"$ENGINE-$DB_VERSION"',
      '"$ENGINE-$DB_VERSION-$VERSION"',
      '"$ENGINE-latest"',
      '"$ENGINE"',
    ]);
  });

  const documents = ["README.md", ...readdirSync(join(root, "docs")).map((name) => `docs/${name}`)]
    .concat("docker-compose.example.yml")
    .filter((name) => /\.(md|yml)$/.test(name))
    .map((name) => readFileSync(join(root, name), "utf8"));

  test("are those of the documentation's table of tags", () => {
    const rows = documents.flatMap((document) => document.match(/^\| `pg-15`[^]*?\n\n/m) ?? []);
    const tags = rows.flatMap((row) => [...row.matchAll(/`([a-z]+-\d+)`/g)].map(([, tag = ""]) => tag));
    expect(tags).toEqual(images.map(({ engine, version }) => `${engine}-${version}`));
  });

  test("are those that the documentation and the Compose example name", () => {
    const named = documents.flatMap((document) => [
      ...document.matchAll(/ghcr\.io\/viperadnan\/dbstash:([a-z]+-\d+)\b/g),
    ]);
    const known = images.map(({ engine, version }) => `${engine}-${version}`);
    expect(named.length).toBeGreaterThan(1);
    expect(named.map(([, tag = ""]) => tag).filter((tag) => !known.includes(tag))).toEqual([]);
  });
});
