import { describe, expect, test } from "bun:test";
import { localFolderProblem, remoteNames, severalPlacesProblem } from "../../../src/job/local-folder.ts";
import { type Env, problemsOf, uri } from "./jobs.ts";

const local = { isLocal: true };
const setting = "RCLONE_REMOTE (--rclone-remote)";

test.each<[string, readonly string[], string, string]>([
  ["s3", ["s3"], "has no colon", "write /s3 or ./s3 for a local folder; or did you mean s3:?"],
  [
    "S3/bucket",
    ["nas", "s3"],
    "has no colon",
    "write /S3/bucket or ./S3/bucket for a local folder; or did you mean s3:bucket?",
  ],
  [
    "my-bucket/x",
    ["s3", "nas"],
    "has no colon",
    "write /my-bucket/x or ./my-bucket/x for a local folder; or did you mean s3:my-bucket/x or nas:my-bucket/x?",
  ],
  [
    "x",
    ["a", "b", "c", "d"],
    "has no colon",
    "write /x or ./x for a local folder; or did you mean a:x or b:x or c:x?",
  ],
  [
    "x",
    [],
    "has no colon",
    "write /x or ./x for a local folder; a remote is written with a colon, NAME:path",
  ],
  [
    "../x",
    [],
    "has no colon",
    "write /../x or ./../x for a local folder; a remote is written with a colon, NAME:path",
  ],
  ["a/b:c", ["s3"], "names no remote before its colon", "write /a/b:c or ./a/b:c for a local folder"],
])("%s with the remotes %j", (text, known, what, hint) => {
  expect(localFolderProblem("rcloneRemote", local, text, () => known)).toEqual({
    message: `${setting} ${what}, so it would be a local folder named "${text}" below the working folder`,
    hint,
  });
});

test.each(["/backups", "./backups", "./", "/"])("%s is a local folder", (text) => {
  expect(localFolderProblem("rcloneRemote", local, text, () => [])).toBeNull();
});

test.each<[string, boolean]>([
  ["/a /b", true],
  ["/a,/b", true],
  ["/a; ./b", true],
  ["/a\n/b", true],
  ["s3:a, nas:b", true],
  ["s3:a,other:b", true],
  ["s3:a nas:b", true],
  ["/a :s3:b", true],
  ["/mnt/My Disk/x", false],
  ["/a/Disk 2: all", false],
  ["/a, b/c", false],
  ["s3:b/a,b", false],
])("%j is several places: %p", (path, isSeveral) => {
  expect(severalPlacesProblem("rcloneRemote", { path }, () => ["s3", "nas"]) !== null).toBe(isSeveral);
});

test("remotes are known by their sections and by variables", () => {
  const config = "# mine\n[s3]\ntype = s3\n  [my nas]  \ntype=sftp\n";
  const env = {
    RCLONE_CONFIG_BOX_TYPE: "s3",
    RCLONE_CONFIG_S3_TYPE: "s3",
    RCLONE_CONFIG_S3_KEY: "x",
    HOME: "/root",
  };
  expect(remoteNames(config, env)).toEqual(["s3", "my nas", "box"]);
  expect(remoteNames("# Encrypted rclone configuration File\n\nRCLONE_ENCRYPT_V0:\nW3M=", {})).toEqual([]);
});

describe("of a job", () => {
  const hints = (env: Env) => problemsOf({ ...uri, ...env }, undefined, "hint");

  test("the configuration's remotes are named", () => {
    expect(hints({ RCLONE_REMOTE: "s3/bucket", RCLONE_CONFIG: btoa("[s3]\ntype = s3\n") })).toEqual([
      "write /s3/bucket or ./s3/bucket for a local folder; or did you mean s3:bucket?",
    ]);
    expect(
      hints({ RCLONE_REMOTE: "bucket", RCLONE_CONFIG_BOX_TYPE: "s3", RCLONE_CONFIG: btoa("[s3]") }),
    ).toEqual(["write /bucket or ./bucket for a local folder; or did you mean s3:bucket or box:bucket?"]);
  });

  test("a configuration that can't be read is a problem of its own", () => {
    expect(problemsOf({ ...uri, RCLONE_REMOTE: "x", RCLONE_CONFIG_FILE: "/no/rclone.conf" })).toEqual([
      `${setting} has no colon, so it would be a local folder named "x" below the working folder`,
      "RCLONE_CONFIG_FILE (--rclone-config-file) names /no/rclone.conf, which does not exist",
    ]);
  });

  test("a remote that could not be read is not missed besides", () => {
    expect(problemsOf({ ...uri, RCLONE_REMOTE: "~/x" })).toEqual([
      `${setting} begins with ~, which no shell replaces here`,
    ]);
  });
});
