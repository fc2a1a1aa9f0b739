import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { EngineName } from "../../src/kinds.ts";
import { component, type ComponentName, componentPath } from "./components.ts";
import { marked, sendSignal, testIdVariable, waitUntilGone } from "./procs.ts";
import { systemPath, waitFor } from "./run.ts";
import { tempFolder } from "./temp.ts";

export type { EngineName };

export interface DbstashOptions {
  readonly args?: readonly string[];
  /** Added to the clean environment, and stronger than it. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Folders put first on the PATH. */
  readonly path?: readonly string[];
  /** The whole PATH, in place of the system's. */
  readonly onlyPath?: readonly string[];
  /** Which rclone comes after `path`, and before the system's; without effect with `onlyPath`. */
  readonly rclone?: "current" | "old";
  /** What is started in place of the executable in `dist`. */
  readonly program?: readonly string[];
  /** After this it is killed, and `exited` throws; 120 s by default. */
  readonly timeoutMs?: number;
}

/** A JSON log line of dbstash. */
export interface LogLine {
  readonly time: string;
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** How a run ended. */
export interface DbstashResult {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The lines of stdout that are JSON. */
  readonly lines: readonly LogLine[];
  readonly lastLine: LogLine | undefined;
  readonly id: string;
  readonly pid: number;
  readonly durationMs: number;
  /** Files of the run's own TMPDIR, work and lock folders that it left behind. */
  readonly leftovers: readonly string[];
}

/** A run that goes on. */
export interface RunningDbstash {
  readonly pid: number;
  /** The mark that it and all its children carry in their environment. */
  readonly id: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly lines: readonly LogLine[];
  readonly exited: Promise<DbstashResult>;
  signal(name: NodeJS.Signals): void;
  /** The first line that fits; throws when it hasn't come in time (30 s by default) or dbstash ended without it. */
  waitForLine(predicate: (line: LogLine, at: number) => boolean, timeoutMs?: number): Promise<LogLine>;
}

/** In which second the last run into a place began that this process has seen to its end. */
const namedAtS = new Map<string, number>();

/** Runs the compiled executable of an engine to its end. */
export function runDbstash(engine: EngineName, options: DbstashOptions = {}): Promise<DbstashResult> {
  return startDbstash(engine, options).exited;
}

/** Ends what runs on without a chance to end well, and waits until nothing of it is left; the list is empty then. */
export async function killAll(started: RunningDbstash[]): Promise<void> {
  for (const running of started.splice(0)) {
    running.signal("SIGKILL");
    await running.exited;
    await waitUntilGone(running.id);
  }
}

/**
 * Starts the compiled executable of an engine (`dist`, or the folder in `DBSTASH_DIST`), with nothing in its
 * environment but a PATH, folders of its own, JSON logs, no schedule, no health server, and what the test gives.
 */
export function startDbstash(engine: EngineName, options: DbstashOptions = {}): RunningDbstash {
  // One remote's name may be that of many storages.
  const place = JSON.stringify(
    Object.entries(options.env ?? {}).filter(([name]) => name.startsWith("RCLONE_")),
  );
  // Names tell seconds, and two backups of one second would have one name.
  while (Math.floor(Date.now() / 1000) <= (namedAtS.get(place) ?? 0)) Bun.sleepSync(10);
  const id = crypto.randomUUID();
  const folder = tempFolder("run");
  const own = ["tmp", "work", "run"];
  for (const name of ["home", ...own]) mkdirSync(folder.file(name), { mode: 0o700 });
  const [stdoutFile, stderrFile] = [folder.file("stdout"), folder.file("stderr")];
  // Into files, not pipes: a child that outlives dbstash can't hold the test up.
  const [out, err] = [openSync(stdoutFile, "a"), openSync(stderrFile, "a")];
  const startedMs = Date.now();
  const child = Bun.spawn(
    [
      "setpriv",
      "--pdeathsig",
      "KILL",
      "--",
      ...(options.program ?? [executable(engine)]),
      ...(options.args ?? []),
    ],
    {
      stdio: ["ignore", out, err],
      cwd: options.cwd ?? folder.path,
      env: {
        PATH: searchPath(options),
        LANG: "C.UTF-8",
        HOME: folder.file("home"),
        TMPDIR: folder.file("tmp"),
        BACKUP_TEMP_DIR: folder.file("work"),
        XDG_RUNTIME_DIR: folder.file("run"),
        BACKUP_SCHEDULE: "once",
        HEALTH_PORT: "0",
        LOG_FORMAT: "json",
        ...options.env,
        [testIdVariable]: id,
      },
    },
  );
  closeSync(out);
  closeSync(err);
  const stdout = (): string => readFileSync(stdoutFile, "utf8");
  const stderr = (): string => readFileSync(stderrFile, "utf8");

  const finish = async (): Promise<DbstashResult> => {
    const timeoutMs = options.timeoutMs ?? 120_000;
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      for (const pid of [child.pid, ...marked(id).map((proc) => proc.pid)]) sendSignal(pid, "SIGKILL");
    }, timeoutMs);
    await child.exited;
    clearTimeout(timer);
    const signal = child.signalCode === null ? null : String(child.signalCode);
    const lines = jsonLines(stdout());
    const result = {
      exitCode: signal === null ? child.exitCode : null,
      signal,
      stdout: stdout(),
      stderr: stderr(),
      lines,
      lastLine: lines.at(-1),
      id,
      pid: child.pid,
      durationMs: Date.now() - startedMs,
      leftovers: own.flatMap((name) => filesBelow(folder.path, name)),
    };
    ended = result;
    const began = lines.findLast(({ msg }) => msg === "backup started");
    if (began !== undefined) namedAtS.set(place, Math.floor(Date.parse(began.time) / 1000));
    folder.remove();
    if (isLate)
      throw new Error(`dbstash-${engine} ran longer than ${timeoutMs} ms:\n${result.stdout}${result.stderr}`);
    return result;
  };
  let ended: DbstashResult | undefined;
  const exited = finish();
  // Where the test only looks at what happens before the end, a late end is not an unhandled rejection.
  exited.catch(() => undefined);
  return {
    pid: child.pid,
    id,
    get stdout() {
      return ended?.stdout ?? stdout();
    },
    get stderr() {
      return ended?.stderr ?? stderr();
    },
    get lines() {
      return ended?.lines ?? jsonLines(stdout());
    },
    exited,
    signal: (name) => child.kill(name),
    waitForLine: async (predicate, timeoutMs = 30_000) => {
      const answer = await waitFor(
        "a log line",
        () => {
          const hasEnded = ended !== undefined;
          const found = (ended?.lines ?? jsonLines(stdout())).find(predicate);
          return found ?? (hasEnded ? "ended" : undefined);
        },
        timeoutMs,
      );
      if (answer === "ended")
        throw new Error(`dbstash-${engine} ended without that line:\n${ended?.stdout}${ended?.stderr}`);
      return answer;
    },
  };
}

