import { expect, test } from "bun:test";
import { EventEmitter } from "node:events";
import { listenToSignals } from "../../src/signals.ts";

test.each([
  ["SIGTERM", "0000000000000000", true],
  ["SIGINT", "0000000000000000", true],
  ["SIGHUP", "0000000000000000", true],
  ["SIGHUP", "0000000000001000", true],
  ["SIGHUP", "0000000000001001", false],
  ["SIGHUP", "0000000000000003", false],
] as const)("%s where SigIgn is %s is heard: %p", (name, ignored, heard) => {
  const source = new EventEmitter();
  const { first, second } = listenToSignals(
    source,
    `Name:\tx\nSigIgn:\t${ignored}\nSigCgt:\t0000000000000001\n`,
  );
  source.emit(name);
  expect([first.aborted, second.aborted]).toEqual([heard, false]);
  source.emit(name);
  expect([first.aborted, second.aborted]).toEqual([heard, heard]);
});
