import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { KeyPair } from "../support/age.ts";
import { componentPath } from "../support/components.ts";
import { type DbstashResult, type RunningDbstash, startDbstash } from "../support/dbstash.ts";
import { fakeTools } from "../support/fake-tools.ts";
import { descendants, listProcs, marked, sendSignal, waitUntilGone } from "../support/procs.ts";
import { systemPath, waitFor } from "../support/run.ts";
import type { S3Server } from "../support/s3.ts";
import type { FileServer } from "../support/sftp.ts";
import { tempFolder } from "../support/temp.ts";

/** The kinds of place that random faults are tried on. */
export const faultPlaces = ["local", "S3", "crypt", "SFTP"] as const;
const victims = ["dbstash", "guard", "pg_dump", "zstd", "age", "tee", "rclone"] as const;

/** What happens in one run, all of it told by a seed. */
export interface Scenario {
  readonly seed: number;
  readonly places: readonly (typeof faultPlaces)[number][];
  readonly compress: "false" | "zstd";
  readonly encrypts: boolean;
  readonly bytes: number;
  /** How long the dump sleeps between its parts, in milliseconds. */
  readonly pauseMs: number;
  readonly ending: "well" | "badly" | "killed";
  readonly victim: (typeof victims)[number] | null;
  readonly signal: NodeJS.Signals;
  readonly afterMs: number;
}

/** The scenario of a seed. */
export function scenarioOf(seed: number): Scenario {
  const random = numbers(seed);
  const pick = <T>(of: readonly [T, ...T[]]): T => of[Math.floor(random() * of.length)] ?? of[0];
  const first = pick(faultPlaces);
  const second = pick(faultPlaces);
  const places = random() < 0.6 && second !== first ? [first, second] : [first];
  const compress = pick<"false" | "zstd">(["false", "zstd"]);
  const encrypts = random() < 0.35;
  const here = victims.filter((name) => {
    if (name === "tee") return places.length > 1;
    return name === "zstd" ? compress === "zstd" : name === "age" ? encrypts : true;
  });
  const victim = random() < 0.15 ? null : (here[Math.floor(random() * here.length)] ?? null);
  const signals: [NodeJS.Signals, ...NodeJS.Signals[]] = ["SIGKILL", "SIGTERM", "SIGSTOP"];
  if (victim === "dbstash") signals.push("SIGINT");
  const pauseMs = random() < 0.3 ? 0 : Math.floor(20 + random() * 130);
  return {
    seed,
    places,
    compress,
    encrypts,
    bytes: Math.floor(10 ** (1 + random() * 6)),
    pauseMs,
    ending: pick<Scenario["ending"]>(["well", "well", "well", "well", "badly", "killed"]),
    victim,
    signal: pick(signals),
    // From the start of its first processes to a while after the dump.
    afterMs: Math.floor(random() * (900 + 8 * pauseMs)),
  };
}

/** Numbers from 0 to 1 that a seed alone decides (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What all scenarios share. */
export interface Grounds {
  readonly s3: S3Server;
  readonly sftp: FileServer;
  readonly key: KeyPair;
}

