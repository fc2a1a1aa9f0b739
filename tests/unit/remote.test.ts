import { describe, expect, test } from "bun:test";
import {
  configFileSecrets,
  configValue,
  environmentSecrets,
  rcloneEnvironment,
} from "../../src/remote/rclone-environment.ts";
import { sortExtraArgs } from "../../src/remote/extra-args.ts";
import { parseFeatures } from "../../src/remote/features.ts";
import { parseListing, parseRcloneLine, parseStat } from "../../src/remote/log.ts";
import { rcloneHint } from "../../src/remote/rclone-failure.ts";
import { folderPath, joinRemote, parseRemote } from "../../src/remote/remote.ts";
import { uploadFlags } from "../../src/remote/upload.ts";

describe("RCLONE_REMOTE", () => {
  test.each<[string, string, Record<string, string>, string]>([
    ["/backups", "/backups", {}, "/backups"],
    ["backups/here", "backups/here", {}, "backups/here"],
    ["./odd:name", "./odd:name", {}, "./odd:name"],
    ["s3:bucket/x", "s3:bucket/x", {}, "s3:bucket/x"],
    ["my remote:", "my remote:", {}, "my remote:"],
    [":s3:bucket", ":s3:bucket", {}, ":s3:bucket"],
    [
      ":sftp,host=h,pass=p4ss:dir",
      "DBSTASH:dir",
      {
        RCLONE_CONFIG_DBSTASH_TYPE: "sftp",
        RCLONE_CONFIG_DBSTASH_HOST: "h",
        RCLONE_CONFIG_DBSTASH_PASS: "p4ss",
      },
      ":sftp:dir",
    ],
    [
      `:webdav,url="https://h:8443/a,b",pass='it''s':x`,
      "DBSTASH:x",
      {
        RCLONE_CONFIG_DBSTASH_TYPE: "webdav",
        RCLONE_CONFIG_DBSTASH_URL: "https://h:8443/a,b",
        RCLONE_CONFIG_DBSTASH_PASS: "it's",
      },
      ":webdav:x",
    ],
    [
      "my-s3,env_auth,secret-access-key=k:b",
      "my-s3:b",
      { RCLONE_CONFIG_MY_S3_ENV_AUTH: "true", RCLONE_CONFIG_MY_S3_SECRET_ACCESS_KEY: "k" },
      "my-s3:b",
    ],
  ])("%s", (text, path, env, shown) => {
    expect(parseRemote(text)).toMatchObject({ path, env, shown });
  });

  test("parameters are secrets, but for harmless ones", () => {
    expect(parseRemote(":sftp,host=example,port=22,user=joe,pass=p4ss:x").secrets).toEqual(["joe", "p4ss"]);
    expect(parseRemote(`:webdav,url="https://joe:p4ss@h/x":y`).secrets).toEqual(["p4ss"]);
  });

  test.each([":sftp,pass=x", `:sftp,pass="x:dir`, ":sftp,=x:dir"])(
    "%s is refused without quoting a value",
    (text) => {
      expect(() => parseRemote(text)).toThrow(/has a (parameter|quote)|has parameters/);
    },
  );

  test.each([
    "my.s3,pass=topsecret:b",
    "my s3,pass=topsecret:b",
    "a@b,pass=topsecret:b",
    "büro,pass=topsecret:b",
  ])("%s is refused: no variable can carry its parameters", (text) => {
    expect(() => parseRemote(text)).toThrow(/^gives parameters to the remote "[^"]+", whose name has more/);
    expect(() => parseRemote(text)).not.toThrow(/topsecret/);
    expect(parseRemote(text.replace(/,[^:]*/, "")).env).toEqual({});
  });

  test("stands alone: a path and an on-the-fly remote that wraps none", () => {
    expect(parseRemote("/x").standsAlone).toBe(true);
    expect(["/x", "./x:y", ":local:/x", "disk:/x"].map((text) => parseRemote(text).isLocal)).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(parseRemote(":s3:b").standsAlone).toBe(true);
    expect(parseRemote(":crypt,remote=b2:x,password=pw:y").standsAlone).toBe(false);
    expect(parseRemote("s3:b").standsAlone).toBe(false);
  });

  test.each([
    ["s3:", "a.sql", "s3:a.sql"],
    ["s3:b", "a.sql", "s3:b/a.sql"],
    ["/x/", "a.sql", "/x/a.sql"],
    ["/x", "", "/x"],
  ])("%s and %s are %s", (base, name, joined) => {
    expect(joinRemote(base, name)).toBe(joined);
  });

  test("a folder has a slash at its end", () => {
    expect([folderPath("s3:b"), folderPath("s3:"), folderPath("/x/")]).toEqual(["s3:b/", "s3:", "/x/"]);
  });
});

