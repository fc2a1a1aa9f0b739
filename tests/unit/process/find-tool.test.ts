import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { DbstashError } from "../../../src/errors.ts";
import { findTool } from "../../../src/process/spawn.ts";
import { tempFolder } from "../../support/temp.ts";

test("a tool is the first of its names that is on PATH and may be run", () => {
  using folder = tempFolder("tools");
  const [one, two] = [folder.file("one"), folder.file("two")];
  for (const path of [one, two]) mkdirSync(path);
  const put = (path: string, mode: number): void => {
    writeFileSync(path, "#!/bin/sh\n");
    chmodSync(path, mode);
  };
  put(`${one}/mysqldump`, 0o755);
  put(`${one}/mariadb-dump`, 0o644);
  put(`${two}/mysqldump`, 0o755);
  const find = (...tools: string[]) => findTool(tools, `${one}:${two}`);
  expect(find("mysqldump")).toBe(`${one}/mysqldump`);
  expect(find("mariadb-dump", "mysqldump")).toBe(`${one}/mysqldump`);
  put(`${two}/mariadb-dump`, 0o755);
  expect(find("mariadb-dump", "mysqldump")).toBe(`${two}/mariadb-dump`);
});

test("tools of which none is there are named", () => {
  expect(() => findTool(["mariadb-dump", "mysqldump"], "/no/such")).toThrow(
    new DbstashError("mariadb-dump or mysqldump was not found on PATH"),
  );
});
