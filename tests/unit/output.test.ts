import { describe, expect, test } from "bun:test";
import { closeSync, readSync } from "node:fs";
import { openOutput } from "../../src/output.ts";
import { openLibc } from "../../src/process/libc.ts";

describe("a reader who does not come", () => {
  const libc = openLibc();
  const never = new AbortController().signal;

  /** What `act` writes to a pipe, read only when all of it has been written. */
  const readLate = async (act: (output: ReturnType<typeof openOutput>) => void): Promise<string> => {
    const { readFd, writeFd } = libc.pipe();
    const output = openOutput(writeFd, () => libc.canWrite(writeFd));
    act(output);
    const seen: Buffer[] = [];
    const done = output.drained(never).then(() => closeSync(writeFd));
    const piece = Buffer.alloc(65_536);
    for (let isOver = false; !isOver;) {
      isOver = await Promise.race([done.then(() => true), Bun.sleep(1).then(() => false)]);
      while (isOver || libc.readableBytes(readFd) > 0) {
        const count = readSync(readFd, piece);
        if (count === 0) break;
        seen.push(Buffer.from(piece.subarray(0, count)));
      }
    }
    closeSync(readFd);
    return Buffer.concat(seen).toString();
  };
  const line = (index: number) => `${String(index).padStart(6, "0")} ${"x".repeat(1_000)}`;

  test("does not hold up who writes, and gets the first lines, how many are left out, and the last ones", async () => {
    const text = await readLate((output) => {
      output.onDropped((count) => `left out ${count}\n`);
      for (let index = 0; index < 5_000; index += 1) output.write(`${line(index)}\n`);
    });
    const lines = text.trimEnd().split("\n");
    expect(lines[0]).toBe(line(0));
    expect(lines.at(-1)).toBe(line(4_999));
    const notes = lines.filter((one) => one.startsWith("left out "));
    expect(notes).toHaveLength(1);
    expect(lines.length - 1 + Number(notes[0]?.slice("left out ".length))).toBe(5_000);
    expect(text.length).toBeLessThan(1_300_000);
    expect(lines.filter((one) => !one.startsWith("left")).toSorted()).toEqual(
      lines.filter((one) => !one.startsWith("left")),
    );
  });

  test("gets the whole of what was asked for", async () => {
    const answer = `${"y".repeat(3_000_000)}\n`;
    expect(await readLate((output) => output.print(answer))).toBe(answer);
  });
});