describe("RCLONE_EXTRA_ARGS", () => {
  test.each([
    "--config=x",
    "--dry-run",
    "-n",
    "-i",
    "--interactive",
    "--log-file=x",
    "--use-json-log",
    "--progress",
    "-P",
    "--size=3",
    "--include=*.sql",
    "--exclude",
    "--filter-from=x",
    "--files-from-raw=x",
    "--min-age=1d",
    "--max-age=1d",
    "--max-size=1",
    "--max-depth=1",
    "--existing",
    "--ignore-existing",
    "--immutable",
    "--update",
    "-u",
    "--compare-dest=x",
    "--copy-dest=x",
    "--backup-dir=x",
    "--suffix=.old",
    "-vv",
    "-vn",
    "-nv",
    "-vi",
    "-Iu",
    "-vq",
    "-Pv",
    "-vIv",
    "--verbose=2",
    "-f",
    "-n=true",
  ])("%s is refused by name", (word) => {
    const { problems, args } = sortExtraArgs([word]);
    expect(args).toEqual([]);
    expect(problems[0]?.message).toBe(
      `RCLONE_EXTRA_ARGS (--rclone-extra-args) must not hold ${word.split("=")[0]}`,
    );
  });

  test.each([
    ["-v", "-v"],
    ["--verbose", "-v"],
    ["-v=1", "--verbose"],
  ])("%s and %s together are as loud as -vv, and refused", (first, second) => {
    const { problems, args } = sortExtraArgs([first, second]);
    expect([args.length, problems.length]).toEqual([1, 1]);
  });

  test("other flags stay as they are", () => {
    const words = [
      "--bwlimit",
      "10M",
      "--s3-chunk-size=64M",
      "--transfers=1",
      "-v",
      "-cM",
      "--use-cookies",
      "--sftp-key-file=/k",
      // They take no value, and so swallow no word.
      "--s3-v2-auth",
      "--crypt-pass-bad-blocks",
      "--drive-auth-owner-only",
      "--tpslimit=1",
    ];
    expect(sortExtraArgs(words)).toEqual({ args: words, env: {}, secrets: [], problems: [] });
  });

  test.each([
    ["--azurefiles-connection-string=c", "RCLONE_AZUREFILES_CONNECTION_STRING"],
    ["--storj-access-grant=c", "RCLONE_STORJ_ACCESS_GRANT"],
    ["--azureblob-sas-url=c", "RCLONE_AZUREBLOB_SAS_URL"],
    ["--internxt-mnemonic=c", "RCLONE_INTERNXT_MNEMONIC"],
    ["--iclouddrive-cookies=c", "RCLONE_ICLOUDDRIVE_COOKIES"],
  ])("%s is a secret", (word, name) => {
    expect(sortExtraArgs([word])).toEqual({ args: [], env: { [name]: "c" }, secrets: ["c"], problems: [] });
  });

  test("a flag with a secret becomes a variable", () => {
    expect(sortExtraArgs(["--s3-secret-access-key", "k3y", "--sftp-pass=p4ss", "--bwlimit=1M"])).toEqual({
      args: ["--bwlimit=1M"],
      env: { RCLONE_S3_SECRET_ACCESS_KEY: "k3y", RCLONE_SFTP_PASS: "p4ss" },
      secrets: ["k3y", "p4ss"],
      problems: [],
    });
  });
});

test("a flag that goes by a variable is there once", () => {
  const { problems } = sortExtraArgs(["--header", "X-A: 1111", "--header=X-B: 2222"]);
  expect(problems.map(({ message }) => message)).toEqual([
    "RCLONE_EXTRA_ARGS (--rclone-extra-args) must not hold --header more than once",
  ]);
});

