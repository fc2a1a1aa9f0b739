import { afterAll, beforeAll, expect } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { componentPath, needs } from "../support/components.ts";
import { fakeTools } from "../support/fake-tools.ts";
import { run, runOk, systemPath } from "../support/run.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";

const { describe, test } = needs("runtimes");

const root = join(import.meta.dirname, "../..");
const version = "9.9.9";
const own = process.arch === "arm64" ? "arm64" : "x64";

/** curl and wget as the script calls them; a machine of the tests need not have either. */
const download = (file: string, url: string) =>
  `exec "${process.execPath}" -e 'const r = await fetch(process.argv[2]); if (!r.ok) process.exit(22); await Bun.write(process.argv[1], r)' "${file}" "${url}"`;
const curl = `[ "$1 $2 $3 $4 $5" = "--fail --silent --show-error --location --output" ] || exit 2\n${download("$6", "$7")}`;
const wget = `[ "$1 $2" = "-q -O" ] || exit 2\n${download("$3", "$4")}`;

describe("a release", () => {
  let release: TempFolder;
  beforeAll(async () => {
    release = tempFolder("release");
    const env = { PATH: `${join(process.execPath, "..")}:${systemPath}`, HOME: release.path };
    await runOk(["sh", join(root, "scripts/release.sh"), release.file("files"), version, "redis"], {
      env: { ...env, BUN_INSTALL_CACHE_DIR: componentPath("runtimes") },
      timeoutMs: 300_000,
    });
  }, 300_000);
  afterAll(() => release?.remove());

  const targets = ["linux-arm64", "linux-arm64-musl", "linux-x64", "linux-x64-musl"];

  test("holds one file of an engine for each platform, and their checksums", async () => {
    const files = targets.map((target) => `dbstash-redis-${target}.gz`);
    expect(readdirSync(release.file("files")).toSorted()).toEqual(["SHA256SUMS", ...files].toSorted());
    const said = await runOk(["sha256sum", "-c", "SHA256SUMS"], { cwd: release.file("files") });
    expect(said.trim().split("\n").toSorted()).toEqual(files.map((file) => `${file}: OK`).toSorted());
  });

  for (const [target, machine, loader] of [
    ["linux-x64", 62, "/lib64/ld-linux-x86-64.so.2"],
    ["linux-x64-musl", 62, "/lib/ld-musl-x86_64.so.1"],
    ["linux-arm64", 183, "/lib/ld-linux-aarch64.so.1"],
    ["linux-arm64-musl", 183, "/lib/ld-musl-aarch64.so.1"],
  ] as const)
    test(`the file of ${target} is a program for that machine and C library`, () => {
      const file = release.file(`files/dbstash-redis-${target}.gz`);
      expect(elf(Bun.gunzipSync(readFileSync(file)))).toEqual({ machine, loader });
    });

  /** Runs install.sh against a web server that has this release, as both its newest and its named one. */
  async function install(engines: readonly string[], options: InstallOptions = {}) {
    using folder = tempFolder("install");
    using tools = fakeTools({ ...options.tools, ...(options.without === "curl" ? { wget } : { curl }) });
    const asked: string[] = [];
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request) => {
        const { pathname } = new URL(request.url);
        asked.push(pathname);
        const name = pathname.split("/").at(-1) ?? "";
        const file = join(release.path, "files", name);
        if (!existsSync(file)) return new Response("no such file", { status: 404 });
        return new Response(name === options.broken ? "something else" : Bun.file(file));
      },
    });
    if (options.before !== undefined) writeFileSync(folder.file("dbstash-redis"), options.before);
    // Nothing of the system's own but what the script may count on everywhere.
    const { exitCode, stdout, stderr } = await run(["sh", join(root, "install.sh"), ...engines], {
      env: {
        PATH: `${tools.dir}:${plainPath.dir}`,
        DBSTASH_RELEASES: server.url.href.replace(/\/$/, ""),
        DBSTASH_FOLDER: folder.path,
        ...options.env,
      },
    });
    await server.stop(true);
    const file = folder.file("dbstash-redis");
    const installed = existsSync(file)
      ? {
          executable: (statSync(file).mode & 0o111) === 0o111,
          text: readFileSync(file).subarray(0, 100).toString(),
        }
      : null;
    const says = installed?.executable === true ? (await run([file, "--version"])).stdout.trim() : null;
    return { exitCode, stdout, stderr, asked, installed, says, files: readdirSync(folder.path) };
  }

  const plainPath = fakeTools(
    Object.fromEntries(
      [
        "sh",
        "mktemp",
        "rm",
        "grep",
        "sha256sum",
        "mkdir",
        "gunzip",
        "gzip",
        "chmod",
        "mv",
        "uname",
        "ldd",
        "cat",
      ]
        .flatMap((name) => Bun.which(name) ?? [])
        .map((link) => [link.split("/").at(-1) ?? "", { link }]),
    ),
  );
  afterAll(() => plainPath.remove());

  for (const without of ["wget", "curl"] as const)
    test(`is installed on a machine without ${without}`, async () => {
      const { exitCode, stderr, asked, says, files } = await install(["redis"], { without });
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
      expect(says).toBe(`dbstash-redis ${version}`);
      expect(files).toEqual(["dbstash-redis"]);
      expect(asked).toEqual(
        ["SHA256SUMS", `dbstash-redis-linux-${own}.gz`].map((name) => `/latest/download/${name}`),
      );
    });

  test("is installed by its version, over an older executable", async () => {
    const { exitCode, asked, says } = await install(["redis"], {
      before: "old",
      env: { DBSTASH_VERSION: version },
    });
    expect(exitCode).toBe(0);
    expect(asked[0]).toBe(`/download/v${version}/SHA256SUMS`);
    expect(says).toBe(`dbstash-redis ${version}`);
  });

  for (const [what, env, repository] of [
    ["by default", {}, "viperadnan/dbstash"],
    ["by DBSTASH_REPOSITORY", { DBSTASH_REPOSITORY: "some-one/fork" }, "some-one/fork"],
  ] as const)
    test(`is fetched from GitHub ${what}`, async () => {
      using tools = fakeTools({ curl: "exit 22" });
      const { exitCode, stderr } = await run(["sh", join(root, "install.sh"), "redis"], {
        env: { PATH: `${tools.dir}:${plainPath.dir}`, ...env },
      });
      const address = `https://github.com/${repository}/releases/latest/download/SHA256SUMS`;
      expect([exitCode, stderr]).toEqual([1, `error: can't fetch ${address}\n`]);
      expect(tools.calls("curl")[0]?.at(-1)).toBe(address);
    });

  for (const [machine, libc, target] of [
    ["x86_64", "musl libc (x86_64)", "linux-x64-musl"],
    ["aarch64", "ldd (Debian GLIBC 2.36)", "linux-arm64"],
    ["aarch64", "musl libc (aarch64)", "linux-arm64-musl"],
  ] as const)
    test(`is the file of ${target} on a machine of that kind, and refused where it does not run`, async () => {
      const tools = {
        uname: `case $1 in -m) echo ${machine} ;; *) echo Linux ;; esac`,
        ldd: `echo '${libc}' >&2; exit 1`,
        // What it unpacks does not run, as on a machine that lacks a library.
        gunzip: "echo '#!/bin/sh'; echo 'exit 127'",
      };
      const { exitCode, stderr, asked, files } = await install(["redis"], { tools });
      expect(asked[1]).toBe(`/latest/download/dbstash-redis-${target}.gz`);
      expect(exitCode).toBe(1);
      expect(stderr).toContain("does not run here");
      expect(files).toEqual([]);
    });

  test("that is not what its checksums say leaves the old executable in its place", async () => {
    const broken = `dbstash-redis-linux-${own}.gz`;
    const { exitCode, stderr, installed, files } = await install(["redis"], { before: "old", broken });
    expect(exitCode).toBe(1);
    expect(stderr).toBe(`error: ${broken} is not what SHA256SUMS says it is\n`);
    expect(installed?.text).toBe("old");
    expect(files).toEqual(["dbstash-redis"]);
  });

  const refusals: readonly (readonly [string, string[], InstallOptions, string])[] = [
    ["without the engine", ["oracle"], {}, `this release has no dbstash-oracle-linux-${own}.gz`],
    ["when no engine is named", [], {}, "name the engines to install"],
    ["on another system", ["redis"], { tools: { uname: "echo Darwin" } }, "dbstash runs on Linux"],
    [
      "on another machine",
      ["redis"],
      { tools: { uname: "case $1 in -m) echo s390x ;; *) echo Linux ;; esac" } },
      "there is no dbstash for s390x",
    ],
  ];
  for (const [when, engines, options, message] of refusals)
    test(`is refused ${when}`, async () => {
      const { exitCode, stderr, files } = await install(engines, options);
      expect(exitCode).toBe(1);
      expect(stderr).toContain(message);
      expect(files).toEqual([]);
    });
});

interface InstallOptions {
  readonly without?: "curl" | "wget";
  readonly env?: Readonly<Record<string, string>>;
  readonly tools?: Readonly<Record<string, string>>;
  /** A file the server gives something else for. */
  readonly broken?: string;
  /** What is installed already. */
  readonly before?: string;
}

/** The machine and the loader that an ELF program names. */
function elf(program: Uint8Array): { machine: number; loader: string } {
  const bytes = Buffer.from(program.buffer, program.byteOffset, program.byteLength);
  const [start, size, count] = [
    Number(bytes.readBigUInt64LE(32)),
    bytes.readUInt16LE(54),
    bytes.readUInt16LE(56),
  ];
  const headers = Array.from({ length: count }, (_, index) => start + index * size);
  const interpreter = headers.find((at) => bytes.readUInt32LE(at) === 3);
  if (interpreter === undefined) throw new Error("a program without a loader");
  const [offset, length] = [interpreter + 8, interpreter + 32].map((at) => Number(bytes.readBigUInt64LE(at)));
  return {
    machine: bytes.readUInt16LE(18),
    loader: bytes.subarray(offset, (offset ?? 0) + (length ?? 0) - 1).toString(),
  };
}
