import { describe, expect, test } from "bun:test";
import { longestHead, type HeadReading, RequestHead } from "../../../src/daemon/http-request.ts";

function read(...pieces: readonly (string | Uint8Array)[]): HeadReading {
  const head = new RequestHead();
  let reading: HeadReading = { kind: "more" };
  for (const piece of pieces) {
    if (reading.kind !== "more") break;
    reading = head.add(Buffer.from(piece));
  }
  return reading;
}

describe("a request", () => {
  test.each<[string, string, string, string]>([
    ["in its plainest form", "GET /healthz HTTP/1.1\r\n\r\n", "GET", "/healthz"],
    ["with fields", "GET /metrics HTTP/1.1\r\nHost: x:8080\r\nAccept: */*\r\n\r\n", "GET", "/metrics"],
    ["of HTTP/1.0", "HEAD / HTTP/1.0\r\n\r\n", "HEAD", "/"],
    ["with line feeds alone", "GET /readyz HTTP/1.1\nhost: x\n\n", "GET", "/readyz"],
    ["after empty lines", "\r\n\r\nGET /readyz HTTP/1.1\r\n\r\n", "GET", "/readyz"],
    ["with a query", "GET /readyz?probe=1 HTTP/1.1\r\n\r\n", "GET", "/readyz"],
    ["as a proxy gets it", "GET http://db:8080/readyz?x HTTP/1.1\r\n\r\n", "GET", "/readyz"],
    ["of the whole server", "OPTIONS * HTTP/1.1\r\n\r\n", "OPTIONS", "*"],
    ["whose method nobody knows", "BREW /pot HTTP/1.1\r\n\r\n", "BREW", "/pot"],
    ["with more behind it", "GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n", "GET", "/a"],
  ])("%s", (_, text, method, path) => {
    expect(read(text)).toEqual({ kind: "request", method, path });
    expect(read(...text)).toEqual({ kind: "request", method, path });
  });

  test.each<[string, string | Uint8Array, number]>([
    ["without a version", "GET /healthz\r\n\r\n", 400],
    ["with two blanks", "GET  /healthz HTTP/1.1\r\n\r\n", 400],
    ["in small letters", "GET / http/1.1\r\n\r\n", 400],
    ["of a TLS client", new Uint8Array([22, 3, 1, 0, 200, 10, 10]), 400],
    ["of a client of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
    ["of nothing but fields", `GET / HTTP/1.1\r\n${"x: y\r\n".repeat(longestHead)}`, 431],
    ["without a line end", "x".repeat(longestHead + 1), 431],
  ])("is refused %s", (_, text, status) => {
    expect(read(text)).toEqual({ kind: "refused", status: status as 400 });
  });

  test.each(["", "GET", "GET / HTTP/1.1", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nhost: x\r\n", "\r\n\r\n"])(
    "is not whole yet: %j",
    (text) => {
      expect(read(text)).toEqual({ kind: "more" });
    },
  );
});
