import { describe, expect, test } from "bun:test";
import { EventEmitter } from "node:events";
import { listenToSignals, Uncaught } from "../../src/signals.ts";

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

test.each([
  ["SIGTERM", "SIGTERM"],
  ["SIGINT", "SIGINT"],
  ["SIGHUP", "SIGHUP"],
])("%s stops a run as %s", (name, meaning) => {
  const source = new EventEmitter();
  const { first } = listenToSignals(source, "");
  source.emit(name);
  expect(first.reason).toMatchObject({ name: "Interrupted", signal: meaning });
});

describe("an error that nobody caught", () => {
  test.each<[string, string, unknown, string]>([
    ["is thrown", "uncaughtException", new TypeError("x is undefined"), "internal error: x is undefined"],
    ["is rejected", "unhandledRejection", new Error("no answer"), "internal error: no answer"],
    ["is no error", "unhandledRejection", "gone", "internal error: gone"],
  ])("that %s is told, and as a fault of ours", (_, event, thrown, message) => {
    const { source, told } = uncaught();
    source.emit(event, thrown);
    expect(told).toEqual([`main: ${message} (this is a fault of dbstash itself)`]);
  });

  test("is told to the run that listens, until it listens no more", () => {
    const { source, told, errors, tellTo } = uncaught();
    const forget = errors.listen(tellTo("run"));
    source.emit("uncaughtException", new Error("one"));
    forget();
    source.emit("uncaughtException", new Error("two"));
    expect(told.map((line) => line.replace(/ \(.*/, ""))).toEqual([
      "main: internal error: one",
      "run: internal error: one",
      "main: internal error: two",
    ]);
  });

  test("is told in another way from where one is given", () => {
    const { source, told, errors, tellTo } = uncaught();
    errors.reportBy(tellTo("log"));
    source.emit("uncaughtException", new Error("one"));
    expect(told).toEqual(["log: internal error: one (this is a fault of dbstash itself)"]);
  });
});

function uncaught() {
  const source = new EventEmitter();
  const told: string[] = [];
  const tellTo = (who: string) => (error: { message: string; hint: string | undefined }) =>
    void told.push(`${who}: ${error.message} (${error.hint})`);
  return { source, told, tellTo, errors: new Uncaught(source, tellTo("main")) };
}