function executable(engine: EngineName): string {
  const folder = process.env["DBSTASH_DIST"] ?? join(import.meta.dirname, "../../dist");
  const file = join(folder, `dbstash-${engine}`);
  if (!existsSync(file)) throw new Error(`${file} is not there: bun run build makes it`);
  return file;
}

function searchPath({ path = [], onlyPath, rclone = "current" }: DbstashOptions): string {
  if (onlyPath !== undefined) return onlyPath.join(":");
  const tools = [rclone === "current" ? "rclone-current" : "rclone-old", "zstd"] as const;
  const found = [...tools.map((tool) => dirname(componentPath(tool))), ...folderOf("age")];
  return [...path, ...found, systemPath].join(":");
}

/** Tests that need it say so. */
function folderOf(name: ComponentName): string[] {
  const found = component(name);
  return "path" in found ? [found.path] : [];
}

/** A line still being written has no end yet and waits for the next look. */
function jsonLines(text: string): LogLine[] {
  const whole = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
  return whole
    .filter((line) => line.startsWith("{") && line.endsWith("}"))
    .map((line) => JSON.parse(line) as LogLine);
}

function filesBelow(base: string, name: string): string[] {
  return readdirSync(join(base, name), { recursive: true, encoding: "utf8" })
    .map((file) => join(name, file))
    .filter((file) => statSync(join(base, file), { throwIfNoEntry: false })?.isDirectory() === false);
}
