import { isRetentionOn } from "../catalog/retention.ts";
import type { Problem } from "../errors.ts";
import type { Job } from "../job/job.ts";
import { bad, type CheckLine, open } from "./line.ts";

/** What of a job says which rights at its place a run needs. */
type Needs = Pick<Job, "engine" | "request" | "filters" | "settings" | "retention">;

/** What it costs each run that the place can't be listed. */
export function costOfNoList(topic: string, problem: Problem, { settings, retention }: Needs): CheckLine {
  const isRetained = isRetentionOn(retention);
  if (!settings.backupVerify && settings.backupMinPercent === 0 && !isRetained)
    return open(
      topic,
      behind("it can't be listed, so that a run can't tell whether a name is free", problem),
    );
  const cost = isRetained ? "each run ends with 3, and retention removes nothing" : "each run ends with 3";
  return bad(
    topic,
    behind(`it can't be listed: nobody can see whether a backup stands there, ${cost}`, problem),
    "incomplete",
  );
}

/** What it costs that nothing can be read back. */
export function costOfNoRead(
  topic: string,
  problem: Problem,
  { engine, request, filters, settings }: Needs,
): CheckLine {
  if (settings.backupMinPercent > 0 && request.mode === "directory")
    return bad(
      topic,
      behind(
        "nothing can be read back: the sizes of earlier backups stand in their dbstash.json, each run ends with 3",
        problem,
      ),
      "incomplete",
    );
  const isJudged =
    filters.endMark !== null ||
    (engine.emptiness !== null && request.mode === "stream" && !filters.isEncrypted);
  if (settings.backupVerify === "full" || (settings.backupVerify && isJudged))
    return bad(
      topic,
      behind(
        `nothing can be read back: ${settings.backupVerify === "full" ? "a backup" : "the end of a backup"} can't be looked at, each run ends with 3`,
        problem,
      ),
      "incomplete",
    );
  return open(
    topic,
    behind(
      "nothing can be read back: a backup can only be checked by its size, and restored by other credentials",
      problem,
    ),
  );
}

/** What it costs that nothing can be removed. */
export function costOfNoDelete(topic: string, problem: Problem, { retention }: Needs): CheckLine {
  const left = "a file of a few bytes stays";
  if (isRetentionOn(retention))
    return bad(
      topic,
      behind(
        `nothing can be removed: retention fails, each run with something to remove ends with 3; ${left}`,
        problem,
      ),
      "incomplete",
    );
  return open(
    topic,
    behind(
      `nothing can be removed: there can be no retention, and what a failed upload leaves stays; ${left}`,
      problem,
    ),
  );
}

/** A sentence of ours, and behind it what was said. */
export function behind(sentence: string, problem: Problem): Problem {
  return { ...problem, message: `${sentence} (${problem.message})`, ...inBrackets(problem) };
}

/** The bracket that closes behind foreign words belongs to them. */
function inBrackets({ words }: Problem): Pick<Problem, "words"> {
  return words === undefined ? {} : { words: `${words})` };
}
