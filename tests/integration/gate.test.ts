import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { DbstashError } from "../../src/errors.ts";
import { type GatedStream, StreamFailure, streamThroughGate } from "../../src/pipeline/gate.ts";
import type { Upload } from "../../src/pipeline/lane.ts";
import { type Stage } from "../../src/pipeline/stage.ts";
import { Guard } from "../../src/process/guard.ts";
import { openLibc } from "../../src/process/libc.ts";
import { Tail } from "../../src/process/lines.ts";
import { withHeldPipes, writeEnds } from "../../src/process/pipe.ts";
import { spawn } from "../../src/process/spawn.ts";
import { systemPath } from "../support/run.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";

const libc = openLibc();
/** Writes what it reads, and after the end of input says so. */
const sinkBody = 'cat >"$0/seen" && : >"$0/end-of-input"';
/** So that the failure meets an upload that has begun. */
const untilSeen = 'until [ -s "$0/seen" ]; do sleep 0.01; done';

for (const [title, dump, filter, outcome, ended] of [
  ["a producer that exits 0", "echo data", null, /^$/, true],
  ["a producer and a filter that exit 0", "echo data", "cat", /^$/, true],
  ["a producer that exits 1", `echo data; ${untilSeen}; exit 1`, null, /^dump failed \(exit code 1\)/, false],
  [
    "a producer that exits 1 before a filter",
    `echo data; ${untilSeen}; exit 1`,
    "cat",
    /^dump failed \(exit code 1\)/,
    false,
  ],
  [
    "a producer that is killed",
    `echo data; ${untilSeen}; kill -KILL $$`,
    null,
    /^dump failed \(killed by SIGKILL\)/,
    false,
  ],
  ["a filter that exits 1", "echo data", "cat; exit 1", /^filter failed \(exit code 1\)/, false],
  ["a producer that writes nothing", "exit 0", null, /^the dump is empty/, false],
] as const) {
  const what = ended ? "gives the upload an end of input" : "gives the upload none";
  test(`${title} ${what}`, async () => {
    using folder = tempFolder("gate");
    const producer = stage("dump", dump, folder.path);
    const error = await stream(folder, { producer }, filter);
    expect(error?.message ?? "").toMatch(outcome);
    expect(existsSync(folder.file("end-of-input"))).toBe(ended);
    if (ended) expect(readFileSync(folder.file("seen"), "utf8")).toBe("data\n");
  });
}

for (const filter of [null, "cat"]) {
  const behind = filter === null ? "a dump" : "a dump behind a filter";
  test(`an upload that ignores TERM sees no end of input from ${behind} that fails`, async () => {
    using folder = tempFolder("gate");
    const producer = stage("dump", `echo data; ${untilSeen}; exit 1`, folder.path);
    const error = await stream(folder, { producer }, filter, `trap '' TERM; ${sinkBody}; sleep 600`);
    expect(error?.message).toMatch(/^dump failed/);
    expect(existsSync(folder.file("end-of-input"))).toBe(false);
  });
}

test("a dump refused at the last look gives the upload no end of input", async () => {
  using folder = tempFolder("gate");
  const refusal = () => new DbstashError("not this one");
  const error = await stream(folder, { producer: stage("dump", "echo data"), refusal }, null);
  expect(error?.message).toContain("not this one");
  expect(existsSync(folder.file("end-of-input"))).toBe(false);
});

test("an upload that has ended well before the end of input fails the stream, though every other process ended well too", async () => {
  using folder = tempFolder("gate");
  // What holds its messages open keeps the news of its end back for a moment.
  const [held, pid] = [folder.file("held"), folder.file("pid")];
  const holder = `setsid sh -c ": >'${held}'; exec sleep 2" & until [ -e '${held}' ]; do sleep 0.01; done`;
  const sink = `${holder}; echo $$ >'${pid}'`;
  const untilGone = `until [ -s '${pid}' ] && ! kill -0 "$(cat '${pid}')"; do sleep 0.01; done`;
  const producer = stage("dump", `echo data; ${untilGone} 2>/dev/null`);
  const error = await stream(folder, { producer }, null, sink);
  expect(error?.message).toBe("upload failed (exit code 0): it ended before the dump did");
});

test("a target that can't be made ready starts no upload and ends the dump", async () => {
  using folder = tempFolder("gate");
  const uploads = Promise.reject<never>(new DbstashError("no place to go"));
  uploads.catch(() => undefined);
  const error = await stream(folder, { producer: stage("dump", "echo data; exec sleep 600"), uploads }, null);
  expect(error?.message).toBe("no place to go");
  expect(error instanceof StreamFailure && error.uploads).toEqual([]);
  expect(existsSync(folder.file("seen"))).toBe(false);
});

/** One stream through the gate, under a guard and pipes of its own; why it came to nothing, or null. */
async function stream(
  folder: TempFolder,
  parts: Partial<GatedStream<Upload>> & Pick<GatedStream<Upload>, "producer">,
  filter: string | null,
  sink: string = sinkBody,
): Promise<DbstashError | null> {
  const outs: DbstashError[] = [];
  return withHeldPipes(libc, { places: 1, parallel: 1 }, async (pipes) => {
    const guard = Guard.start(libc, writeEnds(pipes));
    const upload = uploadBy(guard, {
      gate: 0,
      sink,
      folder: folder.path,
      onOut: (cause) => outs.push(cause),
    });
    const never = new AbortController().signal;
    try {
      const streamed = await streamThroughGate({
        libc,
        guard,
        env: { PATH: systemPath },
        pipes,
        uploads: Promise.resolve([upload]),
        filters: async () => (filter === null ? [] : [stage("filter", filter)]),
        tee: () => ({ stage: stage("tee", "exit 1"), stdout: -1 }),
        signal: never,
        limit: never,
        watch: null,
        refusal: () => null,
        onEndOfInput: () => undefined,
        ...parts,
      });
      return outs[0] ?? streamed?.ended[0]?.failure ?? null;
    } catch (error) {
      if (error instanceof StreamFailure) return error;
      throw error;
    } finally {
      await guard.farewell();
    }
  });
}

/** An upload by a shell. */
function uploadBy(
  guard: Guard,
  parts: { gate: number; sink: string; folder: string; onOut(cause: DbstashError): void },
): Upload {
  return {
    gate: parts.gate,
    start: (stdin) => ({
      title: "upload",
      messages: new Tail(1),
      hint: () => null,
      child: spawn({ ...shell(parts.sink, parts.folder), stdin, role: "sink" }, guard),
    }),
    refusal: async () => null,
    bytes: () => 0,
    endsUnseen: false,
    onOut: (cause) => parts.onOut(cause),
  };
}

function stage(title: string, body: string, zero = "sh"): Stage {
  return { title, request: shell(body, zero), hint: () => null };
}

function shell(body: string, zero: string) {
  return { file: "/bin/sh", args: ["-c", body, zero], env: { PATH: systemPath } };
}
