import { describe, expect, test } from "bun:test";
import { DbstashError } from "../../../src/errors.ts";
import { allExited, emptyDump, sinkFailure, stageFailure } from "../../../src/pipeline/cause.ts";
import type { Running, Sink } from "../../../src/pipeline/stage.ts";
import type { Exit } from "../../../src/process/exit.ts";
import type { Guard } from "../../../src/process/guard.ts";
import { Tail } from "../../../src/process/lines.ts";
import type { Child } from "../../../src/process/spawn.ts";

type Ending = readonly [code: number | null, ...words: string[]];

const ok: Ending = [0];
/** It has not ended. */
const on = null;
const broken: Ending = [null];
const never = new AbortController().signal;
const hints = (words: string): string | null => (words.includes("disk") ? "make room" : null);

describe("the cause of a chain that broke is", () => {
  test.each<[string, Ending | null, Ending | null, Ending | null, string]>([
    ["none where all went well", ok, ok, on, "none"],
    [
      "the dump that failed with words",
      [1, "no such table"],
      ok,
      on,
      "pg_dump failed (exit code 1): no such table",
    ],
    ["the filter that failed", ok, [1, "no memory"], on, "zstd failed (exit code 1): no memory"],
    [
      "the upload, whose end broke the dump's pipe",
      broken,
      ok,
      [1, "disk full"],
      "rclone failed (exit code 1): disk full",
    ],
    [
      "the upload, whose end broke a pipe that the dump tells of",
      [1, "write: Broken pipe"],
      ok,
      [1, "disk full"],
      "rclone failed (exit code 1): disk full",
    ],
    [
      "the upload, of which a dump without words died",
      [1],
      ok,
      [1, "disk full"],
      "rclone failed (exit code 1): disk full",
    ],
    [
      "the upload that ended before the dump, though it failed in nothing",
      on,
      on,
      [0],
      "rclone failed (exit code 0): it ended before the dump did",
    ],
    [
      "the filter, whose end broke the dump's pipe",
      broken,
      [2, "no memory"],
      on,
      "zstd failed (exit code 2): no memory",
    ],
  ])("%s", async (_, dump, filter, upload, cause) => {
    const chain = [running("pg_dump", dump), running("zstd", filter)];
    expect(await causeOf(chain, sink(upload))).toBe(cause);
  });

  test("the reason of a stop, and the guard that was killed", async () => {
    const chain = [running("pg_dump", on)];
    expect(await causeOf(chain, sink(on), AbortSignal.abort(new DbstashError("stopped")))).toBe("stopped");
    expect(await causeOf(chain, sink(on), never, Promise.resolve(137))).toBe("the guard was killed");
  });
});

describe("an error quotes", () => {
  test("a dump's last words, with the engine's advice", () => {
    expect(stageFailure(running("pg_dump", [1, "disk full"]))).toMatchObject({
      message: "pg_dump failed (exit code 1): disk full",
      hint: "make room",
    });
  });

  test("an upload's, less the words that rclone counts by", () => {
    expect(sinkFailure(sink([1, "Failed to rcat with 2 errors: last error was: disk full"]))).toMatchObject({
      message: "rclone failed (exit code 1): disk full",
      hint: "make room",
    });
  });

  test.each<[Ending, string]>([
    [[0], "the dump is empty: pg_dump exited 0 without writing a byte"],
    [
      [0, "warning: disk is odd"],
      "the dump is empty: pg_dump exited 0 without writing a byte: warning: disk is odd",
    ],
  ])("what a dump of nothing said: %j", (ending, message) => {
    expect(emptyDump(running("pg_dump", ending)).message).toBe(message);
  });
});

function running(title: string, ending: Ending | null): Running {
  return { stage: { title, request: { file: title, args: [], env: {} }, hint: hints }, child: child(ending) };
}

function sink(ending: Ending | null): Sink {
  const uploading = child(ending);
  return { title: "rclone", child: uploading, messages: uploading.messages, hint: hints };
}

/** A child that has ended so. Without a code a broken pipe has killed it. */
function child(ending: Ending | null): Child {
  const messages = new Tail(20);
  for (const word of ending?.slice(1) ?? []) messages.add(String(word));
  const code = ending?.[0] ?? null;
  const exit: Exit | null = ending === null ? null : { code, signal: code === null ? "SIGPIPE" : null };
  const exited = exit === null ? new Promise<Exit>(() => undefined) : Promise.resolve(exit);
  const fake: Pick<Child, "exit" | "exited" | "messages"> = { exit, exited, messages };
  return fake as Child;
}

async function causeOf(
  chain: readonly Running[],
  uploading: Sink,
  signal = never,
  exited: Promise<number> = new Promise(() => undefined),
): Promise<string> {
  const guard: Pick<Guard, "exited" | "lossOf"> = {
    exited,
    lossOf: () => new DbstashError("the guard was killed"),
  };
  return allExited(chain, [uploading], guard as Guard, signal).then(
    () => "none",
    (error: Error) => error.message,
  );
}
