import { describe, expect, test } from "bun:test";
import { sortExtraArgs } from "../../../src/remote/extra-args.ts";

const setting = "RCLONE_EXTRA_ARGS (--rclone-extra-args)";

/** What is said against these words. */
function refusals(...words: string[]): string[] {
  return sortExtraArgs(words).problems.map(({ message }) => message.replace(`${setting} `, ""));
}

describe("RCLONE_EXTRA_ARGS", () => {
  test.each(
    [
      "--config=x --ask-password --use-json-log --temp-dir=/x --size=3",
      "--dry-run --dry-run=true -n -n=false -n=true --help -h --interactive -i --sftp-ask-password --ftp-ask-password",
      "--immutable --ignore-existing --update -u --max-transfer=1G --max-duration=1h --cutoff-mode=soft --max-delete=0 --max-delete-size=1 --memory-discard --cache-writes --cache-tmp-upload-path=/x --dropbox-batch-mode=async",
      "--name-transform=prefix=X --suffix=.old --suffix=off --backup-dir=0 --track-renames-strategy=off --suffix-keep-extension --backup-dir=x --compare-dest=x --copy-dest=x --links -l --local-links --copy-links -L --fix-case --track-renames --disable=move --crypt-remote=x --union-upstreams=x --alias-remote=x --local-encoding=x",
      "--include=*.sql --exclude --exclude-if-present=x --filter-from=x -f --files-from-raw=x --files-from0=x --min-age=1d --max-age=1d --max-size=1 --max-depth=1 --hash-filter=1/2 --ignore-case --delete-excluded --metadata-include=x --metadata-filter-from=x",
      "--s3-versions --b2-version-at=x --s3-version-deleted --drive-trashed-only --drive-starred-only --drive-shared-with-me --gphotos-read-only --s3-no-head-object --gcs-decompress --crypt-pass-bad-blocks --default-time=x",
      "--log-file=x --log-systemd --syslog --progress -P --dump=headers --dump-bodies --s3-sdk-log-mode=Signing --crypt-show-mapping --error-on-no-transfer",
      "--rc --rc-addr=:1 --metrics-addr=:1 --cpuprofile=x",
      "-vv --verbose=2 -v=2 -vn -nv -vi -Iu -Pv -vIv -cMh",
    ].flatMap((line) => line.split(" ")),
  )("%s is refused by name, with a reason", (word) => {
    const { problems, args } = sortExtraArgs([word]);
    expect(args).toEqual([]);
    expect(problems.map(({ message }) => message)).toEqual([
      `${setting} must not hold ${word.split("=")[0]}`,
    ]);
    expect(problems[0]?.hint).toMatch(/^[a-z][^.]*\w/);
  });

  test.each([
    "--dry-run=false",
    "--links=false",
    "--track-renames=0",
    "--max-transfer=off",
    "--max-duration=0",
    "--ask-password=false",
    "--crypt-show-mapping=false",
  ])("%s asks for nothing, and is left out", (word) => {
    expect(sortExtraArgs([word, "--fast-list"])).toEqual({
      args: ["--fast-list"],
      env: {},
      secrets: [],
      problems: [],
      warnings: [],
    });
  });

  test.each([
    [["--stats", "10s"]],
    [["--stats=10s"]],
    [["--stats-one-line"]],
    [["--log-level=DEBUG"]],
    [["--log-level", "INFO"]],
    [["--log-format=x"]],
    [["--progress-terminal-title"]],
    [["--quiet"]],
    [["-q"]],
  ])("%j is of rclone's log alone, and left out with a warning", (words) => {
    const { args, problems, warnings } = sortExtraArgs([...words, "--fast-list"]);
    expect({ args, problems }).toEqual({ args: ["--fast-list"], problems: [] });
    expect(warnings).toEqual([
      `${setting} holds ${words[0]?.split("=")[0]}, which is left out: dbstash reads rclone's log; LOG_LEVEL (--log-level) sets how much dbstash says`,
    ]);
  });

  test("of letters behind one dash only those are left out", () => {
    expect(sortExtraArgs(["-qv"])).toMatchObject({ args: ["-v"], problems: [] });
    expect(sortExtraArgs(["-q"]).args).toEqual([]);
    expect(refusals("-nq")).toEqual(["must not hold -n"]);
  });

  test("what rclone reads as switched on, with a word behind it, is refused", () => {
    expect(refusals("--dry-run", "false")).toEqual(["must not hold --dry-run"]);
  });

  test.each([
    ["--dry-run", "rclone would upload nothing and report success; dbstash has DRY_RUN (--dry-run)"],
    [
      "--config=x",
      "dbstash tells rclone its configuration itself; set RCLONE_CONFIG_FILE (--rclone-config-file)",
    ],
    ["-h", "rclone would print its help, upload nothing and report success"],
  ])("%s: %s", (word, hint) => {
    expect(sortExtraArgs([word]).problems[0]?.hint).toBe(hint);
  });

  test.each([
    ["-v", "-v"],
    ["--verbose", "-v"],
    ["-v=1", "--verbose"],
  ])("%s and %s together are as loud as -vv, and refused", (first, second) => {
    const { problems, args } = sortExtraArgs([first, second]);
    expect([args.length, problems.length]).toEqual([1, 1]);
  });

  test.each<[string, string[], string[]]>([
    ["a first word", ["x"], ["has a first word that is neither a flag nor a flag's value"]],
    ["nothing", [""], ["holds an empty word"]],
    ["--", ["--fast-list", "--"], ["holds -- alone"]],
    ["-", ["-"], ["holds - alone"]],
    [
      "a switch's word",
      ["--fast-list", "false"],
      ["has a word, number 2, that is neither a flag nor a flag's value"],
    ],
    [
      "a second value",
      ["--transfers", "2", "3"],
      ["has a word, number 3, that is neither a flag nor a flag's value"],
    ],
    [
      "a value behind one",
      ["--transfers=2", "3"],
      ["has a word, number 2, that is neither a flag nor a flag's value"],
    ],
    ["two words in one", ["--transfers 2"], ["has --transfers and what follows it as one word"]],
    ["a cluster with a value", ["-nv", "-f-*.tmp"], ["must not hold -nv", "must not hold -f"]],
    ["a filter in two words", ["-f", "- *.tmp"], ["must not hold -f"]],
    ["a flag behind a flag", ["--user-agent", "--dry-run"], ["must not hold --dry-run"]],
    ["a secret flag at the end", ["--sftp-pass"], ["has no value behind --sftp-pass"]],
  ])("%s is refused", (_, words, messages) => {
    expect(refusals(...words)).toEqual(messages);
  });

  test("other flags stay as they are", () => {
    const words =
      "--bwlimit 10M --s3-chunk-size=64M --transfers=1 -v -cM -x --use-cookies --sftp-key-file=/k --max-buffer-memory -1 --dropbox-batch-mode=sync --onedrive-no-versions --s3-bypass-governance-retention --sftp-pin-host-key --s3-v2-auth --drive-auth-owner-only --box-client-credentials --tpslimit=1 --crypt-suffix=none --s3-acl private".split(
        " ",
      );
    expect(sortExtraArgs(words)).toEqual({ args: words, env: {}, secrets: [], problems: [], warnings: [] });
  });

  test.each([
    ["--timeout=1h", "a dump that pauses for longer is ended by rclone"],
    ["--no-check-certificate", "whoever stands between here and the remote can read and change backups"],
    [
      "--crypt-no-data-encryption",
      "what is in backups is stored in clear, and crypt hides their names alone: leave it out unless that is meant",
    ],
    ["--ignore-size", "rclone no longer compares sizes after an upload"],
    ["--s3-object-lock-mode=GOVERNANCE", "retention can't remove what is still locked"],
  ])("%s is taken with a warning", (word, cost) => {
    const { args, warnings } = sortExtraArgs([word, word]);
    expect(args).toEqual([word, word]);
    expect(warnings).toEqual([`${setting} holds ${word.split("=")[0]}: ${cost}`]);
  });

  test.each([
    ["--azurefiles-connection-string=c", "RCLONE_AZUREFILES_CONNECTION_STRING"],
    ["--storj-access-grant=c", "RCLONE_STORJ_ACCESS_GRANT"],
    ["--azureblob-sas-url=c", "RCLONE_AZUREBLOB_SAS_URL"],
    ["--internxt-mnemonic=c", "RCLONE_INTERNXT_MNEMONIC"],
    ["--iclouddrive-cookies=c", "RCLONE_ICLOUDDRIVE_COOKIES"],
    ["--header=c", "RCLONE_HEADER"],
    ["--header-upload=c", "RCLONE_HEADER_UPLOAD"],
    ["--client-pass=c", "RCLONE_CLIENT_PASS"],
    ["--s3-sse-customer-key=c", "RCLONE_S3_SSE_CUSTOMER_KEY"],
  ])("%s is a secret", (word, name) => {
    expect(sortExtraArgs([word])).toMatchObject({
      args: [],
      env: { [name]: "c" },
      secrets: ["c"],
      problems: [],
    });
  });

  test("a flag with a secret becomes a variable, whatever the secret looks like", () => {
    expect(
      sortExtraArgs(["--s3-secret-access-key", "-nk3y", "--sftp-pass=p4ss", "--bwlimit=1M"]),
    ).toMatchObject({
      args: ["--bwlimit=1M"],
      env: { RCLONE_S3_SECRET_ACCESS_KEY: "-nk3y", RCLONE_SFTP_PASS: "p4ss" },
      secrets: ["-nk3y", "p4ss"],
      problems: [],
    });
  });

  test("the command for a password goes by variable, and reads from nowhere", () => {
    expect(sortExtraArgs(["--password-command", "pass show"])).toMatchObject({
      args: [],
      env: { RCLONE_PASSWORD_COMMAND: 'sh -c "exec ""$@"" </dev/null" sh pass show' },
      secrets: ["pass show"],
    });
  });

  test.each<[string, string, string, string[]]>([
    ["--sftp-socks-proxy", "joe:hunter22@127.0.0.1:1", "RCLONE_SFTP_SOCKS_PROXY", ["hunter22"]],
    ["--ftp-socks-proxy", "h:1", "RCLONE_FTP_SOCKS_PROXY", []],
    ["--http-proxy", "http://joe:p4ss@h:1", "RCLONE_HTTP_PROXY", ["p4ss"]],
    ["--ftp-http-proxy", "http://joe:p4ss@h:1", "RCLONE_FTP_HTTP_PROXY", ["p4ss"]],
    ["--sftp-ssh", "sshpass -p p4ss ssh", "RCLONE_SFTP_SSH", ["sshpass -p p4ss ssh", "p4ss"]],
    ["--sftp-ssh", "/usr/bin/ssh", "RCLONE_SFTP_SSH", []],
    ["--metadata-mapper", "map --key k3y", "RCLONE_METADATA_MAPPER", ["map --key k3y"]],
    ["--webdav-bearer-token-command", "say t0ken", "RCLONE_WEBDAV_BEARER_TOKEN_COMMAND", ["say t0ken"]],
  ])("%s %s may hold a secret, and stands in no argv", (flag, value, name, secrets) => {
    for (const words of [[flag, value], [`${flag}=${value}`]])
      expect(sortExtraArgs(words)).toEqual({
        args: [],
        env: { [name]: value },
        secrets,
        problems: [],
        warnings: [],
      });
  });

  test("a URL's password is refused, with the flag's own variable", () => {
    expect(sortExtraArgs(["--webdav-url", "https://joe:p4ss@h"]).problems).toEqual([
      {
        message: `${setting} holds a password in a URL, which everyone on this machine could read in the process list`,
        hint: "set rclone's own variable instead: --webdav-url is RCLONE_WEBDAV_URL",
      },
    ]);
  });

  test("what is switched off costs nothing", () => {
    expect(sortExtraArgs(["--no-check-certificate=false"]).warnings).toEqual([]);
  });

  test("a flag that goes by a variable is there once", () => {
    const { problems } = sortExtraArgs(["--header", "X-A: 1111", "--header=Cache-Control: no-cache"]);
    expect(problems).toEqual([
      {
        message: `${setting} must not hold --header more than once`,
        hint: expect.stringContaining("RCLONE_WEBDAV_HEADERS or RCLONE_HTTP_HEADERS takes several"),
      },
    ]);
  });

  test("headers that can't be secrets may be several, and stand in argv", () => {
    const words = [
      "--header",
      "X-Amz-Tagging: kind=backup",
      "--header-upload=Cache-Control: no-store",
      "--header=X-Amz-Acl: private",
      "--header-upload=Content-Language: de",
    ];
    expect(sortExtraArgs(words)).toEqual({ args: words, env: {}, secrets: [], problems: [], warnings: [] });
  });
});
