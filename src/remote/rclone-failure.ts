import { type Advice, advise, DbstashError } from "../errors.ts";
import type { Tail } from "../process/lines.ts";
import { describeExit, type Exit } from "../process/exit.ts";

/**
 * An error from rclone's last words; its closing line repeats the one before it.
 * @param configured where the configuration in use comes from
 */
export function failure(
  what: string,
  { exit, messages, configured = null }: { exit: Exit; messages: Tail; configured?: string | null },
): DbstashError {
  const words = lastWords(messages) || describeExit(exit);
  const hint = undefinedRemote.test(words) ? notDefined(configured) : rcloneHint(messages.toString());
  return new DbstashError(what, hint ?? undefined, words);
}

const undefinedRemote = /didn't find section in config file/;

function notDefined(configured: string | null): string {
  if (configured === null)
    return "no rclone.conf was found, and no variable defines the remote in RCLONE_REMOTE (--rclone-remote): name the file with RCLONE_CONFIG_FILE (--rclone-config-file)";
  return `the remote in RCLONE_REMOTE (--rclone-remote) is not in ${configured}; rclone listremotes shows which are`;
}

/** What rclone puts around a cause: counts of errors and of tries. */
const counting = /^(Failed to \w+|Attempt \d+\/\d+ failed)( with \d+ errors?)?( and|: last error was)?: /;

/** Closing words that only count what failed. */
const countOnly = /^failed to (delete|remove|copy) \d+ \w+$/;

/** The cause as rclone tells it last; where its closing line only counts, with the first cause that it counted. */
export function lastWords(messages: Tail): string {
  const last = (messages.lines.at(-1) ?? "").replace(counting, "");
  if (!countOnly.test(last)) return last;
  const causes = messages.lines.filter((line) => !counting.test(line));
  const cause = causes.find((line) => line.includes("Couldn't ")) ?? causes.at(-1);
  return cause === undefined ? last : `${last}: ${cause}`;
}

/** Known causes behind rclone's words, as advice. */
const advice: readonly Advice[] = [
  [
    /(couldn't|unable to) decrypt configuration|RCLONE_CONFIG_PASS/i,
    "rclone.conf is encrypted, and RCLONE_CONFIG_PASS (or RCLONE_PASSWORD_COMMAND) does not open it",
  ],
  [
    /InvalidArgument|part number|too many parts|MaxUploadParts|exceeded .*parts/i,
    "the upload met the limit of parts; raise it with RCLONE_EXTRA_ARGS=--s3-chunk-size=64M",
  ],
  [
    /NoSuchBucket|bucket does not exist/i,
    "create the bucket, or correct its name in RCLONE_REMOTE, or RCLONE_EXTRA_REMOTES",
  ],
  [
    /LoadCustomCABundleError/,
    "rclone before 1.68 can't use AWS_CA_BUNDLE: unset it, or name the authority with RCLONE_CA_CERT",
  ],
  [/SignatureDoesNotMatch/, "the secret key is wrong"],
  [/InvalidAccessKeyId/, "the server does not know this access key id"],
  [/read-only file system/i, "the folder is mounted read-only: mount it so that it can be written to"],
  // A file system's own words, as Go tells them: `mkdir /srv/backups: permission denied`.
  [/\b[a-z]+ \/.*: permission denied/, "the user dbstash runs as needs the right to read and write there"],
  [/AccessDenied|403|permission denied/i, "the remote refuses these credentials the right to do this"],
  [
    /file name too long/i,
    "a folder takes names of up to 255 bytes, and rclone's crypt of up to 143; shorten BACKUP_NAME_TEMPLATE (--backup-name-template)",
  ],
  [
    /rclone-spool.*no space left on device/i,
    "this remote takes no streams: the temp folder (TMPDIR) needs room for the whole dump",
  ],
  [
    /no space left on device|disk quota exceeded|file too big for remaining disk space/i,
    "the destination is full",
  ],
  [
    /SlowDown|ServiceUnavailable|\b503\b|TooManyRequests|\b429\b/i,
    "the remote has too much to do, or is out of service; a later run may be taken",
  ],
  [
    /connection refused|no such host|i\/o timeout|network is unreachable/i,
    "the remote can't be reached from here",
  ],
];

/** Advice on rclone's words; null where none is known. */
export function rcloneHint(words: string): string | null {
  return advise(words, advice);
}
