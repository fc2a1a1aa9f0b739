import { expect, test } from "bun:test";
import { describeExit, type Exit, stuck, succeeded, unstoppable } from "../../../src/process/exit.ts";

test.each<[Exit, boolean, string]>([
  [{ code: 0, signal: null }, true, "exit code 0"],
  [{ code: 1, signal: null }, false, "exit code 1"],
  [{ code: null, signal: "SIGKILL" }, false, "killed by SIGKILL"],
  [
    stuck,
    false,
    "it was killed and does not end: it waits in the kernel, as for a network file system that is gone",
  ],
  [unstoppable, false, "it could not be stopped, since it runs as another user"],
])("%j is a success: %p, and reads %p", (exit, isSuccess, words) => {
  expect([succeeded(exit), describeExit(exit)]).toEqual([isSuccess, words]);
});
