import { unanswered } from "../answers.ts";
import type {
  Command,
  DatabaseList,
  DatabasesInquiry,
  DatabasesQuestion,
  DumpPaths,
  DumpRequest,
  ProbeOutcome,
} from "../engine.ts";
import { mongoAdvice } from "./advice.ts";
import { readPrelude } from "./archive.ts";
import { inspectionProbe } from "./inspection.ts";

/** What a server keeps of itself, and no other one can use. */
export const mongoOwnDatabases: readonly string[] = ["config", "local"];

/** A prelude has some hundred bytes a collection; where it is longer than one of these, more of it is read. */
const enoughBytes = [65_536, 1_048_576, 16_777_216] as const;

/**
 * There is no other client, so a dump of everything is begun, which names all collections before its first document,
 * and is ended as soon as it has.
 * @param dump the command of a dump of all databases as a stream, uncompressed
 */
export function mongoDatabases(request: DumpRequest, paths: DumpPaths, dump: Command): DatabasesQuestion {
  const inquiries = enoughBytes.map((bytes, at): DatabasesInquiry => ({
    title: "databases",
    command: dump,
    readsFile: null,
    isBinary: true,
    enoughBytes: bytes,
    interpret: (outcome) => databaseList(outcome, at === enoughBytes.length - 1),
  }));
  return { inquiries, sight: inspectionProbe(request, paths) };
}

function databaseList(outcome: ProbeOutcome, isLast: boolean): DatabaseList | null {
  const nothing = { databases: [], warnings: [], leftOut: [], leftOutOfGlobals: [], facts: {} };
  const { databases, isWhole } = readPrelude(Buffer.from(outcome.stdout, "latin1"));
  if (isWhole) {
    const known = databases.toSorted().map((name) => ({
      name,
      isApart: mongoOwnDatabases.includes(name),
      problem: null,
    }));
    return { ...nothing, databases: known, problems: [] };
  }
  if (outcome.isEnough && !isLast) return null;
  const what = outcome.isEnough
    ? "the server has more collections than can be listed"
    : "the server can't be asked for its databases";
  return { ...nothing, problems: [unanswered({ ...outcome, stdout: "" }, what, mongoAdvice)] };
}
