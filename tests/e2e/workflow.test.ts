import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import manifest from "../../package.json";
import { componentPath, needs } from "../support/components.ts";
import { type FakeTools, fakeTools } from "../support/fake-tools.ts";
import { run, systemPath } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";

const { test: testWithActionlint } = needs("actionlint");

const root = join(import.meta.dirname, "../..");
const workflow = readFileSync(join(root, ".github/workflows/build.yml"), "utf8");

/** What actionlint says of a workflow, without the tools of this machine that it would call where it finds them. */
function lint(text: string) {
  const argv = [componentPath("actionlint"), "-no-color", "-shellcheck=", "-pyflakes=", "-"];
  return run(argv, { stdin: text });
}

testWithActionlint("actionlint has nothing to say of the workflow", async () => {
  expect(await lint(workflow)).toMatchObject({ exitCode: 0, stdout: "" });
});

testWithActionlint("actionlint would see an output that no step has", async () => {
  const { exitCode, stdout } = await lint(
    workflow.replace("steps.build.outputs.digest", "steps.bild.outputs.digest"),
  );
  expect(exitCode).toBe(1);
  expect(stdout).toContain("bild");
});

/** The script of a job's step, as bash runs it there. */
async function runStep(job: string, name: string, env: Readonly<Record<string, string>>, tools: FakeTools) {
  const { jobs } = Bun.YAML.parse(workflow) as {
    jobs: Record<string, { steps: { name?: string; run?: string }[] }>;
  };
  const script = jobs[job]?.steps.find((step) => step.name === name)?.run;
  if (script === undefined) throw new Error(`job ${job} has no step ${name}`);
  using folder = tempFolder("step");
  for (const file of ["package.json", ".github/images.json", "install.sh", "release/SHA256SUMS"]) {
    mkdirSync(dirname(folder.file(file)), { recursive: true });
    writeFileSync(folder.file(file), existsSync(join(root, file)) ? readFileSync(join(root, file)) : "");
  }
  const { exitCode, stdout } = await run(
    ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script],
    {
      cwd: folder.path,
      env: { PATH: `${tools.dir}:${systemPath}`, GITHUB_OUTPUT: folder.file("output"), ...env },
    },
  );
  const made = (name: string) =>
    existsSync(folder.file(name)) ? readFileSync(folder.file(name), "utf8") : "";
  return { exitCode, stdout, output: made("output"), installer: made("release/install.sh") };
}

describe("the tags of an image", () => {
  const amd64 = "a".repeat(64);
  const arm64 = "b".repeat(64);
  const joined = async (env: Readonly<Record<string, string>>, digests = [amd64, arm64]) => {
    using tools = fakeTools({
      gh: digests
        .map((digest) => `mkdir -p digests/${digest[0]}; : >digests/${digest[0]}/${digest}`)
        .join("\n"),
      docker: "",
    });
    const given = { IMAGE: "example/x", ENGINE: "pg", DB_VERSION: "18", VERSION: "1.2.3", ...env };
    const { exitCode } = await runStep("tag", "Join the platforms under their tags", given, tools);
    const created = tools.calls("docker").find((args) => args.includes("create")) ?? [];
    return {
      exitCode,
      tags: created.filter((word) => word.startsWith("--tag=")).map((word) => word.slice("--tag=".length)),
      digests: created.filter((word) => word.includes("@")).toSorted(),
    };
  };

  test.each<[string, Record<string, string>, string[]]>([
    ["of main", { GITHUB_REF_TYPE: "branch", NEWEST: "true" }, ["pg-18"]],
    ["of a release", { GITHUB_REF_TYPE: "tag", NEWEST: "" }, ["pg-18", "pg-18-1.2.3"]],
    [
      "of a release, of an engine's newest version",
      { GITHUB_REF_TYPE: "tag", NEWEST: "true" },
      ["pg-18", "pg-18-1.2.3", "pg-latest", "pg"],
    ],
  ])("%s", async (_, env, tags) => {
    expect(await joined(env)).toEqual({
      exitCode: 0,
      tags: tags.map((tag) => `example/x:${tag}`),
      digests: [`example/x@sha256:${amd64}`, `example/x@sha256:${arm64}`],
    });
  });

  test("are not given to one platform alone", async () => {
    expect(await joined({ GITHUB_REF_TYPE: "tag" }, [amd64])).toMatchObject({ exitCode: 1, tags: [] });
  });
});

describe("the version", () => {
  const { version } = manifest;
  const plan = async (env: Readonly<Record<string, string>>) => {
    // As jq prints them: it is on the runners, and need not be here.
    using tools = fakeTools({ jq: `case $2 in .version) echo '${version}' ;; *) echo '[]' ;; esac` });
    const name = "Read images and version, and compare the version with the tag";
    return await runStep(
      "plan",
      name,
      { GITHUB_SHA: "0123456789abcdef", GITHUB_REPOSITORY: "Some-One/DBstash", ...env },
      tools,
    );
  };
  test.each<[string, Record<string, string>, string]>([
    ["of main holds the commit", { GITHUB_REF_TYPE: "branch" }, `version=${version}-main.0123456\n`],
    [
      "of a release is the tag's",
      { GITHUB_REF_TYPE: "tag", GITHUB_REF_NAME: `v${version}` },
      `version=${version}\n`,
    ],
  ])("%s", async (_, env, output) => {
    expect(await plan(env)).toMatchObject({ exitCode: 0, output: expect.stringContaining(output) });
  });

  test("comes with the image's name in the repository's own registry, without capitals", async () => {
    const { output } = await plan({ GITHUB_REF_TYPE: "branch" });
    expect(output).toContain("image=ghcr.io/some-one/dbstash\n");
  });

  test("is refused when the tag says another one", async () => {
    const env = { GITHUB_REF_TYPE: "tag", GITHUB_REF_NAME: "v0.0.9" };
    expect(await plan(env)).toMatchObject({ exitCode: 1, output: "" });
  });
});

test("the installer of a release fetches from the repository that made it", async () => {
  using tools = fakeTools({ gh: "" });
  const env = { GITHUB_REPOSITORY: "Some-One/dbstash", GITHUB_REF_NAME: "v1.2.3" };
  const { exitCode, installer } = await runStep("release", "Attach the executables", env, tools);
  expect(exitCode).toBe(0);
  expect(installer).toContain("repository=${DBSTASH_REPOSITORY:-Some-One/dbstash}\n");
  expect(installer).not.toContain("viperadnan");
  expect(installer.split("\n")).toHaveLength(
    readFileSync(join(root, "install.sh"), "utf8").split("\n").length,
  );
  expect(tools.calls("gh")[0]?.toSorted()).toContain("release/install.sh");
});