describe("rclone's environment", () => {
  test("loses what would falsify a backup, keeps remotes and credentials", () => {
    const env = rcloneEnvironment(
      {
        PATH: "/bin",
        RCLONE_CONFIG: "x",
        RCLONE_CONFIG_FILE: "x",
        RCLONE_DRY_RUN: "true",
        RCLONE_SIZE: "1",
        RCLONE_MAX_AGE: "1d",
        RCLONE_INCLUDE: "*",
        RCLONE_STATS_ONE_LINE: "1",
        RCLONE_RC_ADDR: "x",
        RCLONE_VERBOSE: "2",
        RCLONE_EXISTING: "true",
        RCLONE_UPDATE: "true",
        RCLONE_ERROR_ON_NO_TRANSFER: "true",
        RCLONE_CONFIG_PASS: "p",
        RCLONE_CONFIG_S3_TYPE: "s3",
        RCLONE_CONFIG_FILE_TYPE: "local",
        RCLONE_S3_REGION: "eu",
        RCLONE_PASSWORD_COMMAND: "c",
        AWS_SECRET_ACCESS_KEY: "k",
        TZ: "Asia/Tokyo",
        TMPDIR: "/tmp",
      },
      "/private/tmp",
    );
    expect(env).toEqual({
      PATH: "/bin",
      RCLONE_CONFIG_PASS: "p",
      RCLONE_CONFIG_S3_TYPE: "s3",
      RCLONE_CONFIG_FILE_TYPE: "local",
      RCLONE_S3_REGION: "eu",
      RCLONE_PASSWORD_COMMAND: "c",
      AWS_SECRET_ACCESS_KEY: "k",
      TZ: "UTC",
      TMPDIR: "/private/tmp",
    });
  });

  test("variables that are secrets by their names", () => {
    const env = {
      AWS_SECRET_ACCESS_KEY: "s1",
      AWS_SESSION_TOKEN: "s2",
      RCLONE_CONFIG_X_PASS: "s3",
      RCLONE_CONFIG_X_KEY_PEM: "s4",
      RCLONE_CONFIG_X_CLIENT_SECRET: "s5",
      RCLONE_CONFIG_PASS: "s6",
      AZURE_STORAGE_ACCOUNT_KEY: "s7",
      PGPASSWORD: "s8",
      RCLONE_CONFIG_X_TOKEN: "s9",
      RCLONE_SFTP_PASS: "s10",
      PWD: "/home",
      HOME: "/root",
      RCLONE_CONFIG_X_KEY_FILE: "/k",
      RCLONE_PASSWORD_COMMAND: "pass show",
      SSH_ASKPASS: "/x",
      RCLONE_CONFIG_X_ENV_AUTH: "true",
      GITHUB_TOKEN: "",
      AZURE_STORAGE_CONNECTION_STRING: "s11",
      RCLONE_CONFIG_X_CONNECTION_STRING: "s12",
      RCLONE_STORJ_ACCESS_GRANT: "s13",
      RCLONE_CONFIG_X_SAS_URL: "s14",
      RCLONE_CONFIG_X_HEADERS: "s15",
    };
    const expected = Array.from({ length: 15 }, (_, index) => `s${index + 1}`);
    expect(environmentSecrets(env)).toEqual(expected);
  });

  test("secrets of an rclone.conf, and what a section sets", () => {
    const text =
      "[a]\ntype = s3\naccess_key_id = id1\nsecret_access_key = s1\nkey_file = /k\n[b]\npass = s2\nchunk_size = 64M\n" +
      "[c]\nconnection_string = s3\naccess_grant = s4\nsas_url = s5\nsas = s6\ndisable_checksum = true\n";
    expect(configFileSecrets(text)).toEqual(["id1", "s1", "s2", "s3", "s4", "s5", "s6"]);
    expect([
      configValue(text, "b", "chunk_size"),
      configValue(text, "a", "chunk_size"),
      configValue(text, "c", "type"),
      configValue(text, "a", "type"),
    ]).toEqual(["64M", null, null, "s3"]);
  });
});

