import type { Reader } from "../engine/content.ts";
import { headBytes, tailBytes } from "../engine/format.ts";
import type { Libc } from "../process/libc.ts";
import { KernelPipe, systemPipeBytes } from "../process/pipe.ts";
import { type Child, findTool, spawn } from "../process/spawn.ts";
import { guardLost, orAborted } from "../process/waiting.ts";
import type { Workshop } from "../process/workshop.ts";
import type { Rclone } from "../remote/rclone.ts";
import type { Reading } from "./judge-reading.ts";

/** How long a process gets between TERM and KILL. */
const graceMs = 2_000;

/** What reading all of a stored backup needs. */
export interface ReadingRoom {
  readonly rclone: Rclone;
  readonly workshop: Workshop;
  readonly libc: Libc;
  /** The reading ends when not one byte has moved for so long; 0 for never. */
  readonly stallTimeoutMs: number;
  /** How many such readings may go on at once; one where left out. */
  readonly readings?: number;
}

/**
 * Each takes all of its input whatever becomes of its tool, so that no pipe breaks: only of what has arrived as a whole
 * can it be said that it is damaged.
 */
const scripts = {
  unpack: '"$@"; code=$?; exec >/dev/null; cat; exit "$code"',
  read: '"$@" >/dev/null; code=$?; cat >/dev/null; exit "$code"',
  readAloud: '"$@" >&2; code=$?; cat >/dev/null; exit "$code"',
  ends: `dd bs=1 count=${headBytes} 2>/dev/null; exec tail -c ${tailBytes}`,
  nothing: "exec cat >/dev/null",
};

/**
 * Reads a stored file to its end: `rclone cat` → unpackers → its reader, or what keeps its first and last bytes. From
 * kernel pipe to kernel pipe.
 * @param last who reads what comes out of the unpackers; `ends` for its first and last bytes, null for nobody
 * @param onBytes told how many bytes of the file have been read so far
 * @throws DbstashError when a tool is missing or can't be started; the signal's reason when it aborts. Then none of the
 * processes is alive any more
 */
export async function readThrough(
  { rclone, workshop, libc, readings = 1 }: ReadingRoom,
  path: string,
  unpackers: readonly Reader[],
  last: Reader | "ends" | null,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Reading> {
  const { guard, env } = workshop;
  const sh = findTool(["sh"], env["PATH"]);
  const command = (script: string, reader: Reader | null): Omit<Stage, "stdout"> => ({
    reader,
    request: {
      file: sh,
      args: [
        "-c",
        script,
        "sh",
        ...(reader === null ? [] : [findTool(reader.tools, env["PATH"]), ...reader.args]),
      ],
      env,
    },
  });
  // Found before anything starts.
  const stages = unpackers.map((unpacker) => command(scripts.unpack, unpacker));
  const ends: Uint8Array[] = [];
  const end =
    last === null
      ? command(scripts.nothing, null)
      : last === "ends"
        ? command(scripts.ends, null)
        : command(last.tellsOnStdout ? scripts.readAloud : scripts.read, last);
  let deliveredBytes = 0;
  const source = rclone.readWhole(path, (line) => {
    if (line.kind !== "stats") return;
    deliveredBytes = line.bytes;
    onBytes(line.bytes);
  });
  const pipeSize = systemPipeBytes(readings * (1 + unpackers.length));
  const pipes: KernelPipe[] = [];
  const children: Child[] = [];
  const start = (request: Parameters<typeof spawn>[0]): Child => {
    const child = spawn(request, guard);
    children.push(child);
    return child;
  };
  try {
    signal.throwIfAborted();
    const newPipe = (): KernelPipe => {
      const pipe = new KernelPipe(libc, pipeSize);
      pipes.push(pipe);
      return pipe;
    };
    let input = newPipe();
    const cat = start({ ...source.request, stdout: input.writeFd, role: "producer" });
    const steps = stages.map(({ request, reader }) => {
      const output = newPipe();
      const child = start({ ...request, stdin: input.readFd, stdout: output.writeFd, role: "producer" });
      input = output;
      return { reader, child };
    });
    const keep = last === "ends" ? { stdout: (bytes: Uint8Array) => void ends.push(bytes) } : {};
    steps.push({
      reader: end.reader,
      child: start({ ...end.request, ...keep, stdin: input.readFd, role: "producer" }),
    });
    for (const pipe of pipes) pipe.close();
    const all = Promise.all([cat, ...steps.map(({ child }) => child)].map(({ exited }) => exited));
    const [exit] = await orAborted(Promise.race([all, guardLost(guard)]), signal);
    if (guard.isLost) throw guard.lossOf();
    return {
      source: { exit: exit ?? { code: null, signal: null }, messages: source.messages },
      deliveredBytes,
      steps: steps.flatMap(({ reader, child }) =>
        child.exit === null ? [] : [{ reader, exit: child.exit, lines: child.messages.lines }],
      ),
      ends: last === "ends" ? Buffer.concat(ends) : null,
    };
  } catch (error) {
    await Promise.all(children.map((child) => child.stop(graceMs)));
    throw error;
  } finally {
    for (const pipe of pipes) pipe.close();
    source.done();
  }
}

/** One process behind `rclone cat`. */
interface Stage {
  /** Whose tool it starts; null for none. */
  readonly reader: Reader | null;
  readonly request: {
    readonly file: string;
    readonly args: readonly string[];
    readonly env: Workshop["env"];
  };
}
