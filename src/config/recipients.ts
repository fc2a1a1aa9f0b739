import { DbstashError, type Problem } from "../errors.ts";

/** What must never be near a backup: a key that opens it, of age, of a plugin of age's, or of SSH. */
const identity = /AGE-SECRET-KEY|AGE-PLUGIN-[A-Z0-9]|-----BEGIN [A-Z ]*PRIVATE KEY/i;

const publicKeyHint = "give its public key, which begins with age1; age-keygen -y KEYFILE prints it";

/** Whether a text holds a secret key, so that nothing of it may be shown. */
export function holdsIdentity(text: string): boolean {
  return identity.test(text);
}

/** @throws DbstashError for a text with a secret key in it, as the rest of a sentence; it repeats nothing of the text */
export function refuseIdentity(text: string): void {
  if (holdsIdentity(text))
    throw new DbstashError("holds a secret key, which no machine that backs up needs", publicKeyHint);
}

/**
 * Recipients as age takes them, from the words of a setting; an SSH key comes back without its comment.
 * age skips an SSH key of a kind that it does not know, and a backup that one person can't read is told by nobody: so
 * each is judged here.
 * @throws DbstashError with what is wrong with any, as the rest of a sentence that names the setting
 */
export function recipientsOf(words: readonly string[]): readonly string[] {
  words.forEach(refuseIdentity);
  const split = words.findIndex((word, at) => sshType.test(word) && words[at + 1]?.startsWith("AAAA"));
  if (split >= 0)
    throw new DbstashError(
      "has an SSH key that is several words",
      "put the key in quotes that reach dbstash, \"'ssh-ed25519 AAAA… name'\", or its line into a file for BACKUP_ENCRYPT_TO_FILE",
    );
  const where = (word: string, at: number): string =>
    [...(words.length === 1 ? [] : [`${at + 1} of ${words.length}`]), ...shownBeginning(word)].join(", ");
  return judged(words.map((word, at) => ({ word, where: where(word, at) })));
}

/**
 * Recipients from the text of a file, as `age -R` reads it: one a line, empty lines and those that begin with # left out.
 * @throws as `recipientsOf`, with the numbers of lines
 */
export function recipientsIn(text: string): readonly string[] {
  if (holdsIdentity(text)) {
    const own = /^# public key: (age1[a-z0-9]+)\s*$/m.exec(text)?.[1];
    throw new DbstashError(
      "holds a secret key, which no machine that backs up needs",
      own === undefined ? publicKeyHint : `its public key is ${own}: only that belongs here`,
    );
  }
  const lines = text
    .replace(/^\uFEFF/, "")
    .split("\n")
    .map((line, at) => ({ word: line.trim(), where: `line ${at + 1}` }))
    .filter(({ word }) => word !== "" && !word.startsWith("#"));
  if (lines.length === 0) throw new DbstashError("holds no recipient", "one a line: age1…, or an SSH key");
  return judged(lines);
}

function judged(given: readonly { readonly word: string; readonly where: string }[]): readonly string[] {
  const faults = given.flatMap(({ word, where }) => {
    const fault = faultOf(word);
    if (fault === null) return [];
    return [{ ...fault, message: where === "" ? fault.message : `${fault.message} (${where})` }];
  });
  const [first] = faults;
  if (first !== undefined)
    throw new DbstashError(
      `has a recipient that is none: ${faults.map(({ message }) => message).join("; ")}`,
      first.hint,
    );
  return [...new Set(given.map(({ word }) => withoutComment(word)))];
}

/** A word that is no recipient may be anything, also a password: only what looks like one is shown. */
function shownBeginning(word: string): string[] {
  return /^(age1|ssh-|ecdsa-|sk-)/.test(word) ? [`${word.slice(0, 20)}…`] : [];
}

function withoutComment(word: string): string {
  return word.startsWith("age1") ? word : word.split(/[ \t]+/, 2).join(" ");
}

