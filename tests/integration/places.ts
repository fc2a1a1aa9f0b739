import { afterAll, expect } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { componentPath, type Gate, needs } from "../support/components.ts";
import { type DbstashOptions, type DbstashResult, startDbstash } from "../support/dbstash.ts";
import { type FakeTools, fakeTools } from "../support/fake-tools.ts";
import { waitUntilGone } from "../support/procs.ts";
import { systemPath } from "../support/run.ts";
import { type S3Server, startS3 } from "../support/s3.ts";
import { tempFolder } from "../support/temp.ts";

/** An empty place for the backups of one test. */
export interface Place extends Disposable {
  /** What `RCLONE_REMOTE` is given. */
  readonly remote: string;
  readonly env: Readonly<Record<string, string>>;
  /** Names of all that is stored there, staged uploads too. */
  files(): string[];
  /** Those that a person would take for a backup. */
  published(): string[];
}

/** The kinds of place that faults are tried on: one that can rename, and one that can't. */
export const placeKinds = ["a local folder", "S3"] as const;
export type PlaceKind = (typeof placeKinds)[number];

/** Makes places; one S3 server serves all of a file's tests. */
export class Places {
  #s3: Promise<S3Server> | null = null;

  get s3(): Promise<S3Server> {
    this.#s3 ??= startS3();
    return this.#s3;
  }

  async make(kind: PlaceKind): Promise<Place> {
    return kind === "S3" ? placeOnS3(await this.s3) : localPlace();
  }

