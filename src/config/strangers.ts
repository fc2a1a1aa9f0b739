import { nearest, nearestByWords } from "./nearest.ts";
import { settingNames } from "./options.ts";
import { isServiceLink } from "./service-links.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** Beginnings of names that hardly any other program's variables have. */
const ownPrefix = /^(BACKUP|RETENTION|NOTIFY|DUMP)_/;

/** A name of others', too, that is one of ours but for this many edits is most likely meant to be it. */
const strangerEdits = 2;

/** What other programs call a setting of ours. */
const otherNames: Readonly<Record<string, string>> = {
  BACKUP_CRON: "BACKUP_SCHEDULE",
  BACKUP_DESTINATION: "RCLONE_REMOTE",
  BACKUP_KEEP_DAYS: "RETENTION_MAX_DAYS",
  BACKUP_KEEP_MONTHS: "RETENTION_KEEP_MONTHLY",
  BACKUP_KEEP_WEEKS: "RETENTION_KEEP_WEEKLY",
  BACKUP_RETENTION: "RETENTION_MAX_DAYS",
  BACKUP_RETENTION_DAYS: "RETENTION_MAX_DAYS",
  DB_ADDRESS: "DB_HOST",
  DB_CONNECTION_STRING: "DB_URI",
  DB_DATABASE: "DB_NAME",
  DB_DSN: "DB_URI",
  DB_HOSTNAME: "DB_HOST",
  DB_PASS: "DB_PASSWORD",
  DB_PASSWD: "DB_PASSWORD",
  DB_PWD: "DB_PASSWORD",
  DB_SERVER: "DB_HOST",
  DB_URL: "DB_URI",
  DB_USERNAME: "DB_USER",
  RCLONE_DEST: "RCLONE_REMOTE",
  RCLONE_DESTINATION: "RCLONE_REMOTE",
  RCLONE_DST: "RCLONE_REMOTE",
  RCLONE_PATH: "RCLONE_REMOTE",
  RCLONE_TARGET: "RCLONE_REMOTE",
  RCLONE_URL: "RCLONE_REMOTE",
  RCLONE_REMOTE_PATH: "RCLONE_REMOTE",
  RCLONE_REMOTE_NAME: "RCLONE_REMOTE",
};

/** The setting that other programs call so, or null. */
export function settingCalled(name: string): string | null {
  return Object.hasOwn(otherNames, name) ? (otherNames[name] ?? null) : null;
}

/** Variables that look like a setting and are none: most likely a typo, of no effect. */
export function strangers(env: Env): string[] {
  const known = settingNames();
  return Object.entries(env)
    .filter(([name, value = ""]) => !known.has(name) && !isServiceLink(name, value))
    .flatMap(([name, value = ""]) => {
      const own = ownPrefix.test(name);
      const called = settingCalled(name);
      // Beside the right name it is another program's, such as the application's own DB_DATABASE.
      if (called !== null && !own && (value === "" || env[called] || env[`${called}_FILE`])) return [];
      const near = called === null ? meantBy(name, own, known) : [called];
      if (near.length === 0 && !own) return [];
      return `${name} is no setting of dbstash and has no effect${near.length === 0 ? "" : `; did you mean ${near.join(" or ")}?`}`;
    });
}

function meantBy(name: string, own: boolean, known: ReadonlySet<string>): readonly string[] {
  const near = own ? nearest(name, known) : nearest(name, alike(name, known), strangerEdits);
  const meant = near ?? begun(name, known);
  if (meant !== null) return [meant];
  return own ? nearestByWords(name, known) : [];
}

/** Those that begin alike: not every variable is compared with every setting (CONTRIBUTING, "Memory"). */
function alike(name: string, known: ReadonlySet<string>): string[] {
  return [...known].filter((candidate) => candidate.startsWith(name.slice(0, 2)));
}

/** The known name of which `name` is the first words (`HOOK_POST` of `HOOK_POST_BACKUP`), or null. */
function begun(name: string, known: Iterable<string>): string | null {
  if (!name.includes("_")) return null;
  return [...known].find((candidate) => candidate.startsWith(`${name}_`)) ?? null;
}
