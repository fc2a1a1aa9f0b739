import { expect, test } from "bun:test";
import {
  configValue,
  fitsConf,
  isEncrypted,
  parseConf,
  writeSection,
} from "../../../src/remote/rclone-conf.ts";

test("an rclone.conf is read as rclone reads it", () => {
  const text = [
    "# a = comment",
    "[a b]",
    "type = s3",
    "endpoint: https://h:9000",
    'pass = "kept in quotes" # too',
    "tick = `no ticks`",
    "; [no]",
    "  long = one\\",
    "two\r",
    "TYPE = other",
    "[A B]",
    "type = local",
    "[a b]",
    "type = b2",
    "empty =",
  ].join("\n");
  expect(
    Object.fromEntries([...parseConf(text)].map(([name, section]) => [name, Object.fromEntries(section)])),
  ).toEqual({
    "a b": {
      type: "b2",
      endpoint: "https://h:9000",
      pass: '"kept in quotes" # too',
      tick: "no ticks",
      long: "onetwo",
      TYPE: "other",
      empty: "",
    },
    "A B": { type: "local" },
  });
  expect([
    configValue(text, "A B", "type"),
    configValue(text, "A B", "endpoint"),
    configValue(text, "x", "type"),
  ]).toEqual(["local", null, null]);
});

test("an encrypted one holds nothing that can be read", () => {
  const text = "# Encrypted rclone configuration File\n\nRCLONE_ENCRYPT_V0:\nabc=\n";
  expect([isEncrypted(text), isEncrypted("[a]\n"), parseConf(text).size]).toEqual([true, false, 0]);
});

test("what is written is read again", () => {
  const section = new Map([
    ["type", "s3"],
    ["endpoint", 'a "b", c=d:e'],
  ]);
  expect(parseConf(writeSection("my-s3", section)).get("my-s3")).toEqual(section);
});

test.each([
  ["x", true],
  ["", true],
  [" x", false],
  ["x ", false],
  ["x\ny", false],
  ["%(x)s", false],
  ["x\\", false],
  ["`x`", false],
])("that %p may stand in one is %p", (value, fits) => {
  expect(fitsConf(value)).toBe(fits);
});
