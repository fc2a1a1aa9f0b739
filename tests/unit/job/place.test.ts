import { describe, expect, test } from "bun:test";
import { configText } from "../../../src/remote/config-source.ts";
import { type Env, problemsOf, resolve, uri } from "./jobs.ts";

test("a chunk size set by the user, in whichever way, stays", () => {
  expect(resolve(uri).places[0].chunkSizeIsSet).toBe(false);
  expect(resolve({ ...uri, RCLONE_EXTRA_ARGS: "--s3-chunk-size=64M" }).places[0].chunkSizeIsSet).toBe(true);
  expect(resolve({ ...uri, RCLONE_S3_CHUNK_SIZE: "64M" }).places[0].chunkSizeIsSet).toBe(true);
  expect(
    resolve({
      ...uri,
      RCLONE_REMOTE: "s3:b",
      RCLONE_CONFIG_S3_TYPE: "s3",
      RCLONE_CONFIG_S3_CHUNK_SIZE: "64M",
    }).places[0].chunkSizeIsSet,
  ).toBe(true);
});

test.each<[string | null, Env]>([
  ["local", { RCLONE_REMOTE: "/backups" }],
  ["s3", { RCLONE_REMOTE: ":s3:b" }],
  ["s3", { RCLONE_REMOTE: ":s3,provider=AWS:b" }],
  ["s3", { RCLONE_REMOTE: "store,provider=AWS:b", RCLONE_CONFIG_STORE_TYPE: "s3" }],
  ["s3", { RCLONE_REMOTE: "store:b", RCLONE_CONFIG: btoa("[store]\ntype = s3\n") }],
  // The variable beats the configuration.
  [null, { RCLONE_REMOTE: "a:b", RCLONE_CONFIG: btoa("[a]\ntype = s3\n"), RCLONE_CONFIG_A_TYPE: "crypt" }],
  [null, { RCLONE_REMOTE: "b:x", RCLONE_CONFIG: btoa("[a]\ntype = s3\n[b]\ntype = crypt\n") }],
  // So does a parameter beat both, and a variable's name keeps the section's dash.
  ["local", { RCLONE_REMOTE: "a,type=local:/b", RCLONE_CONFIG: btoa("[a]\ntype = s3\n") }],
  ["s3", { RCLONE_REMOTE: "my-s3:b", "RCLONE_CONFIG_MY-S3_TYPE": "s3" }],
  [null, { RCLONE_REMOTE: "my-s3:b", RCLONE_CONFIG_MY_S3_TYPE: "s3" }],
  [null, { RCLONE_REMOTE: ":sftp,host=h:b" }],
  [null, { RCLONE_REMOTE: "unheard-of:b" }],
])("of a remote that is %p the features are known or not", (kind, env) => {
  expect(resolve({ ...uri, ...env }).places[0].features?.kind ?? null).toBe(kind as "s3" | "local" | null);
});

describe("rclone's extra flags", () => {
  test.each<[string, Env, string[]]>([
    ["stay as they are", { RCLONE_EXTRA_ARGS: "--bwlimit 10M" }, []],
    [
      "that change what a backup means are refused",
      { RCLONE_EXTRA_ARGS: "--dry-run" },
      ["RCLONE_EXTRA_ARGS (--rclone-extra-args) must not hold --dry-run"],
    ],
    [
      "with a password in a URL are refused",
      { RCLONE_EXTRA_ARGS: "--webdav-url https://joe:hunter2@host" },
      [
        "RCLONE_EXTRA_ARGS (--rclone-extra-args) holds a password in a URL, which everyone on this machine could read in the process list",
      ],
    ],
  ])("%s", (_, env, problems) => {
    expect(problemsOf({ ...uri, ...env })).toEqual(problems);
  });
});

describe("a chunk size of the user's", () => {
  const named = { RCLONE_REMOTE: "s3:b" };
  const inConfig = (text: string): Env => ({ ...named, RCLONE_CONFIG: btoa(text) });
  test.each<[string, Env, boolean]>([
    ["is none by itself", {}, false],
    ["is a flag in two words", { RCLONE_EXTRA_ARGS: "--s3-chunk-size 64M" }, true],
    ["is a parameter of the remote", { RCLONE_REMOTE: ":s3,chunk_size=64M:b" }, true],
    ["is in its section of the configuration", inConfig("[s3]\nchunk_size = 64M\n"), true],
    ["is not in another one's", inConfig("[s3]\ntype = s3\n[b2]\nchunk_size = 64M\n"), false],
    ["is not another backend's", { RCLONE_B2_CHUNK_SIZE: "64M" }, false],
  ])("%s", (_, env, isSet) => {
    expect(resolve({ ...uri, ...env }).places[0].chunkSizeIsSet).toBe(isSet);
  });
});

