import { describe, expect, test } from "bun:test";
import { parseConf } from "../../../src/remote/rclone-conf.ts";
import { targetFaults } from "../../../src/remote/target-faults.ts";
import { followTarget, isInLocalFolder, type Target } from "../../../src/remote/targets.ts";

type Env = Record<string, string>;

const conf = `[s3]
type = s3
[b2]
type = b2
versions = true
[loc]
type = local
[sftp]
type = sftp
[al]
type = alias
remote = loc:
[abs]
type = alias
remote = /srv
[cr]
type = crypt
remote = my-bucket/x
[good]
type = crypt
remote = s3:b/x
[clear]
type = crypt
remote = s3:b
no_data_encryption = true
[gone]
type = s3
remote = left/over
[round]
type = alias
remote = round:
[un]
type = union
upstreams = ./ok:ro "two words:x" rel:ro /d rel6
[co]
type = combine
upstreams = a=s3:b "b c=in words" d=./d
[gcs]
type = google cloud storage
decompress = true
`;

function follow(text: string, env: Env = {}): Target {
  const target = followTarget(text, "RCLONE_REMOTE", { conf: parseConf(conf), env });
  if (target === null) throw new Error("no target");
  return target;
}

const messages = (text: string, env?: Env) =>
  targetFaults(follow(text, env)).problems.map(({ message }) => message);

test.each([
  ["false", 0],
  ["true", 1],
])("a crypt section with show_mapping = %s has %d faults", (value, count) => {
  expect(messages("good:", { RCLONE_CONFIG_GOOD_SHOW_MAPPING: value })).toHaveLength(count);
});

const noColon = (by: string, folder: string) =>
  `${by} has no colon, so it would be the local folder "${folder}" below the working folder`;
const leads = (by: string, folder: string) =>
  `${by} leads to the local folder "${folder}" below the working folder`;
const crypt = "remote in the section [cr] of rclone.conf";

describe("a local folder behind a place", () => {
  test.each<[string, string[], Env?]>([
    ["cr:x", [noColon(crypt, "my-bucket/x")]],
    ["good:x", []],
    ["gone:x", []],
    ["abs:x", []],
    ["un:x", [noColon("upstreams in the section [un] of rclone.conf", "rel6")]],
    ["co:x", [noColon("upstreams in the section [co] of rclone.conf", "in words")]],
    ["round:x", []],
    ["loc:rel", [leads("RCLONE_REMOTE", "rel")]],
    ["loc:/x", []],
    ["loc:./x", []],
    ["loc:", ["RCLONE_REMOTE leads to the working folder"]],
    [":local:rel", [leads("RCLONE_REMOTE", "rel")]],
    ["s3,type=local:b", [leads("RCLONE_REMOTE", "b")]],
    ["s3:b", [leads("RCLONE_REMOTE", "b")], { RCLONE_CONFIG_S3_TYPE: "local" }],
    // An alias of a remote without a path leads to a whole one.
    ["al:/x", []],
    ["al:x", ["remote in the section [al] of rclone.conf leads to the working folder"]],
    [":alias,remote=rel4:", [noColon("remote in RCLONE_REMOTE", "rel4")]],
    [`:chunker,remote=":local:rel":x`, [leads("remote in RCLONE_REMOTE", "rel")]],
    [`:alias,remote="cr:y":x`, [noColon(crypt, "my-bucket/x")]],
    ["cr,remote=/x:y", []],
    ["e:x", [noColon("RCLONE_CONFIG_E_REMOTE", "rel")], { RCLONE_CONFIG_E_REMOTE: "rel" }],
    // rclone refuses that name itself.
    [`:alias,remote='"q:x"':y`, []],
  ])("%s: %p", (text, found, env = {}) => {
    expect(messages(text, env)).toEqual(found);
  });

  test.each(["~/backups", "$HOME/x"])("%s is no folder", (folder) => {
    const { problems } = targetFaults(follow(`:alias,remote=${folder}:x`));
    expect(problems).toEqual([
      {
        message: `remote in RCLONE_REMOTE begins its folder with ${folder[0]}, which no shell replaces here`,
        hint: "write the folder's whole path",
      },
    ]);
  });

  test("hints say what to write, and what may be a secret is not shown", () => {
    const hint = (text: string) => targetFaults(follow(text)).problems[0]?.hint;
    expect(hint("cr:x")).toBe(
      "write /my-bucket/x or ./my-bucket/x for a local folder; a remote is written with a colon, NAME:path",
    );
    expect(hint("loc:rel")).toBe("write /rel or ./rel");
    expect(hint("loc:")).toBe("write the folder's whole path behind the colon");
    const cut = targetFaults(follow(`:alias,remote="x/y,pass=hunter2":z`));
    expect(cut.problems).toHaveLength(1);
    expect(JSON.stringify(cut)).not.toContain("hunter2");
  });

  test.each<[string, boolean]>([
    ["/x", true],
    ["loc:/x", true],
    ["abs:x", true],
    [`:crypt,remote="abs:y":x`, true],
    ["good:x", false],
    ["co:x", false],
    ["round:x", false],
    ["unheard-of:x", false],
  ])("%s ends there: %p", (text, isLocal) => {
    expect(isInLocalFolder(follow(text))).toBe(isLocal);
  });
});

