import { describe, expect, test } from "bun:test";
import { closeSync } from "node:fs";
import { DbstashError } from "../../../src/errors.ts";
import { type Captured, capture, type CaptureRequest } from "../../../src/process/capture.ts";
import type { Guard } from "../../../src/process/guard.ts";
import { openLibc } from "../../../src/process/libc.ts";
import { withWorkshop } from "../../../src/process/workshop.ts";
import { tempFolder } from "../../support/temp.ts";

const never = new AbortController().signal;
const endless = "trap '' TERM; echo begun; while :; do sleep 0.02; done";
const ended = { code: 0, signal: null };

describe("a child that is run to its end", () => {
  test.each<
    [string, string, Partial<CaptureRequest>, Partial<Record<keyof Captured, unknown>>, string, string]
  >([
    [
      "gives its output",
      "echo out; echo words >&2",
      { maxBytes: 100 },
      { exit: ended, isCut: false, isLate: false },
      "out\n",
      "words",
    ],
    ["gives no output unless it is asked for", "echo out", {}, { exit: ended, isCut: false }, "", ""],
    [
      "may fail",
      "echo out; echo no >&2; exit 3",
      { maxBytes: 100 },
      { exit: { code: 3, signal: null } },
      "out\n",
      "no",
    ],
    ["may kill itself", "kill -KILL $$", {}, { exit: { code: null, signal: "SIGKILL" } }, "", ""],
    [
      "reads what it is given",
      "cat",
      { stdin: new TextEncoder().encode("in"), maxBytes: 100 },
      { exit: ended },
      "in",
      "",
    ],
    [
      "may print as much as it may",
      "printf 12345",
      { maxBytes: 5 },
      { exit: ended, isCut: false },
      "12345",
      "",
    ],
    [
      "is stopped when it prints more",
      "while :; do echo x; done",
      { maxBytes: 5 },
      { isCut: true, isLate: false },
      "x\nx\nx",
      "",
    ],
    [
      "is stopped when it takes too long",
      "exec sleep 60",
      { limitMs: 50 },
      { isCut: false, isLate: true, exit: { code: null, signal: "SIGTERM" } },
      "",
      "",
    ],
    [
      "is killed when it does not stop",
      endless,
      { limitMs: 50, graceMs: 50 },
      { isLate: true, exit: { code: null, signal: "SIGKILL" } },
      "",
      "",
    ],
  ])("%s", async (_, script, change, expected, stdout, words) => {
    const captured = await run(script, change);
    expect(captured).toMatchObject(expected);
    expect([new TextDecoder().decode(captured.stdout), captured.messages.toString()]).toEqual([
      stdout,
      words,
    ]);
  });

  test("gives its output to whoever wants it", async () => {
    let seen = "";
    const { stdout } = await run("printf 123", {
      stdout: (bytes) => (seen += new TextDecoder().decode(bytes)),
    });
    expect([seen, stdout.length]).toEqual(["123", 0]);
  });
});

describe("what a child has printed before its end", () => {
  /** A child that has ended, while what it left in the background, out of its reach, holds its output open. */
  const leaving = (body: string): string =>
    `echo mine; mark=$(mktemp -u); setsid --fork sh -c ': >"$0"; ${body}' "$mark"; ` +
    'until [ -e "$mark" ]; do sleep 0.01; done; rm "$mark"';
  const printed = ({ exit, stdout }: Captured): unknown => [exit, new TextDecoder().decode(stdout)];

  test("is read as long as something comes, however slowly dbstash gets to it", async () => {
    // The background stands for a pipe that is not empty yet.
    const script = leaving("for n in 1 2 3 4 5 6 7 8 9; do sleep 0.08; echo $n; done");
    expect(printed(await run(script, { maxBytes: 100 }))).toEqual([
      ended,
      "mine\n1\n2\n3\n4\n5\n6\n7\n8\n9\n",
    ]);
  }, 60_000);

  test("is all that is waited for where the background is silent", async () => {
    const startedMs = performance.now();
    expect(printed(await run(leaving("exec sleep 60"), { maxBytes: 100 }))).toEqual([ended, "mine\n"]);
    expect(performance.now() - startedMs).toBeLessThan(30_000);
  }, 60_000);

  test("is not waited for any more where the background has always more to say", async () => {
    const script = leaving('exec timeout 60 sh -c "while echo more; do sleep 0.1; done"');
    const startedMs = performance.now();
    const { exit, stdout } = await run(script, { maxBytes: 100_000 });
    expect([exit, new TextDecoder().decode(stdout)]).toEqual([
      ended,
      expect.stringMatching(/^mine\n(more\n)+$/),
    ]);
    expect(performance.now() - startedMs).toBeLessThan(30_000);
  }, 60_000);
});

