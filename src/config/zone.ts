import { DbstashError } from "../errors.ts";

/** Where zones lie; `posix/` and `right/` are the same zones, counted with and without leap seconds. */
const zoneFile = /^(?:.*\/)?zoneinfo\/(?:(?:posix|right)\/)?(.+)$/;

/** The link that names a machine's own zone. */
const localTime = "/etc/localtime";

/**
 * Reads `TZ` as the C library writes it, too: `:Europe/Berlin`, a file below a folder `zoneinfo`, and `/etc/localtime`.
 * @param readLink where a link leads; null for what is none
 * @throws DbstashError for a zone that this runtime does not know
 */
export function parseTimeZone(text: string, readLink: (path: string) => string | null): string {
  const given = text.replace(/^:/, "");
  // The usual zone needs no look-up (CONTRIBUTING, "Memory").
  if (given === "UTC") return given;
  const path = given === localTime ? readLink(localTime) : given;
  if (path === null)
    throw new DbstashError(
      `names ${localTime}, which is no link to a zone`,
      "write the zone's own name such as Europe/Berlin",
    );
  const zone = zoneFile.exec(path)?.[1] ?? path;
  if (isKnown(zone)) return zone;
  throw new DbstashError("must be an IANA time zone such as UTC or Europe/Berlin");
}

function isKnown(zone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}
