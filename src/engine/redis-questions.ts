import { allWell, nothingBut, unanswered } from "./answers.ts";
import type { Command, DumpRequest, Question } from "./engine.ts";
import { redisAdvice } from "./redis-advice.ts";

/** The right to SYNC is part of none that a client could ask for everywhere. */
const unknownRight = "whether the user may run SYNC, by which a backup is read, shows only at the backup";

/**
 * An answer, the release, and the right to SYNC as far as the server tells it: nothing of a backup can be tried without
 * having the server make one.
 * @param command what asks one thing of the server
 */
export function redisQuestions(
  { connection }: DumpRequest,
  command: (...words: readonly string[]) => Command,
): readonly Question[] {
  const user = connection.user ?? "default";
  return [
    {
      title: "connection",
      command: command("PING"),
      readsFile: null,
      interpret: (outcome) =>
        outcome.exitCode === 0 && outcome.stdout.trim() === "PONG"
          ? allWell(`as ${user}, the server answers`)
          : nothingBut(unanswered(outcome, "the server can't be asked", redisAdvice)),
    },
    {
      title: "server",
      command: command("INFO", "server"),
      readsFile: null,
      interpret: ({ stdout }) => {
        const valkey = /^valkey_version:(\S+)/m.exec(stdout)?.[1];
        const redis = /^redis_version:(\S+)/m.exec(stdout)?.[1];
        if (valkey !== undefined) return allWell(`Valkey ${valkey}`);
        if (redis !== undefined) return allWell(`Redis ${redis}`);
        return { ...allWell(null), warnings: ["its release is not known: the user may not run INFO"] };
      },
    },
    {
      title: "rights",
      command: command("ACL", "DRYRUN", user, "SYNC"),
      readsFile: null,
      interpret: ({ stdout }) => {
        const words = stdout.trim();
        if (words === "OK") return allWell("the user may run SYNC, by which a backup is read");
        // Without the right to ask it answers NOPERM, and before Redis 7 ERR.
        if (!/^(NOPERM|ERR)/.test(words) && words.includes("no permissions"))
          return nothingBut(
            unanswered(
              { isLate: false, stdout: "", stderr: `NOPERM ${words}` },
              "the user may not run SYNC, by which a backup is read",
              redisAdvice,
            ),
          );
        return { ...allWell(null), untried: [unknownRight] };
      },
    },
  ];
}
