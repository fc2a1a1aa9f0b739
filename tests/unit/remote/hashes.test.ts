import { expect, test } from "bun:test";
import { parseHashes } from "../../../src/remote/hashes.ts";

test("hashes are read by path, and what is none is left out", () => {
  const [one, two] = ["0a".repeat(32), "ff".repeat(32)];
  const text = `${one}  toc.dat\n${two}  a folder/with  blanks\n${"E".repeat(64)}  x\nERROR  y\n\n`;
  expect([...parseHashes(text)]).toEqual([
    ["toc.dat", one],
    ["a folder/with  blanks", two],
  ]);
});