test.each<[string, Env, string]>([
  ["a local path", {}, ""],
  ["an inline one", { RCLONE_REMOTE: "a:b", RCLONE_CONFIG: btoa("[a]\ntype = s3\n") }, "[a]\ntype = s3\n"],
])("the text of the configuration of %s", (_, env, text) => {
  expect(configText(resolve({ ...uri, ...env }).places[0].config)).toBe(text);
});

describe("what of the environment speaks of rclone", () => {
  test("a wish that can't be met is a problem, a filter a warning", () => {
    expect(problemsOf({ ...uri, RCLONE_DRY_RUN: "true" })).toEqual([
      "RCLONE_DRY_RUN is set, and rclone would upload nothing and report success",
    ]);
    expect(resolve({ ...uri, RCLONE_EXCLUDE: "*.tmp", RCLONE_RC: "1" }).warnings).toEqual([
      "RCLONE_EXCLUDE is passed over: a filter would hide backups from retention",
    ]);
  });

  test("an option of all of rclone on the way to the place is a problem", () => {
    const conf = btoa("[a]\ntype = crypt\nremote = b:x\n[b]\ntype = s3\nglobal.dry_run = true\n");
    expect(problemsOf({ ...uri, RCLONE_REMOTE: "a:x", RCLONE_CONFIG: conf })).toEqual([
      "the section [b] of rclone.conf sets global.dry_run for all of rclone",
    ]);
  });
});

test.each<[string, Env, string[]]>([
  ["two folders", { RCLONE_REMOTE: "/a /b" }, ["looks like several places in one"]],
  ["with a comma", { RCLONE_REMOTE: "/a,/b" }, ["looks like several places in one"]],
  [
    "a relative folder",
    { RCLONE_REMOTE: ":local:rel" },
    ['leads to the local folder "rel" below the working folder'],
  ],
  [
    "a dot segment",
    { RCLONE_REMOTE: ":s3:b/./x" },
    ["has a folder . or .. in a remote's path, where it may be a name like any other"],
  ],
])("a place that is %s is refused", (_, env, messages) => {
  expect(problemsOf({ ...uri, ...env })).toEqual(
    messages.map((message) => `RCLONE_REMOTE (--rclone-remote) ${message}`),
  );
});

test("a crypt that encrypts nothing is warned of", () => {
  const conf = btoa("[c]\ntype = crypt\nremote = /x\n");
  const place = { ...uri, RCLONE_REMOTE: "c:", RCLONE_CONFIG: conf };
  expect(resolve({ ...place, RCLONE_CONFIG_C_NO_DATA_ENCRYPTION: "true" }).warnings).toHaveLength(1);
  expect(resolve({ ...place, RCLONE_CRYPT_NO_DATA_ENCRYPTION: "true" }).warnings).toHaveLength(1);
  expect(resolve(place).warnings).toEqual([]);
});

describe("two targets", () => {
  const keyOf = (env: Env) => resolve({ ...uri, ...env }).places[0].key;
  test.each<[string, Env, Env]>([
    ["of two servers", { RCLONE_REMOTE: ":sftp,host=a:x" }, { RCLONE_REMOTE: ":sftp,host=b:x" }],
    ["of two users", { RCLONE_REMOTE: ":sftp,user=a:x" }, { RCLONE_REMOTE: ":sftp,user=b:x" }],
    ["of two folders", { RCLONE_REMOTE: "a,remote=/b:x" }, { RCLONE_REMOTE: "a,remote=/b:y" }],
    ["behind two aliases", { RCLONE_REMOTE: "a,remote=/b:x" }, { RCLONE_REMOTE: "a,remote=/c:x" }],
    [
      "by two environments",
      { RCLONE_REMOTE: "s3:x", RCLONE_CONFIG_S3_TYPE: "s3", RCLONE_CONFIG_S3_ENDPOINT: "a" },
      { RCLONE_REMOTE: "s3:x", RCLONE_CONFIG_S3_TYPE: "s3", RCLONE_CONFIG_S3_ENDPOINT: "b" },
    ],
  ])("%s never share a lock", (_, one, other) => {
    expect(keyOf(one)).not.toBe(keyOf(other));
  });

  test("that differ by a password alone are one", () => {
    expect(keyOf({ RCLONE_REMOTE: ":sftp,host=a,pass=topsecret:x" })).toBe(
      keyOf({ RCLONE_REMOTE: ":sftp,host=a,pass=another:x" }),
    );
  });
});