describe("a signal", () => {
  const reason = new DbstashError("stopped");

  test("keeps a child from starting", async () => {
    const error = await run("exit 0", {}, AbortSignal.abort(reason)).catch((thrown: unknown) => thrown);
    expect(error).toBe(reason);
  });

  test("ends a child, and only then the wait", async () => {
    const stop = new AbortController();
    let pid = 0;
    const onBegun = (bytes: Uint8Array): void => {
      pid = Number(new TextDecoder().decode(bytes));
      stop.abort(reason);
    };
    const error = await run("echo $$; exec sleep 60", { stdout: onBegun }, stop.signal).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBe(reason);
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });
});

test("a tool that is not there ends as a shell says", async () => {
  const { exit, messages } = await run("", { file: "/no/tool" });
  expect(exit.code).toBe(127);
  expect(messages.toString()).toContain("/no/tool");
});

describe("the loss of the guard", () => {
  test("ends a child, and is the cause", async () => {
    const { promise: exited, resolve } = Promise.withResolvers<number>();
    let pid = 0;
    const onBegun = (bytes: Uint8Array): void => {
      pid = Number(new TextDecoder().decode(bytes));
      resolve(137);
    };
    const script = "echo $$; exec sleep 60";
    expect(await causeUnder({ exited, isLost: false }, script, onBegun)).toBe("the guard was killed");
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });

  test.each([
    ["fails", "exit 1", "the guard was killed"],
    ["has ended well before", "exit 0", "no cause"],
  ])("is the cause where a child %s", async (_, script, cause) => {
    const guard = { exited: new Promise<number>(() => undefined), isLost: false };
    const begin = causeUnder(guard, `echo; ${script}`, () => (guard.isLost = true));
    expect(await begin).toBe(cause);
  });
});

async function run(script: string, change: Partial<CaptureRequest> = {}, signal = never): Promise<Captured> {
  using root = tempFolder("capture");
  const doors = { libc: openLibc(), toolEnv: {}, tempRoot: root.path };
  const request = {
    file: "/bin/sh",
    args: ["-c", script],
    env: { PATH: "/usr/bin:/bin" },
    graceMs: 1000,
    ...change,
  };
  return withWorkshop(
    doors,
    0o077,
    [],
    () => undefined,
    ({ guard }) => capture(request, guard, signal),
  );
}

/** What a child's run fails of under a guard that comes to this. */
async function causeUnder(
  fate: Pick<Guard, "exited" | "isLost">,
  script: string,
  onBegun: (bytes: Uint8Array) => void,
): Promise<string> {
  const life = openLibc().pipe();
  const rest = {
    lifeFd: life.writeFd,
    lossOf: () => new DbstashError("the guard was killed"),
    gone: () => undefined,
  };
  const guard: Pick<Guard, keyof typeof rest | "exited" | "isLost"> = Object.assign(fate, rest);
  const request = { file: "/bin/sh", args: ["-c", script], env: {}, graceMs: 1000, stdout: onBegun };
  try {
    return await capture(request, guard as Guard, never).then(
      () => "no cause",
      (error: Error) => error.message,
    );
  } finally {
    for (const fd of [life.readFd, life.writeFd]) closeSync(fd);
  }
}