describe("a key that makes a remote lie", () => {
  test.each<[string, string[], Env?]>([
    ["b2:x", ["the section [b2] of rclone.conf sets versions"]],
    [`:crypt,remote="b2:x":y`, ["the section [b2] of rclone.conf sets versions"]],
    ["b2,versions=false:x", []],
    ["b2:x", [], { RCLONE_CONFIG_B2_VERSIONS: "false" }],
    ["s3:x", ["RCLONE_CONFIG_S3_VERSION_AT is set"], { RCLONE_CONFIG_S3_VERSION_AT: "2026-01-01" }],
    [
      "my-s3,type=s3,versions=true:x",
      ["RCLONE_CONFIG_MY-S3_VERSIONS is set"],
      { "RCLONE_CONFIG_MY-S3_VERSIONS": "true" },
    ],
    [":s3,no_head_object:b", ["RCLONE_REMOTE sets no_head_object"]],
    [":drive,trashed_only=true:b", ["RCLONE_REMOTE sets trashed_only"]],
    [":dropbox,batch_mode=async:b", ["RCLONE_REMOTE sets batch_mode"]],
    [":dropbox,batch_mode=sync:b", []],
    [":sftp,ask_password=true:b", ["RCLONE_REMOTE sets ask_password"]],
    ["unheard-of,decompress=true:b", ["RCLONE_REMOTE sets decompress"]],
    ["gcs:b", ["the section [gcs] of rclone.conf sets decompress"]],
    [":onedrive,no_versions=true:b", []],
    [":s3,encoding=Slash:b", []],
  ])("%s: %p", (text, found, env = {}) => {
    expect(messages(text, env)).toEqual(found);
  });

  test("hints say why", () => {
    const why = "rclone would list and read something else than what is stored";
    const hint = (env: Env, text: string) => targetFaults(follow(text, env)).problems[0]?.hint;
    expect(hint({}, "b2:x")).toBe(`leave it out: ${why}`);
    expect(hint({ RCLONE_CONFIG_S3_VERSIONS: "true" }, "s3:x")).toBe(
      `unset RCLONE_CONFIG_S3_VERSIONS: ${why}`,
    );
  });

  test.each<[string, string[], Env?]>([
    [
      "clear:x",
      ["the section [clear] of rclone.conf sets no_data_encryption: what is in backups is stored in clear"],
    ],
    ["clear,no_data_encryption=false:x", []],
    [
      "good:x",
      ["RCLONE_CONFIG_GOOD_NO_DATA_ENCRYPTION is set: what is in backups is stored in clear"],
      { RCLONE_CONFIG_GOOD_NO_DATA_ENCRYPTION: "true" },
    ],
  ])("a crypt that encrypts nothing is warned of: %s", (text, found, env = {}) => {
    const { problems, warnings } = targetFaults(follow(text, env));
    expect(problems).toEqual([]);
    expect(warnings.map((warning) => warning.split(",")[0])).toEqual(found);
  });
});

test.each<[string, string[]]>([
  ["s3:b/./x", ["RCLONE_REMOTE"]],
  ["s3:b/../c/x", ["RCLONE_REMOTE"]],
  [":s3:..", ["RCLONE_REMOTE"]],
  [`:crypt,remote="s3:b/.":x`, ["remote in RCLONE_REMOTE"]],
  ["s3:b/.x/..y/z.", []],
  ["/a/../x", []],
  ["loc:/a/../x", []],
  ["sftp:../x", []],
])("dot segments of %s", (text, found) => {
  expect(messages(text)).toEqual(
    found.map((by) => `${by} has a folder . or .. in a remote's path, where it may be a name like any other`),
  );
});
