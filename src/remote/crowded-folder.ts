import { namesMeeting } from "../catalog/scope.ts";
import { capture } from "../process/capture.ts";
import { succeeded } from "../process/exit.ts";
import { LineSplitter } from "../process/lines.ts";
import type { Workshop } from "../process/workshop.ts";
import { folderPath } from "./remote.ts";

/** From so many files of others on it takes longer that rclone looks at each than that the names are read first. */
const crowd = 10_000;

/** Half a million names take half a second; what takes longer than this is left to rclone, whose limits are told to people. */
const limitMs = 3_000;

/** Behind the name of what is no regular file, or at the end of a strange one (coreutils, "ls --file-type"). */
const unlikeFile = /[/@|=>]$/;

/**
 * The names in a folder of this machine that meet one of rclone's patterns, where a crowd of others lies beside them.
 * rclone asks for the size of every file before it looks at the patterns; coreutils' `ls` reads the names alone.
 * @param patterns as `listingPatterns` makes them; their first segment is looked at
 * @returns null where there is no crowd, where one of the names may be no file's, or where `ls` does not tell: then rclone
 * is to list the folder by itself
 * @throws the signal's reason
 */
export async function namesInCrowd(
  folder: string,
  patterns: readonly string[],
  workshop: Workshop,
  signal: AbortSignal,
): Promise<readonly string[] | null> {
  const file = Bun.which("ls", { PATH: workshop.env["PATH"] ?? "" });
  if (file === null || patterns.length === 0) return null;
  const wanted = namesMeeting(patterns);
  const names: string[] = [];
  let [others, unlike] = [0, 0];
  const lines = new LineSplitter((line) => {
    const name = line.replace(unlikeFile, "");
    if (!wanted.test(name)) others += 1;
    else if (name === line) names.push(name);
    else unlike += 1;
  });
  const { exit } = await capture(
    {
      file,
      args: ["-1UA", "--file-type", "--", folderPath(folder)],
      // Where a locale or a wish of the user's makes names prettier, they are none any more.
      env: { ...workshop.env, LC_ALL: "C", QUOTING_STYLE: "literal" },
      stdout: (bytes) => lines.push(bytes),
      graceMs: 100,
      limitMs,
    },
    workshop.guard,
    signal,
  );
  lines.end();
  return succeeded(exit) && others >= crowd && unlike === 0 ? names : null;
}
