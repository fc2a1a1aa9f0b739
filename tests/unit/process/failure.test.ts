import { expect, test } from "bun:test";
import { unstoppable } from "../../../src/process/exit.ts";
import { processFailure, quoted } from "../../../src/process/failure.ts";
import { Tail } from "../../../src/process/lines.ts";

test.each<[string[], string]>([
  [[], ""],
  [["no such table"], "no such table"],
  [["a", "b", "c", "d", "e"], "b; c; d; e"],
  [["no space", "shop.items  [########................]  1/3", "[..........]"], "no space"],
  [["[###] is no progress"], "[###] is no progress"],
])("of the messages %j an error quotes %p", (lines, words) => {
  const messages = new Tail(20);
  for (const line of lines) messages.add(line);
  expect(quoted(messages)).toBe(words);
});

test.each([
  [{ code: 1, signal: null }, "no such table", "make one", "pg_dump failed (exit code 1): no such table"],
  [{ code: null, signal: "SIGKILL" }, "", null, "pg_dump failed (killed by SIGKILL)"],
  [null, "", null, "pg_dump failed (stopped)"],
  [unstoppable, "", null, "pg_dump failed (it could not be stopped, since it runs as another user)"],
])("the failure of %j that said %p, with the hint %p", (exit, words, hint, message) => {
  expect(processFailure("pg_dump", exit, words, hint)).toMatchObject({
    name: "DbstashError",
    message,
    hint: hint ?? undefined,
  });
});