  async stop(): Promise<void> {
    await (await this.#s3)?.stop();
  }
}

/** What a file of fault tests begins with: the gate of the components it needs, and places that end with its tests. */
export function faultTests(): Gate & { readonly places: Places } {
  const places = new Places();
  afterAll(() => places.stop());
  return { ...needs("rclone-current", "rclone-old", "s3-server", "zstd", "age"), places };
}

/** A fresh local folder, or the given one. */
export function localPlace(path?: string): Place {
  const folder = tempFolder("place");
  const remote = path ?? folder.path;
  const files = (): string[] =>
    readdirSync(remote, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(remote, join(entry.parentPath, entry.name)))
      .toSorted();
  return {
    remote,
    env: {},
    files,
    published: () => files().filter((name) => !/(^|\/)\.[^/]*\.partial$/.test(name)),
    [Symbol.dispose]: () => folder.remove(),
  };
}

/** The variables by which rclone has to be asked what a folder can do: it has another name for it. */
export function aliasOf(folder: string): Record<string, string> {
  return { RCLONE_REMOTE: "store:", RCLONE_CONFIG_STORE_TYPE: "alias", RCLONE_CONFIG_STORE_REMOTE: folder };
}

/** A prefix of its own in the bucket. */
export function placeOnS3(server: S3Server): Place {
  const prefix = crypto.randomUUID();
  const files = (): string[] =>
    server.list().flatMap((key) => (key.startsWith(`${prefix}/`) ? [key.slice(prefix.length + 1)] : []));
  return {
    remote: `store:${server.bucket}/${prefix}`,
    env: server.remoteEnv("store"),
    files,
    published: files,
    [Symbol.dispose]: () => undefined,
  };
}

/** A job of the tests: which tools it meets, and where it stores. */
export interface FaultRun extends Pick<DbstashOptions, "args" | "rclone" | "onlyPath" | "timeoutMs"> {
  readonly place: Place;
  readonly tools: FakeTools;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts `dbstash-pg` with stand-ins in front of its PATH. */
export function startFaultRun({ place, tools, env = {}, ...options }: FaultRun) {
  return startDbstash("pg", {
    ...options,
    path: [tools.dir],
    env: {
      DB_HOST: "127.0.0.1",
      DB_NAME: "app",
      DB_USER: "backup",
      DB_PASSWORD: "s3cret",
      // What most stand-ins write is no plain dump, and need not be where arguments may ask for another format.
      DUMP_EXTRA_ARGS: "--no-comments",
      RCLONE_REMOTE: place.remote,
      ...place.env,
      ...env,
    },
  });
}

/** The same job's environment, for a test that starts the executable itself; what it leaves lies in the folder. */
export function faultEnvironment(place: Place, fakes: FakeTools, folder: string): Record<string, string> {
  return {
    PATH: `${fakes.dir}:${dirname(componentPath("rclone-current"))}:${systemPath}`,
    TMPDIR: folder,
    XDG_RUNTIME_DIR: folder,
    BACKUP_SCHEDULE: "once",
    DB_HOST: "127.0.0.1",
    DB_NAME: "app",
    DUMP_EXTRA_ARGS: "--no-comments",
    RCLONE_REMOTE: place.remote,
  };
}

/** Stand-ins in a folder, put before the real tools. */
export function tools(scripts: Readonly<Record<string, string | { readonly link: string }>>): FakeTools {
  return fakeTools(scripts);
}

/** All that a run needs but the database's own tools: what is to be missing is on no PATH then. */
export function bareTools(): FakeTools {
  const names = [
    "sh",
    "cat",
    "dd",
    "env",
    "gzip",
    "head",
    "nice",
    "od",
    "rm",
    "setpriv",
    "sleep",
    "tail",
    "tr",
    "zstd",
  ];
  const real = (name: string): string => {
    const found = Bun.which(name, { PATH: systemPath });
    if (found === null) throw new Error(`no ${name} on this machine`);
    return found;
  };
  const links = names.map((name) => [name, { link: real(name) }] as const);
  return fakeTools({ ...Object.fromEntries(links), rclone: { link: componentPath("rclone-current") } });
}

/** A stand-in for rclone that does as `body` says for one verb, and hands every other call to the real one. */
export function rcloneExcept(verb: string, body: string, release: "current" | "old" = "current"): string {
  const real = componentPath(release === "current" ? "rclone-current" : "rclone-old");
  return `REAL='${real}'\nif [ "$1" = ${verb} ]; then\n${body}\nfi\nexec "$REAL" "$@"`;
}

/** What a failed run must look like. */
export interface ExpectedFailure {
  readonly exitCode?: number;
  /** The cause, as the last line names it. */
  readonly error: RegExp;
  /** True where nobody is left, or able, to remove what was staged. */
  readonly partialMayStay?: boolean;
}

/** Nothing stored, no process left, no file left, the exit code, and the cause in the last line. */
export async function expectNothingStored(
  result: DbstashResult,
  place: Place,
  expected: ExpectedFailure,
): Promise<void> {
  await waitUntilGone(result.id);
  const exitCode = expected.exitCode ?? 1;
  const { lastLine } = result;
  expect(String(lastLine?.["error"])).toMatch(expected.error);
  expect(String(lastLine?.["error"])).not.toMatch(/broken pipe/i);
  expect(lastLine).toMatchObject({ level: "error", msg: "backup failed", exit_code: exitCode });
  expect([result.exitCode, result.signal]).toEqual([exitCode, null]);
  expect(result.stdout + result.stderr).not.toContain("s3cret");
  expect(expected.partialMayStay === true ? place.published() : place.files()).toEqual([]);
  expect(leftovers(result)).toEqual([]);
}

/** Files of a run that are still there, but for the lock file, which stays by design. */
export function leftovers(result: DbstashResult): string[] {
  return result.leftovers.filter((file) => !/^(run|tmp)\/dbstash-\w+\.lock$/.test(file));
}

/** Begun and neither completed nor aborted; the server calls a bucket that never had one an error. */
export async function unfinishedUploads(server: S3Server): Promise<string[]> {
  return server.multipartUploads().catch((error: unknown) => {
    if (String(error).includes("NoSuchUpload")) return [];
    throw error;
  });
}

/** The private folders that dbstash has made below a temp folder. */
export function privateFolders(tempRoot: string): string[] {
  const names = existsSync(tempRoot) ? readdirSync(tempRoot) : [];
  return names.filter((name) => name.startsWith("dbstash-") && !name.endsWith(".lock"));
}
