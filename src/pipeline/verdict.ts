import { DbstashError, type Problem } from "../errors.ts";

/** Whether a stored backup is good, as far as reading it back has shown. */
export type Verdict =
  | {
      readonly outcome: "good";
      /** Null where nothing was compared and an old rclone's count is all that is known. */
      readonly bytes: number | null;
      /** What was compared, for the log. */
      readonly how: string;
    }
  /** Proven bad: to be removed. What is wrong with the content is so wherever it lies; its size may be right elsewhere. */
  | { readonly outcome: "bad"; readonly problem: Problem; readonly about: "size" | "end" | "content" }
  /** It is not there, whoever looks: nothing to be removed. */
  | { readonly outcome: "missing" }
  /** Could not be checked: to be kept. */
  | {
      readonly outcome: "unchecked";
      /** Null where an old rclone's count is all that is known. */
      readonly bytes: number | null;
      readonly reason: Problem;
    };

/** A verdict of `bad`. */
export function bad(about: "size" | "end" | "content", message: string): Verdict & { outcome: "bad" } {
  return { outcome: "bad", problem: { message }, about };
}

/** The upload was called a success, and nothing is there: nothing must be removed either. */
export class NotThere extends DbstashError {
  override readonly name = "NotThere";

  constructor(name: string) {
    super(
      `${name} is not on the remote after its upload`,
      "see what RCLONE_EXTRA_ARGS (--rclone-extra-args), rclone.conf and RCLONE_* variables do with names",
    );
  }
}

/**
 * A backup that stands under its final name, and that reading all of it has shown to be damaged. Nothing is removed on a
 * tool's word: a person decides.
 */
export class Damaged extends DbstashError {
  override readonly name = "Damaged";

  /** @param where as people know it */
  constructor({ problem: { message, words } }: Verdict & { outcome: "bad" }, where: string) {
    const own = words === undefined ? message : message.slice(0, -words.length).replace(/: $/, "");
    super(
      `the stored backup is damaged, and still stands as ${where}: ${own}`,
      "nothing was removed: verify --full reads it again, and a new backup shows whether the place or the way to it does the damage",
      words,
    );
  }
}

/** What was uploaded is this run's own, and no backup. */
export class ProvenBad extends DbstashError {
  override readonly name = "ProvenBad";

  constructor({ problem: { message, hint }, about }: Verdict & { outcome: "bad" }) {
    super(about === "content" ? message : `the stored backup is not whole: ${message}`, hint);
  }
}
