import { describe, expect, test } from "bun:test";
import { checkRcloneEnvironment, rcloneEnvironment } from "../../../src/remote/rclone-environment.ts";

/** Variables that rclone must not see, none of them said a word about. */
const silent = {
  RCLONE_CONFIG: "x",
  RCLONE_CONFIG_FILE: "x",
  RCLONE_REMOTE: "x",
  RCLONE_EXTRA_ARGS: "x",
  RCLONE_EXTRA_REMOTES: "x",
  RCLONE_DRY_RUN: "false",
  RCLONE_MAX_TRANSFER: "off",
  RCLONE_MAX_DELETE: "-1",
  RCLONE_SIZE: "1",
  RCLONE_STAT: "true",
  RCLONE_RMDIRS: "true",
  RCLONE_HASH: "true",
  RCLONE_METADATA: "true",
  RCLONE_ENCRYPTED: "true",
  RCLONE_HELP: "true",
  RCLONE_RC: "true",
  RCLONE_RC_ADDR: "x",
  RCLONE_VERBOSE: "2",
  RCLONE_DUMP: "headers",
  RCLONE_TEMP_DIR: "/x",
  RCLONE_ERROR_ON_NO_TRANSFER: "true",
  RCLONE_PASSWORD_CHANGE: "1",
  _RCLONE_CONFIG_KEY_FILE: "x",
};

/** Variables that would end rclone at once. */
const empty = { RCLONE_STATS: "", RCLONE_S3_CHUNK_SIZE: "", RCLONE_TRANSFERS: "" };

/** Variables that reach rclone as they are. */
const kept = {
  PATH: "/bin",
  RCLONE_CONFIG_DIR: "/x",
  RCLONE_CONFIG_PASS: "",
  RCLONE_CONFIG_S3_TYPE: "s3",
  RCLONE_CONFIG_S3_ENDPOINT: "",
  RCLONE_CONFIG_FILE_TYPE: "local",
  RCLONE_CONFIG_MIN_AGE: "1d",
  RCLONE_S3_REGION: "eu",
  RCLONE_TRANSFERS_X: "1",
  RCLONE_BWLIMIT: "1M",
  RCLONE_PORT: "tcp://10.0.0.1:80",
  RCLONE_DROPBOX_BATCH_MODE: "sync",
  RCLONE_CACHE_DIR: "/x",
  AWS_SECRET_ACCESS_KEY: "k",
  HTTPS_PROXY: "http://p",
};

