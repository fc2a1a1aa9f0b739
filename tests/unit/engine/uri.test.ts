import { describe, expect, test } from "bun:test";
import { hostPattern, splitUri } from "../../../src/engine/uri.ts";
import { refusal } from "./refusal.ts";

/** The parts in one line, with ~ for none: scheme, user part, hosts, path, query. */
function split(uri: string): string {
  const { scheme, userInfo, hosts, path, query } = splitUri(uri);
  return [scheme, userInfo ?? "~", hosts || "~", path || "~", query || "~"].join(" ");
}

describe("a URI is split", () => {
  test.each([
    ["postgresql://u:p@h:1/db?a=b", "postgresql u:p h:1 db a=b"],
    ["MongoDB+SRV://h/", "mongodb+srv ~ h ~ ~"],
    ["redis://", "redis ~ ~ ~ ~"],
    ["mysql://@h", "mysql  h ~ ~"],
    ["postgresql:///db", "postgresql ~ ~ db ~"],
    ["postgresql://h1:1,h2/db", "postgresql ~ h1:1,h2 db ~"],
    ["postgresql://u%40:p%2F@h/d%20b", "postgresql u%40:p%2F h d%20b ~"],
    ["postgresql://u:p@q@h/db", "postgresql u:p@q h db ~"],
    ["postgresql://u:a/b?c@h/db", "postgresql u:a/b?c h db ~"],
    ["mongodb://u:p@h/db?appName=@me@", "mongodb u:p h db appName=@me@"],
    ["mongodb://h/?appName=@me@", "mongodb ~ h ~ appName=@me@"],
    ["postgresql://h?a=b", "postgresql ~ h ~ a=b"],
  ])("%s", (uri, parts) => {
    expect(split(uri)).toBe(parts);
  });
});

describe("a URI is refused that", () => {
  test.each([
    ["has no scheme", "h/db", "has no scheme"],
    ["has a file's name for one", "/run/pg", "has no scheme"],
    [
      "has two readings",
      "postgresql://u:p@q/r@h/db",
      "more than one reading, since an @ stands behind a / or ?",
    ],
    ["may end its password in the query", "postgresql://u:p@h?x=@y", "more than one reading"],
    ["has several raw characters", "postgresql://u:a/b@c@h/db", "more than one reading"],
  ])("%s", (_, uri, words) => {
    expect(refusal(() => splitUri(uri))).toContain(words);
  });
});

test.each([
  ["h", "h", null],
  ["h:5432", "h", "5432"],
  ["h:", "h", ""],
  ["[::1]:1", "::1", "1"],
  ["[fe80::1%eth0]", "fe80::1%eth0", null],
  ["%2Frun%2Fpg", "%2Frun%2Fpg", null],
  ["", "", null],
])("%p is the host %p with the port %p", (text, host, port) => {
  const match = hostPattern.exec(text);
  expect([match?.[1] ?? match?.[2], match?.[3] ?? null]).toEqual([host, port]);
});

test.each(["::1", "a b", "h:port", "[::1", "u@h"])("%p is no host", (text) => {
  expect(hostPattern.test(text)).toBe(false);
});
