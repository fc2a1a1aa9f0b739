import { allWell, nothingBut, unanswered } from "../answers.ts";
import type { Answered, Command, DumpPaths, DumpRequest, ProbeOutcome, Question } from "../engine.ts";
import type { Problem } from "../../errors.ts";
import { mongoAdvice } from "./advice.ts";
import { inspectionProbe } from "./inspection.ts";

/** An archive tells what is in it, and which server it comes from, before its first document. */
const enoughBytes = 65_536;

/** mongodump's words for a collection that it reads or has read. */
const collectionWords = /\b(writing|done dumping) \S+/;

/**
 * There is no other client, so a dump is begun, and ended as soon as it has shown what it holds; of all databases
 * whether the user is one who sees them all, as a run asks.
 * @param dump the command of a dump as a stream, uncompressed
 */
export function mongoQuestions(
  request: DumpRequest,
  paths: DumpPaths,
  dump: Command,
  nothingFound: Problem,
): readonly Question[] {
  const connection: Question = {
    title: "connection",
    command: dump,
    readsFile: null,
    enoughBytes,
    interpret: (outcome) => connectionAnswer(request, outcome, nothingFound),
  };
  if (request.database !== null) return [connection];
  const { interpret, ...inquiry } = inspectionProbe(request, paths);
  const rights: Question = {
    ...inquiry,
    title: "rights",
    interpret: (outcome) => {
      const { leftOut } = interpret(outcome);
      const well = allWell(leftOut.length === 0 ? "the user may read all databases" : null);
      return { ...well, leftOut };
    },
  };
  return [connection, rights];
}

function connectionAnswer(
  { connection, database }: DumpRequest,
  outcome: ProbeOutcome,
  nothingFound: Problem,
): Answered {
  const { exitCode, isEnough, stdout, stderr } = outcome;
  if (exitCode !== 0 && !isEnough)
    return nothingBut(unanswered({ ...outcome, stdout: "" }, "the database can't be read", mongoAdvice));
  if (!isEnough && !collectionWords.test(stderr)) return nothingBut(nothingFound);
  // A field of the archive's head: its name, the length of its text, its text (BSON).
  const release = /server_version\0[^]{4}([\w.-]+)/.exec(stdout)?.[1];
  const user = connection.user === null ? "without a user" : `as ${connection.user}`;
  const server = release === undefined ? "" : `, MongoDB ${release}`;
  return allWell(`${user}${server}, ${database === null ? "all databases" : `database ${database}`}`);
}