/** What is wrong with a recipient; null for a good one. */
function faultOf(word: string): Problem | null {
  if (/^age1/i.test(word)) return faultOfAge(word);
  if (sshType.test(word.split(/[ \t]/, 1)[0] ?? "")) return faultOfSsh(word);
  return {
    message: "it is neither age1… nor an SSH key",
    hint: word.includes("/")
      ? "the path of a file with recipients goes into BACKUP_ENCRYPT_TO_FILE (--backup-encrypt-to-file)"
      : "age-keygen makes a key and prints its public half, which begins with age1",
  };
}

/** What 32 bytes are in Bech32, with the checksum behind them. */
const x25519Characters = 58;

/** `age1…` of 32 bytes, or that of a plugin or a later kind, `age1NAME1…`, whose bytes only age itself can judge. */
function faultOfAge(word: string): Problem | null {
  if (/\s/.test(word)) return { message: "it has a blank within, and a comment stands in a line of its own" };
  if (word !== word.toLowerCase()) return { message: "age takes it in lower case alone" };
  const at = word.lastIndexOf("1");
  const [name, data] = [word.slice(0, at), word.slice(at + 1)];
  if (!isBech32(name, data))
    return { message: "its checksum is wrong", hint: "a character is wrong or missing: copy it anew" };
  if (name === "age" && data.length !== x25519Characters) return { message: "it is no key of 32 bytes" };
  return /^age(1[a-z0-9+._-]+)?$/.test(name) ? null : { message: "its kind is none of age's" };
}

const bech32Alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const bech32Generator = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];

/** Whether the checksum at the end of `data` is right (BIP 173, "Checksum"; age has no limit of its length). */
function isBech32(name: string, data: string): boolean {
  const values = [...data].map((character) => bech32Alphabet.indexOf(character));
  if (data.length < 6 || values.includes(-1)) return false;
  const codes = [...name].map((character) => character.charCodeAt(0));
  let sum = 1;
  for (const value of [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31), ...values]) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ value;
    bech32Generator.forEach((term, bit) => {
      if ((top >>> bit) & 1) sum ^= term;
    });
  }
  return sum === 1 && fillsBytes(values.slice(0, -6));
}

/** Whether groups of five bits make bytes: what is left over is less than a group, and zero (BIP 173, "Segwit address format"). */
function fillsBytes(groups: readonly number[]): boolean {
  const leftBits = (groups.length * 5) % 8;
  return leftBits < 5 && ((groups.at(-1) ?? 0) & ((1 << leftBits) - 1)) === 0;
}

/** The first word of an SSH public key of whatever kind. */
const sshType = /^(ssh-|ecdsa-sha2-|sk-(ssh|ecdsa)-)[\w@.-]+$/;

/** age's own limit. */
const leastRsaBits = 2048;

/** An SSH public key (RFC 4253, 6.6; RFC 8709, 4) of the two kinds that age can encrypt to. */
function faultOfSsh(word: string): Problem | null {
  const [type = "", blob = ""] = word.split(/[ \t]+/, 2);
  if (type !== "ssh-ed25519" && type !== "ssh-rsa")
    return {
      message: `age can't encrypt to SSH keys of the kind ${type}`,
      hint: "it takes ssh-ed25519 and ssh-rsa, and keys of its own, which age-keygen makes",
    };
  const [told, ...fields] = fieldsOf(blob);
  const damaged = { message: "it is no whole SSH key", hint: "copy the line of the .pub file anew" };
  if (told?.toString("latin1") !== type) return damaged;
  if (type === "ssh-ed25519") return fields.length === 1 && fields[0]?.length === 32 ? null : damaged;
  const [, modulus] = fields;
  if (fields.length !== 2 || modulus === undefined) return damaged;
  // Of its highest digit some bits may be zero: then age itself refuses it.
  const bits = modulus.toString("hex").replace(/^0+/, "").length * 4;
  return bits >= leastRsaBits ? null : { message: `its key is shorter than age's ${leastRsaBits} bits` };
}

/** The fields of an SSH key, each behind its length; none where they don't fill it exactly. */
function fieldsOf(blob: string): Buffer[] {
  const bytes = Buffer.from(blob, "base64");
  if (bytes.toString("base64") !== blob) return [];
  const fields: Buffer[] = [];
  let at = 0;
  while (at + 4 <= bytes.length) {
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) return [];
    fields.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return at === bytes.length ? fields : [];
}
