import { expect, test } from "bun:test";
import { fstatSync, readSync, writeSync } from "node:fs";
import { openLibc } from "../../../src/process/libc.ts";
import {
  type HeldPipes,
  KernelPipe,
  pipeBytes,
  withHeldPipes,
  writeEnds,
} from "../../../src/process/pipe.ts";

const libc = openLibc();

test("a pipe tells how much lies in it, and gives an end of input only when its write end is let go", () => {
  const pipe = new KernelPipe(libc);
  writeSync(pipe.writeFd, "abc");
  expect([pipe.bufferedBytes(), pipe.writeEndHeld]).toEqual([3, true]);
  const bytes = Buffer.alloc(10);
  expect(readSync(pipe.readFd, bytes)).toBe(3);
  pipe.closeWrite();
  expect([pipe.writeEndHeld, readSync(pipe.readFd, bytes)]).toEqual([false, 0]);
  pipe.closeRead();
  expect(pipe.bufferedBytes()).toBe(0);
});

test("an end that is closed is closed once: its number may be another file's since", () => {
  const pipe = new KernelPipe(libc);
  pipe.close();
  const next = new KernelPipe(libc);
  expect([next.readFd, next.writeFd]).toEqual([pipe.readFd, pipe.writeFd]);
  pipe.close();
  expect(fstatSync(next.writeFd).isFIFO()).toBe(true);
  next.close();
});

test("a backup's two pipes are closed when it has ended, however it ends", async () => {
  let held: HeldPipes | null = null;
  const fault = new Error("a fault");
  const thrown = await withHeldPipes(libc, { places: 1, parallel: 1 }, async (pipes) => {
    held = pipes;
    expect(writeEnds(pipes)).toEqual([pipes.first.writeFd, pipes.last.writeFd]);
    throw fault;
  }).catch((error: unknown) => error);
  expect(thrown).toBe(fault);
  const { first, last } = held as unknown as HeldPipes;
  expect([first.writeEndHeld, last.writeEndHeld]).toEqual([false, false]);
});

test("of several places each has a gate, and these are what the guard holds", async () => {
  const gates = await withHeldPipes(libc, { places: 3, parallel: 1 }, async (pipes) => {
    expect(writeEnds(pipes)).toEqual(pipes.gates.map(({ writeFd }) => writeFd));
    return pipes.gates;
  });
  expect(gates.map(({ writeEndHeld }) => writeEndHeld)).toEqual([false, false, false]);
});

test("a pipe is full when a write would wait, and is not where nobody reads any more", () => {
  const pipe = new KernelPipe(libc);
  const part = Buffer.alloc(4096);
  expect(pipe.isFull()).toBe(false);
  for (let written = 0; !pipe.isFull() && written < 1024; written++) writeSync(pipe.writeFd, part);
  expect(pipe.isFull()).toBe(true);
  readSync(pipe.readFd, part);
  expect(pipe.isFull()).toBe(false);
  writeSync(pipe.writeFd, part);
  pipe.closeRead();
  expect(pipe.isFull()).toBe(false);
  pipe.closeWrite();
});

const MiB = 1_048_576;

test.each([
  ["a run of one backup has the largest", 3, MiB, 16_384, MiB],
  ["one to six places, too", 9, MiB, 16_384, MiB],
  ["sixteen at once share half of what a user may have", 16 * 3, MiB, 16_384, MiB / 2],
  ["and never get less than a pipe has by itself", 16 * 9, MiB, 1_024, 65_536],
  ["without a limit nobody shares", 16 * 9, MiB, 0, MiB],
])("%s", (_, pipes, maxBytes, softPages, bytes) => {
  expect(pipeBytes(pipes, maxBytes, softPages)).toBe(bytes);
});
