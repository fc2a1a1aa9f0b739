/** What a section of an rclone.conf sets, by key. */
export type Section = ReadonlyMap<string, string>;

/** Whether rclone has encrypted a configuration: what it says is known to rclone alone. */
export function isEncrypted(text: string): boolean {
  return /^\s*RCLONE_ENCRYPT_V\d+:/m.test(text);
}

/**
 * Reads an rclone.conf as rclone does (goconfig): `=` or `:` behind a key, comments only at a line's start, a value
 * trimmed but with its quotes, a section that comes again adding to the first, a backslash at the end that joins two
 * lines. Empty for an encrypted one.
 */
export function parseConf(text: string): ReadonlyMap<string, Section> {
  const sections = new Map<string, Map<string, string>>();
  let section: Map<string, string> | null = null;
  for (const line of text.replace(/\\\r?\n/g, "").split("\n")) {
    const trimmed = line.trim();
    if (trimmed === "" || /^[#;]/.test(trimmed)) continue;
    const name = /^\[(.*)\]$/.exec(trimmed)?.[1];
    if (name !== undefined) {
      section = sections.get(name) ?? new Map<string, string>();
      sections.set(name, section);
      continue;
    }
    const [, key = "", value = ""] = /^([^=:]*?)\s*[=:]\s*(.*)$/.exec(trimmed) ?? [];
    if (key !== "") section?.set(key, /^`.*`$/.test(value) ? value.slice(1, -1) : value);
  }
  return sections;
}

/** What a section of an rclone.conf sets a parameter to; null where it does not. */
export function configValue(text: string, section: string, key: string): string | null {
  return parseConf(text).get(section)?.get(key) ?? null;
}

/** Whether a value may stand in an rclone.conf and mean itself. */
export function fitsConf(value: string): boolean {
  return !/^\s|\s$|[\r\n]|%\(|\\$|^`/.test(value);
}

/** A section as an rclone.conf holds it; behind another one of its name it adds to that. */
export function writeSection(name: string, section: Section): string {
  return [`[${name}]`, ...[...section].map(([key, value]) => `${key} = ${value}`), ""].join("\n");
}
