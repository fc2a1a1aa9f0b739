import { expect, test } from "bun:test";
import { parseTimeZone } from "../../../src/config/zone.ts";

const links = new Map([["/etc/localtime", "../usr/share/zoneinfo/Europe/Berlin"]]);
const readLink = (path: string) => links.get(path) ?? null;

test.each([
  ["UTC", "UTC"],
  ["Asia/Kathmandu", "Asia/Kathmandu"],
  [":Europe/Berlin", "Europe/Berlin"],
  [":UTC", "UTC"],
  ["/usr/share/zoneinfo/Europe/Berlin", "Europe/Berlin"],
  [":/usr/share/zoneinfo/Europe/Berlin", "Europe/Berlin"],
  ["/usr/share/zoneinfo/posix/America/Argentina/Ushuaia", "America/Argentina/Ushuaia"],
  ["/usr/share/zoneinfo/right/UTC", "UTC"],
  ["/etc/localtime", "Europe/Berlin"],
  [":/etc/localtime", "Europe/Berlin"],
])("TZ=%s is the zone %s", (text, zone) => {
  expect(parseTimeZone(text, readLink)).toBe(zone);
});

test.each([
  "Mars/Base",
  "Berlin",
  ":",
  ":Mars",
  "/usr/share/zoneinfo/Mars",
  "/etc/passwd",
  "CET-1CEST,M3.5.0",
])("TZ=%s is none", (text) => {
  expect(() => parseTimeZone(text, readLink)).toThrow(
    "must be an IANA time zone such as UTC or Europe/Berlin",
  );
});

test("a copy of a zone at /etc/localtime, as a mount into a container is, tells no name", () => {
  expect(() => parseTimeZone(":/etc/localtime", () => null)).toThrow(
    "names /etc/localtime, which is no link to a zone",
  );
});
