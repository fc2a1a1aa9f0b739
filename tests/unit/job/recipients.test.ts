import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { run } from "../../support/run.ts";
import { tempFolder } from "../../support/temp.ts";
import { mongo } from "../../../src/engine/mongo/mongo.ts";
import { type Env, problemsOf, resolve, uri } from "./jobs.ts";

const own = "age1563phs7q86qkcscft068lv7vrgge4q0n7yqqv4269xl3qwcux3qq5u5cpz";
const other = "age1g43hssyj0r9mg38830t8vprkn485697vzhyq729qqleh9en24qxqla7mtg";
const fileSetting = "BACKUP_ENCRYPT_TO_FILE (--backup-encrypt-to-file)";

/** A file of recipients with so many rights. */
function fileOf(folder: { file(name: string): string }, text: string, mode = 0o644): Env {
  const path = folder.file("recipients");
  writeFileSync(path, text);
  chmodSync(path, mode);
  return { BACKUP_ENCRYPT_TO_FILE: path };
}

test("nothing is encrypted unless asked for", () => {
  expect(resolve(uri).request.recipients).toBeNull();
});

test("both settings together are all of their recipients, each once", () => {
  using folder = tempFolder("recipients");
  const both = { ...fileOf(folder, `${own}\n${other}\n`), BACKUP_ENCRYPT_TO: own };
  expect(resolve({ ...uri, ...both }).request.recipients).toEqual([own, other]);
});

test.each([[0o666], [0o664], [0o602]])("a file that others may write to is an error: mode %o", (mode) => {
  using folder = tempFolder("recipients");
  const file = fileOf(folder, own, mode);
  expect(problemsOf({ ...uri, ...file })).toEqual([
    `${fileSetting} names ${folder.file("recipients")}, which others may write to: they could have backups encrypted to themselves`,
  ]);
  expect(problemsOf({ ...uri, ...file }, undefined, "hint")[0]).toStartWith("chmod go-w ");
});

test("a file that is none, or says nothing good, is told with its path", async () => {
  using folder = tempFolder("recipients");
  const told = (path: string) => problemsOf({ ...uri, BACKUP_ENCRYPT_TO_FILE: folder.file(path) })[0];
  expect(told("none")).toEndWith("/none, which does not exist");
  mkdirSync(folder.file("folder"));
  expect(told("folder")).toEndWith("/folder, which is a folder");
  await run(["mkfifo", folder.file("pipe")]);
  expect(told("pipe")).toEndWith("/pipe, which is no file");
  const { BACKUP_ENCRYPT_TO_FILE: path = "" } = fileOf(folder, `${own}\nage1x\n`);
  expect(problemsOf({ ...uri, BACKUP_ENCRYPT_TO_FILE: path })).toEqual([
    `${fileSetting} names ${path}, which has a recipient that is none: its checksum is wrong (line 2)`,
  ]);
});

test("a look at what is stored needs no file of recipients", () => {
  const env = { ...uri, BACKUP_ENCRYPT_TO_FILE: "/nowhere/recipients" };
  expect(resolve(env, undefined, "look").naming.extension).toBe(".sql.age");
  expect(problemsOf(env)).toHaveLength(1);
});

test("a folder can't be encrypted, and the hint names tar", () => {
  const env = { ...uri, BACKUP_MODE: "directory", BACKUP_ENCRYPT_TO: own };
  expect(problemsOf(env)).toEqual([
    "BACKUP_ENCRYPT_TO (--backup-encrypt-to) can't encrypt a folder, which BACKUP_MODE=directory makes",
  ]);
  expect(problemsOf(env, undefined, "hint")[0]).toContain("BACKUP_MODE=tar");
});

test.each<[Env, RegExp]>([
  [{ BACKUP_EXTENSION: ".sql.age" }, /set BACKUP_ENCRYPT_TO/],
  [{ BACKUP_EXTENSION: ".age", BACKUP_ENCRYPT_TO: own }, /it is added at the end/],
])("no extension of the user's says that age was at work: %j", (env, hint) => {
  expect(problemsOf({ ...uri, ...env })[0]).toMatch(/^BACKUP_EXTENSION .* ends in \.age/);
  expect(problemsOf({ ...uri, ...env }, undefined, "hint")[0]).toMatch(hint);
});

test("mongodump may not be silenced where only its words tell whether there is something in it", () => {
  const env = { DB_URI: "mongodb://h/app", RCLONE_REMOTE: "/x", DUMP_EXTRA_ARGS: "--quiet" };
  expect(problemsOf(env, mongo)).toEqual([]);
  expect(problemsOf({ ...env, BACKUP_ENCRYPT_TO: own }, mongo)[0]).toContain("has --quiet");
});