describe("rclone's environment", () => {
  test("loses what would falsify a backup or end it, keeps remotes and credentials", () => {
    const given = { ...silent, ...empty, ...kept, RCLONE_TIMEOUT: "1s", TZ: "Asia/Tokyo", TMPDIR: "/tmp" };
    const env = rcloneEnvironment(given, "/private/tmp");
    expect(env).toEqual({ ...kept, TZ: "UTC", TMPDIR: "/private/tmp" });
    expect(checkRcloneEnvironment({ ...silent, ...empty, ...kept })).toEqual({ problems: [], warnings: [] });
  });

  test("the command for a password reads from nowhere", () => {
    expect(rcloneEnvironment({ RCLONE_PASSWORD_COMMAND: 'printf "%s" x' }, "/t")).toMatchObject({
      RCLONE_PASSWORD_COMMAND: 'sh -c "exec ""$@"" </dev/null" sh printf "%s" x',
    });
  });

  test.each(
    "DRY_RUN=true INTERACTIVE=1 NAME_TRANSFORM=prefix=X SUFFIX=.x BACKUP_DIR=x COMPARE_DEST=x COPY_DEST=x LINKS=true LOCAL_ENCODING=x ALIAS_REMOTE=x UNION_UPSTREAMS=x IMMUTABLE=true IGNORE_EXISTING=true UPDATE=true MAX_DELETE=0 S3_VERSIONS=true B2_VERSION_AT=x DRIVE_TRASHED_ONLY=true S3_NO_HEAD_OBJECT=true DROPBOX_BATCH_MODE=async DISABLE=move"
      .split(" ")
      .map((text) => text.split("=") as [string, string]),
  )("RCLONE_%s=%s is a wish that can't be honoured", (name, value) => {
    const variable = `RCLONE_${name}`;
    const { problems, warnings } = checkRcloneEnvironment({ [variable]: value });
    expect(problems.map(({ message }) => message.split(",")[0])).toEqual([`${variable} is set`]);
    expect(problems[0]?.hint).toStartWith(`unset ${variable}`);
    expect(warnings).toEqual([]);
    expect(rcloneEnvironment({ [variable]: value }, "/t")).toEqual({ TMPDIR: "/t", TZ: "UTC" });
  });

  test.each([
    ["RCLONE_COPY_LINKS", "true"],
    ["RCLONE_MAX_DURATION", "1h"],
    ["RCLONE_MAX_TRANSFER", "1G"],
    ["RCLONE_TRACK_RENAMES", "true"],
    ["RCLONE_CUTOFF_MODE", "soft"],
    ["RCLONE_STATS", "10s"],
    ["RCLONE_STATS_ONE_LINE", "1"],
    ["RCLONE_LOG_LEVEL", "DEBUG"],
    ["RCLONE_LOG_FILE", "x"],
    ["RCLONE_PROGRESS", "true"],
    ["RCLONE_USE_JSON_LOG", "1"],
  ])("%s=%s, meant for others, is passed over with a warning", (name, value) => {
    expect(checkRcloneEnvironment({ [name]: value })).toEqual({
      problems: [],
      warnings: [
        expect.stringMatching(
          new RegExp(`^${name} is passed over: (rclone would|dbstash reads rclone's log)`),
        ),
      ],
    });
    expect(rcloneEnvironment({ [name]: value }, "/t")).toEqual({ TMPDIR: "/t", TZ: "UTC" });
  });

  test("filters are passed over, with one warning", () => {
    const env = {
      RCLONE_INCLUDE: "*",
      RCLONE_MAX_AGE: "1d",
      RCLONE_HASH_FILTER: "1/2",
      RCLONE_METADATA_FILTER: "x",
      RCLONE_MIN_SIZE: "1",
      RCLONE_MAX_DEPTH: "-1",
    };
    expect(checkRcloneEnvironment(env)).toEqual({
      problems: [],
      warnings: [
        "RCLONE_HASH_FILTER, RCLONE_INCLUDE, RCLONE_MAX_AGE, RCLONE_METADATA_FILTER, RCLONE_MIN_SIZE are passed over: a filter would hide backups from retention",
      ],
    });
    expect(rcloneEnvironment(env, "/t")).toEqual({ TMPDIR: "/t", TZ: "UTC" });
  });

  test.each<[string, string, number]>([
    ["RCLONE_CRYPT_NO_DATA_ENCRYPTION", "true", 1],
    ["RCLONE_CRYPT_NO_DATA_ENCRYPTION", "false", 0],
    ["RCLONE_NO_CHECK_CERTIFICATE", "true", 1],
  ])("%s=%s is handed on, with %d warnings", (name, value, count) => {
    const { problems, warnings } = checkRcloneEnvironment({ [name]: value });
    expect([problems.length, warnings.length]).toEqual([0, count]);
    expect(rcloneEnvironment({ [name]: value }, "/t")[name]).toBe(value);
  });

  test("so is a timeout", () => {
    expect(checkRcloneEnvironment({ RCLONE_TIMEOUT: "1s" }).warnings).toHaveLength(1);
  });

  test.each([
    ["RCLONE_CONFIG_X_GLOBAL.DRY_RUN", "and rclone would upload nothing and report success"],
    ["RCLONE_CONFIG_X_GLOBAL.CHECKERS", "but the shell that starts rclone drops a variable of that name"],
  ])("%s is refused", (name, why) => {
    const { problems } = checkRcloneEnvironment({ [name]: "1" });
    expect(problems.map(({ message }) => message)).toEqual([`${name} is set, ${why}`]);
  });
});
