import { nearest } from "./nearest.ts";
import { type AnyRow, options } from "./options.ts";
import { isServiceLink } from "./service-links.ts";

/** Beginnings of names that hardly any other program's variables have. */
const ownPrefix = /^(BACKUP|RETENTION|NOTIFY|DUMP)_/;

/** A name of others', too, that is one of ours but for this many edits is most likely meant to be it. */
const strangerEdits = 2;

/** Variables that look like a setting and are none: most likely a typo, of no effect. */
export function strangers(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = new Set(
    Object.values(options).flatMap((row: AnyRow) => [
      row.variable,
      `${row.variable}_FILE`,
      ...(row.alias === undefined ? [] : [row.alias]),
    ]),
  );
  return Object.entries(env)
    .filter(([name, value = ""]) => !known.has(name) && !isServiceLink(name, value))
    .flatMap(([name]) => {
      const own = ownPrefix.test(name);
      const near = own ? nearest(name, known) : nearest(name, alike(name, known), strangerEdits);
      const meant = near ?? begun(name, known);
      if (meant === null && !own) return [];
      return `${name} is no setting of dbstash and has no effect${meant === null ? "" : `; did you mean ${meant}?`}`;
    });
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