/** Where a scenario's places are, and by which variables rclone knows them. */
interface Ground {
  readonly remotes: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const endMark = "the end of the dump\n";

/** Lets a scenario happen. @returns what was wrong with what it left; empty where all was well */
export async function tryFault(scenario: Scenario, grounds: Grounds): Promise<string[]> {
  using folder = tempFolder("fault");
  for (const name of ["tmp", "local", "crypt"]) mkdirSync(folder.file(name));
  const ground = groundOf(scenario, grounds, folder.path);
  using tools = fakeTools({ pg_dump: dumpOf(scenario) });
  const running = startDbstash("pg", {
    path: [tools.dir],
    timeoutMs: 150_000,
    env: {
      DB_HOST: "127.0.0.1",
      DB_NAME: "app",
      // No end mark, so that nothing but the gate keeps a cut dump out.
      DUMP_EXTRA_ARGS: "--no-comments",
      BACKUP_COMPRESS: scenario.compress,
      BACKUP_STALL_TIMEOUT: "4s",
      TMPDIR: folder.file("tmp"),
      ...(scenario.encrypts ? { BACKUP_ENCRYPT_TO: grounds.key.recipient } : {}),
      RCLONE_REMOTE: ground.remotes[0] ?? "",
      RCLONE_EXTRA_REMOTES: ground.remotes.slice(1).join(" "),
      ...ground.env,
    },
  });
  const family = await strike(scenario, running);
  const result = await running.exited;
  const wrong: string[] = [];
  const isDead = result.signal !== null;
  await waitUntilGone(result.id, 20_000).catch((error: unknown) => wrong.push(String(error)));
  await waitFor("the guard's end", () => !isAlive(family), 20_000).catch((error: unknown) =>
    wrong.push(String(error)),
  );
  wrong.push(...(await judge(scenario, ground, grounds, result)));
  const isGuardDead = scenario.victim === "guard" && scenario.signal !== "SIGSTOP";
  if (!(isDead && isGuardDead))
    for (const left of readdirSync(folder.file("tmp")).filter((name) => !name.endsWith(".lock")))
      wrong.push(`a private folder is left: ${left}`);
  return wrong.map((problem) => `${problem} (${JSON.stringify(scenario)}, ${ending(result)})`);
}

function ending({ exitCode, signal, lastLine }: DbstashResult): string {
  return `exit ${exitCode ?? signal}, ${lastLine?.msg}: ${JSON.stringify(lastLine?.["error"])}`;
}

function dumpOf({ bytes, pauseMs, ending: how }: Scenario): string {
  const part = Math.max(1, Math.ceil(bytes / 8));
  const pause = pauseMs === 0 ? ":" : `sleep ${pauseMs / 1000}`;
  const end = { well: `printf '${endMark.trim()}\\n'`, badly: "exit 1", killed: "kill -KILL $$" }[how];
  return `for n in 1 2 3 4 5 6 7 8; do head -c ${part} /dev/urandom; ${pause}; done; ${end}`;
}

function wholeBytes({ bytes }: Scenario): number {
  return 8 * Math.max(1, Math.ceil(bytes / 8)) + endMark.length;
}

function groundOf({ places }: Scenario, { s3, sftp }: Grounds, folder: string): Ground {
  const own = crypto.randomUUID();
  const remotes = {
    local: join(folder, "local"),
    S3: `store:${s3.bucket}/${own}`,
    crypt: "sealed:",
    SFTP: sftp.remotePath("files", own),
  };
  return {
    remotes: places.map((place) => remotes[place]),
    env: {
      ...s3.remoteEnv("store"),
      ...sftp.remoteEnv("files"),
      RCLONE_CONFIG_SEALED_TYPE: "crypt",
      RCLONE_CONFIG_SEALED_REMOTE: join(folder, "crypt"),
      // What `rclone obscure` makes of testtesttest.
      RCLONE_CONFIG_SEALED_PASSWORD: "idu6HmQXhIFFT_AVorObczAN3iSiJgUanvj05A",
    },
  };
}

/** Sends the signal when its time has come. @returns all processes that there were then */
async function strike(
  { victim, signal, afterMs }: Scenario,
  running: RunningDbstash,
): Promise<readonly number[]> {
  let hasEnded = false;
  const ended = running.exited.then(
    () => (hasEnded = true),
    () => (hasEnded = true),
  );
  await Promise.race([Bun.sleep(afterMs), ended]);
  if (hasEnded) return [];
  const below = descendants(running.pid);
  const own = new Set(marked(running.id).map(({ pid }) => pid));
  const found = below.filter(({ command, pid }) =>
    victim === "guard" ? command === "sh" && !own.has(pid) : command.startsWith(victim ?? "nobody"),
  );
  const chosen = found[afterMs % Math.max(1, found.length)];
  const target = victim === "dbstash" ? running.pid : chosen?.pid;
  if (target === undefined) return below.map(({ pid }) => pid);
  sendSignal(target, signal);
  // An rclone that uploads nothing has two minutes, which are too long to be waited for here.
  const isHelper = victim === "rclone" && chosen?.argv.includes("rcat") !== true;
  if (signal === "SIGSTOP" && (victim === "dbstash" || victim === "guard" || isHelper)) {
    await Bun.sleep(700);
    sendSignal(target, "SIGCONT");
  }
  return below.map(({ pid }) => pid);
}

/** What stands in the places, against what the run has said. */
async function judge(
  scenario: Scenario,
  { remotes, env }: Ground,
  { key }: Grounds,
  result: DbstashResult,
): Promise<string[]> {
  const wrong: string[] = [];
  let stored = 0;
  for (const remote of remotes) {
    const names = (await rclone(env, ["lsf", "-R", "--files-only", remote])).toString().split("\n");
    const files = names.filter((name) => name !== "");
    const staged = files.filter((name) => name.endsWith(".partial"));
    // After a signal there is little time to remove it: then the log says so.
    const isTold = result.lines.some(({ msg }) => msg.includes("may be left behind"));
    if (staged.length > 0 && result.signal === null && !isTold)
      wrong.push(`${remote} holds ${staged.join(", ")}`);
    for (const name of files.filter((each) => !staged.includes(each))) {
      stored += 1;
      const words = await contentProblem(scenario, key, await rclone(env, ["cat", join(remote, name)]));
      if (words !== null) wrong.push(`${remote}/${name} is not whole: ${words}`);
    }
  }
  if (result.signal !== null) return wrong;
  const due = result.exitCode === 0 ? [remotes.length] : result.exitCode === 3 ? [1, 2] : [0];
  if (!due.includes(stored)) wrong.push(`${stored} of ${remotes.length} places have a backup`);
  if (![0, 1, 3, 130, 143].includes(result.exitCode ?? -1)) wrong.push("no exit code of dbstash's");
  if (result.lastLine?.["exit_code"] !== result.exitCode) wrong.push("the last line tells another exit code");
  return wrong;
}

async function contentProblem(
  { compress, encrypts, ...scenario }: Scenario,
  { identityFile }: KeyPair,
  bytes: Buffer,
): Promise<string | null> {
  const age = [join(componentPath("age"), "age"), "-d", "-i", identityFile];
  const opened = encrypts ? await through(age, bytes) : bytes;
  const plain = compress === "zstd" && opened !== null ? await through(["zstd", "-dc"], opened) : opened;
  if (plain === null) return "it can't be opened";
  const due = wholeBytes({ compress, encrypts, ...scenario });
  if (plain.length !== due) return `${plain.length} bytes of ${due}`;
  return plain.subarray(-endMark.length).toString() === endMark ? null : "another end";
}

async function through(argv: readonly string[], input: Buffer): Promise<Buffer | null> {
  const child = Bun.spawn([...argv], { stdio: [input, "pipe", "ignore"] });
  const [output, code] = await Promise.all([new Response(child.stdout).bytes(), child.exited]);
  return code === 0 ? Buffer.from(output) : null;
}

async function rclone(env: Readonly<Record<string, string>>, args: readonly string[]): Promise<Buffer> {
  const child = Bun.spawn([componentPath("rclone-current"), ...args, "--config", ""], {
    env: { PATH: systemPath, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [output, words, code] = await Promise.all([
    new Response(child.stdout).bytes(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  // A folder that no backup has made yet.
  if (code !== 0 && !/not found/.test(words)) throw new Error(`rclone ${args.join(" ")}: ${words}`);
  return Buffer.from(output);
}

function isAlive(pids: readonly number[]): boolean {
  return listProcs().some((proc) => pids.includes(proc.pid) && proc.state !== "Z");
}
