import { type Advice, advise, DbstashError } from "../errors.ts";
import type { Tail } from "../process/lines.ts";
import { describeExit, type Exit } from "../process/exit.ts";

/** An error from rclone's last words; its closing line repeats the one before it. */
export function failure(what: string, { exit, messages }: { exit: Exit; messages: Tail }): DbstashError {
  return new DbstashError(
    `${what}: ${lastWords(messages) || describeExit(exit)}`,
    rcloneHint(messages.toString()) ?? undefined,
  );
}

/** The last line of an error log, less the counting words that rclone puts before it. */
export function lastWords(messages: Tail): string {
  const last = messages.lines.at(-1) ?? "";
  return last.replace(
    /^(Failed to \w+|Attempt \d+\/\d+ failed)( with \d+ errors?)?(: last error was)?: /,
    "",
  );
}

/** Known causes behind rclone's words, as advice. */
const advice: readonly Advice[] = [
  [
    /didn't find section in config file/,
    "the remote in RCLONE_REMOTE (--rclone-remote) is not in rclone.conf; rclone listremotes shows which are",
  ],
  [
    /(couldn't|unable to) decrypt configuration|RCLONE_CONFIG_PASS/i,
    "rclone.conf is encrypted; set RCLONE_CONFIG_PASS",
  ],
  [
    /InvalidArgument|part number|too many parts|MaxUploadParts|exceeded .*parts/i,
    "the upload met the limit of parts; raise it with RCLONE_EXTRA_ARGS=--s3-chunk-size=64M",
  ],
  [/NoSuchBucket|bucket does not exist/i, "create the bucket, or correct RCLONE_REMOTE (--rclone-remote)"],
  [/SignatureDoesNotMatch/, "the secret key is wrong"],
  [/InvalidAccessKeyId/, "the server does not know this access key id"],
  // A file system's own words, as Go tells them: `mkdir /srv/backups: permission denied`.
  [/\b[a-z]+ \/.*: permission denied/, "the user dbstash runs as needs the right to read and write there"],
  [/AccessDenied|403|permission denied/i, "the remote refuses these credentials the right to do this"],
  [/no space left on device|disk quota exceeded/i, "the destination is full"],
  [
    /connection refused|no such host|i\/o timeout|network is unreachable/i,
    "the remote can't be reached from here",
  ],
];

/** Advice on rclone's words; null where none is known. */
export function rcloneHint(words: string): string | null {
  return advise(words, advice);
}