describe("rclone's words", () => {
  test("statistics of a current and of an old rclone", () => {
    expect(parseRcloneLine('{"level":"notice","msg":"x","stats":{"bytes":42}}')).toEqual({
      kind: "stats",
      bytes: 42,
      mayCountTwice: false,
    });
    expect(parseRcloneLine('{"level":"warning","msg":"x","stats":{"bytes":42}}')).toEqual({
      kind: "stats",
      bytes: 42,
      mayCountTwice: true,
    });
  });

  test.each<[string, string, string]>([
    ['{"level":"error","msg":"full","object":"a.sql"}', "error", "a.sql: full"],
    ['{"level":"critical","msg":" no such remote "}', "critical", "no such remote"],
    ["2026/11/23 06:00:18 Failed to rcat: disk full", "error", "Failed to rcat: disk full"],
    ["{not json", "error", "{not json"],
  ])("%s", (line, level, text) => {
    expect(parseRcloneLine(line)).toEqual({ kind: "message", level, text });
  });

  test("listings, sizes and features", () => {
    expect(parseListing('[{"Path":"a","Name":"a","Size":3,"ModTime":"","IsDir":false}]')).toEqual([
      { path: "a", bytes: 3, isFolder: false, modTimeMs: null },
    ]);
    expect(
      parseListing('[{"Path":"a","Size":-1,"ModTime":"1970-01-01T00:00:01Z","IsDir":true}]')[0]?.modTimeMs,
    ).toBe(1000);
    expect([
      parseStat("null"),
      parseStat('{"Size":5,"IsDir":false}'),
      parseStat('{"Size":-1,"IsDir":true}'),
    ]).toEqual([null, 5, null]);
    const features = (String: string, Hashes: string[]) =>
      parseFeatures(JSON.stringify({ String, Hashes, Features: { Move: true, PutStream: true } }));
    expect(features("Local file system at /x", ["md5"])).toEqual({
      move: true,
      putStream: true,
      hashIsEmpty: true,
      kind: "local",
    });
    expect(features("S3 bucket b path x", ["md5"])).toMatchObject({ hashIsEmpty: true, kind: "s3" });
    expect(features("Encrypted drive 'x'", [])).toMatchObject({ hashIsEmpty: true, kind: "other" });
    expect(features("Google drive root", ["md5"])).toMatchObject({ hashIsEmpty: false, kind: "other" });
  });
});

describe("the hint on rclone's words", () => {
  test.each([
    [
      "SignatureDoesNotMatch: The request signature we calculated …, status code: 403",
      "the secret key is wrong",
    ],
    ["InvalidAccessKeyId: not in our records, status code: 403", "does not know this access key id"],
    ["mkdir /srv/backups/shop: permission denied", "the user dbstash runs as"],
    ["AccessDenied: Access Denied, status code: 403", "refuses these credentials"],
    ['Mkdir failed: sftp: "Permission denied" (SSH_FX_PERMISSION_DENIED)', "refuses these credentials"],
  ])("for %s", (words, advice) => {
    expect(rcloneHint(words)).toContain(advice);
  });
});

describe("upload flags", () => {
  const features = { move: false, putStream: true, hashIsEmpty: true, kind: "s3" } as const;
  const choice = { features, previousBytes: null, listed: true, chunkSizeIsSet: false };
  const chunkOf = (previousBytes: number | null) =>
    uploadFlags({ ...choice, previousBytes }).at(uploadFlags(choice).indexOf("--s3-chunk-size") + 1);

  test.each<[number | null, string]>([
    [null, "16Mi"],
    [100 * 2 ** 30, "16Mi"],
    [200 * 2 ** 30, "31Mi"],
    [2 ** 40, "158Mi"],
  ])("after a backup of %p bytes chunks have %s", (previousBytes, chunk) => {
    expect(chunkOf(previousBytes)).toBe(chunk);
  });

  test("a chunk size the user set stays", () => {
    expect(uploadFlags({ ...choice, chunkSizeIsSet: true })).not.toContain("--s3-chunk-size");
  });

  test("a hash that proves something is kept, one that proves nothing is not made", () => {
    expect(uploadFlags(choice)).toContain("--ignore-checksum");
    expect(uploadFlags(choice)).toContain("--size-only");
    expect(uploadFlags({ ...choice, features: { ...features, hashIsEmpty: false } })).not.toContain(
      "--ignore-checksum",
    );
  });

  test("a bucket that was not listed may have to be made", () => {
    expect(uploadFlags({ ...choice, listed: false })).not.toContain("--s3-no-check-bucket");
  });

  test("a stream may pause", () => {
    expect(uploadFlags(choice)).toContain("--timeout=0");
  });
});
