/** One `GRANT`, or a `REVOKE` of MySQL's partial revokes, as `SHOW GRANTS` prints it. */
interface Grant {
  readonly revoked: boolean;
  readonly privileges: ReadonlySet<string>;
  /** `*` for all databases, else a name or a pattern of names. */
  readonly database: string;
  /** `*` for all tables of the database. */
  readonly table: string;
}

/** What a user may do, read from `SHOW GRANTS`. */
export type Grants = readonly Grant[];

/**
 * Reads the lines of `SHOW GRANTS`; other lines, and grants of roles, routines and proxies, are passed over.
 * The lines may hold password hashes: they are never to be logged.
 */
export function parseGrants(lines: readonly string[]): Grants {
  return lines.flatMap((line) => {
    const match = /^(GRANT|REVOKE) (.+?) ON (\*|`(?:[^`]|``)+`)\.(\*|`(?:[^`]|``)+`) (?:TO|FROM) /.exec(line);
    if (match === null) return [];
    const [, verb, privileges = "", database = "", table = ""] = match;
    return [
      {
        revoked: verb === "REVOKE",
        privileges: new Set(splitPrivileges(privileges)),
        database: unquote(database),
        table: unquote(table),
      },
    ];
  });
}

/**
 * True when one of the privileges is granted on everything in the database.
 * @param database null: on all databases
 */
export function mayAnywhere(grants: Grants, privileges: readonly string[], database: string | null): boolean {
  return privileges.some((privilege) => {
    const hits = grants.filter(
      (grant) =>
        grant.table === "*" &&
        (grant.privileges.has(privilege) || grant.privileges.has("ALL PRIVILEGES")) &&
        covers(grant.database, database),
    );
    return hits.some(({ revoked }) => !revoked) && !hits.some(({ revoked }) => revoked);
  });
}

/** True when one of the privileges is granted on that table of the system schema, or on more. */
export function mayReadTable(grants: Grants, database: string, table: string): boolean {
  return grants.some(
    (grant) =>
      !grant.revoked &&
      (grant.privileges.has("SELECT") || grant.privileges.has("ALL PRIVILEGES")) &&
      (grant.table === "*" || grant.table === table) &&
      covers(grant.database, database),
  );
}

/** In a grant's database `_` and `%` stand for any character and any characters, `\` takes that from them. */
function covers(pattern: string, database: string | null): boolean {
  if (pattern === "*") return true;
  if (database === null) return false;
  const source = pattern.replace(/\\?[^]/gu, (unit) => {
    if (unit === "_") return "[^]";
    if (unit === "%") return "[^]*";
    return RegExp.escape(unit === "\\_" || unit === "\\%" ? unit.slice(1) : unit);
  });
  return new RegExp(`^${source}$`, "u").test(database);
}

/** `SELECT (a, b), INSERT`: commas in parentheses separate columns; a privilege on columns is none on the table. */
function splitPrivileges(text: string): string[] {
  return text
    .split(/,(?![^(]*\))/)
    .map((privilege) => privilege.trim())
    .filter((privilege) => !privilege.includes("("));
}

function unquote(name: string): string {
  return name === "*" ? name : name.slice(1, -1).replaceAll("``", "`");
}
