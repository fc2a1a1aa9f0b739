/** Flags that commands have of their own, beside those of the settings. */
export const switchNames = ["json", "notify", "full"] as const;
export type Switch = (typeof switchNames)[number];

/** A word of the command line. */
interface Word {
  /** What it does, in one line. */
  readonly about: string;
  /** What may stand behind it, as its help shows it. */
  readonly usage: string;
  /** How many words may follow it. */
  readonly follows: 0 | 1 | "any";
  readonly switches: Partial<Readonly<Record<Switch, string>>>;
  /** What else its help says; no line is longer than 100 characters. */
  readonly more: string;
  /** Its own exit codes, where they mean something else than those of a backup. */
  readonly codes: Readonly<Record<number, string>>;
}

const needsNoDatabase =
  "It needs no connection to the database, only its name: settings as those of the job, such as by --env-file.";

/** Every word of the command line, once: parsing, the nearest of an unknown one, and help read this table. */
export const words = {
  backup: {
    about: "make one backup now, whatever BACKUP_SCHEDULE says",
    usage: "[flags]",
    follows: 0,
    switches: {},
    more: "It takes the same lock as the runs of a schedule: while one of them is on it ends with 4.",
    codes: {},
  },
  check: {
    about: "try everything that a run will need",
    usage: "[--json] [--notify] [flags]",
    follows: 0,
    switches: { json: "print JSON", notify: "really send a message and a ping" },
    more: `It stores nothing but a probe of a few bytes, which it removes again, runs no hook and takes no lock.`,
    codes: {},
  },
  list: {
    about: "show this job's backups, newest first",
    usage: "[--json] [flags]",
    follows: 0,
    switches: { json: "print an array of objects with database, name, bytes and time" },
    more: `With retention on it shows for each backup what a run now would do with it, and why; with --json as
next_run (keep or remove) and reason. Of several places it says which have it; with --json as places.
${needsNoDatabase}`,
    codes: {
      0: "listed",
      1: "the place could not be listed; of several, none could",
      3: "one of several places could not be listed",
    },
  },
  verify: {
    about: "check a stored backup, by default the newest",
    usage: "[NAME] [--full] [flags]",
    follows: 1,
    switches: { full: "read all of it back and take it apart, which costs one download" },
    more: `NAME is one that list shows. In several places each is looked at, of several databases the newest of each.
Without --full its size and its end are looked at, as BACKUP_VERIFY=true does.
${needsNoDatabase}`,
    codes: {
      0: "nothing is wrong with it",
      1: "it is bad or not there, in one place at least, or there is no backup at all",
      3: "it could not be checked",
    },
  },
  prune: {
    about: "remove what retention does not keep, now",
    usage: "[--dry-run] [flags]",
    follows: 0,
    switches: {},
    more: `--dry-run (DRY_RUN) shows what would become of each backup, and why, and removes nothing.
Ages are counted from the newest backup, not from today: where backups have failed for weeks nothing is lost.
The newest is checked first, as verify does, and never removed; where it is bad, or smaller than BACKUP_MIN_PERCENT
wants, nothing else is removed either.
Each place and each database is taken by itself; one whose lock a run holds is left out, and named.
${needsNoDatabase}`,
    codes: {
      0: "done",
      1: "the place could not be listed (of several: none), or its newest backup is bad: nothing was removed",
      3: "a place could not be listed, a newest backup not checked, something not removed, or a lock was held",
      4: "another run holds the lock; of several locks, all",
    },
  },
  restore: {
    about: "say how a backup is restored",
    usage: "",
    follows: "any",
    switches: {},
    more: "It only tells where that is written down: restoring is the work of the database's own tools.",
    codes: { 0: "told" },
  },
  healthcheck: {
    about: "ask the running process how it is",
    usage: "[flags]",
    follows: 0,
    switches: {},
    more: "It asks /healthz of this machine's HEALTH_PORT and HEALTH_ADDRESS; where there is no server by design all is well.",
    codes: { 0: "healthy, or there is no server by design", 1: "not healthy, or nobody answers" },
  },
  help: {
    about: "show this help, or that of a word",
    usage: "[WORD]",
    follows: 1,
    switches: {},
    more: "",
    codes: { 0: "shown" },
  },
  version: {
    about: "show the version",
    usage: "",
    follows: 0,
    switches: {},
    more: "",
    codes: { 0: "shown" },
  },
} as const satisfies Readonly<Record<string, Word>>;

export type CommandName = keyof typeof words;

/** A word's row, without what is special in each. */
export function wordOf(name: CommandName): Word {
  return words[name];
}

/** Every word, in the table's order. */
export const commandNames = Object.keys(words) as readonly CommandName[];
