import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { goBuilds } from "../../scripts/setup/golang.ts";

const root = join(import.meta.dirname, "../..");
const folder = join(root, "docker");
const files = readdirSync(folder).map((name) => ({ name, text: readFileSync(join(folder, name), "utf8") }));
const dockerfiles = files.filter(({ name }) => name.startsWith("Dockerfile."));
const published = JSON.parse(readFileSync(join(root, ".github/images.json"), "utf8")) as readonly {
  readonly engine: string;
  readonly version: string;
  readonly dockerfile?: string;
}[];

/** A Dockerfile's lines in which it may differ from the others, and all after them. */
function parts(text: string): { readonly head: string; readonly body: string } {
  const at = text.indexOf("\n\n");
  return { head: text.slice(0, at), body: text.slice(at) };
}

test("the Dockerfiles are those of the published images, and differ only in the arguments at their head", () => {
  const named = new Set(published.map(({ engine, dockerfile = engine }) => `Dockerfile.${dockerfile}`));
  expect(dockerfiles.map(({ name }) => name).toSorted()).toEqual([...named].toSorted());
  const bodies = new Set(dockerfiles.map(({ text }) => parts(text).body));
  expect(bodies.size).toBe(1);
  for (const { text } of dockerfiles)
    expect(
      parts(text)
        .head.split("\n")
        .map((line) => line.replace(/=.*/, "")),
    ).toEqual([
      expect.stringMatching(/^# dbstash for /),
      "ARG ENGINE",
      "ARG DB_VERSION",
      "ARG TOOLS_IMAGE",
      "ARG VERSION",
    ]);
});

test("every outside image is named with an exact tag, in a line that Dependabot can read", () => {
  const outside = dockerfiles.flatMap(
    ({ text }) => text.match(/^FROM (?!\$\{TOOLS_IMAGE\}|base\b|scratch\b).*$/gm) ?? [],
  );
  expect(outside.length).toBe(3 * dockerfiles.length);
  for (const line of outside)
    expect(line).toMatch(
      /^FROM [a-z/]+:(\d+\.\d+\.\d+(-slim)?|[a-z]+-slim)(@sha256:[0-9a-f]{64})? AS [a-z]+$/,
    );
});

test("Bun and rclone in the images have the versions that everything else is built and tested with", () => {
  const bootstrap = readFileSync(join(root, "scripts/bootstrap.sh"), "utf8");
  const version = /^bun_version=(.+)$/m.exec(bootstrap)?.[1];
  const rclone = goBuilds.find(({ module }) => module === "rclone")?.version;
  for (const { text } of dockerfiles) {
    const pinned = text.replaceAll(/@sha256:[0-9a-f]+/g, "");
    expect(pinned).toContain(`FROM oven/bun:${version}-slim AS build\n`);
    expect(pinned).toContain(`FROM rclone/rclone:${rclone} AS rclone\n`);
  }
});

test("no architecture is named, nothing is downloaded by hand, no outside syntax is loaded", () => {
  expect(files.length).toBeGreaterThan(dockerfiles.length);
  for (const { text } of files)
    expect(text).not.toMatch(/amd64|x86[-_]64|aarch64|arm64|curl |wget -|ADD http|# *syntax=|apk add/);
});

test("the documents' table of images has every published one, with its size", () => {
  const page = readFileSync(join(root, "docs/docker.md"), "utf8");
  const section = page.slice(page.indexOf("\n## Images\n")).split("\n## ")[1] ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("| `"));
  const tags = rows.flatMap((row) => row.match(/`[a-z]+-\d+`/g) ?? []);
  expect(tags).toEqual(published.map(({ engine, version }) => `\`${engine}-${version}\``));
  for (const row of rows) expect(row).toMatch(/\| +\d+ MB +\| +\d+ MB +\|$/);
});
