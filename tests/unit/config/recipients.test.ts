import { describe, expect, test } from "bun:test";
import { readSettings } from "../../../src/config/config.ts";
import { recipientsIn, recipientsOf } from "../../../src/config/recipients.ts";
import { DbstashError } from "../../../src/errors.ts";
import { readReadable } from "../../../src/remote/config-source.ts";

const own = "age1563phs7q86qkcscft068lv7vrgge4q0n7yqqv4269xl3qwcux3qq5u5cpz";
const other = "age1g43hssyj0r9mg38830t8vprkn485697vzhyq729qqleh9en24qxqla7mtg";
const ofPlugin = "age1example1qpzry9x8gf2tvdw0s3jn54khce6mua7lqpzry9x8gf2tvdw0s3js0nd3gp";
const postQuantum = `age1pq1${"q".repeat(1944)}qqtn9x8d`;
const ed25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExbYBIexoejUKkBM4PM5Ib6L3Jp7sPBKbN1dR0x11OV";
const rsa2048 =
  "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDPm+Me+w5GaPySn0f4oScCQ5myA7MNLNU6AwYlYXQ7+uRKybSjHekbUn0/VXEDaULvn9AvEfE2RJEFL/kG3Oymb/43Dn24M+0f3VvBwP7zC+wMenM3CrnqC+03fSxw++Oa++Wz1VzweAOniJq3oAzaRV4pntH4gwl9KL6PY2HipGS1fcD6cLXocpKrQmPUvvuwU5dKQhqpU/s0IwHC++nuxLxUlY9myD+SuzxEqzh2+Rzoh5/4rywcBJfzcINNAML4sVkkl1ohG50+HaYMGlMWF+8phQsI9KHs8jtvIlEBaSQ20lD3y6BLcSmJb12MnlqBRr7v8MpGpDcCB0HDf+wn";
const rsa1024 =
  "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDSjGfAGh/FR39cfvbf5LPhXNOFgtrB6d9KT/U7jqJctScq5rgRNlmTZsUn0DtXAYnTMSPQiNei8yOXx7fTsuKiLpDko0OZoL3FKa/p/teI66aP+s3NiD2w+eIz9RxtnYdm4yrWLM3JH1wD5Os0Fn7As6Ohjv1oJ4d/YhtNUQQgVw==";
const ecdsa =
  "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBMOFG/e+AQEbqEYnoTFI8arS3aOHkaSj2dlxRLY4L/RtBueSsYv4qBxelWqSxnYWH6inTFWi8zklASs0TBl86aE=";
/** No key of anyone's: its checksum is wrong. */
const secretKey = "AGE-SECRET-KEY-1T684TYTM6M27FV79YDPEWEF0U4YVXHZD5AMWA0XQXYN05MAF6X4QQQQQQQ";

function messageOf(use: () => unknown): string {
  try {
    return `taken: ${String(use())}`;
  } catch (error) {
    if (error instanceof DbstashError) return `${error.message}; ${error.hint ?? ""}`;
    throw error;
  }
}

describe("recipients", () => {
  test.each([[[own]], [[own, other]], [[ofPlugin]], [[postQuantum]], [[ed25519]], [[rsa2048, own]]])(
    "%j are taken",
    (words) => {
      expect(recipientsOf(words)).toEqual(words);
    },
  );

  test("one given twice is one, and the comment of an SSH key is nobody's business", () => {
    expect(recipientsOf([own, `${ed25519} joe@laptop`, own, `${ed25519}  joe`])).toEqual([own, ed25519]);
  });

  test.each<[string, readonly string[], RegExp]>([
    [
      "a wrong checksum",
      [own.replace(/z$/, "q")],
      /^has a recipient that is none: its checksum is wrong \(age1563phs7q86qkcscf…\); a character is wrong/,
    ],
    ["which one it is", [own, other.slice(0, -1)], /checksum is wrong \(2 of 2, age1g43hssyj0r9mg388…\)/],
    [
      "all of them",
      [own.slice(0, -1), own, "x"],
      /checksum is wrong \(1 of 3, .*\); it is neither age1… nor an SSH key \(3 of 3\)/,
    ],
    ["capitals", [own.toUpperCase()], /age takes it in lower case alone/],
    [
      "a key of another length",
      ["age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqk49vxp"],
      /it is no key of 32 bytes/,
    ],
    [
      "bits that fill no byte",
      ["age1example1qpzry9x8gf2tvdw0s3jn54khce6mua7lqpzry9x8gf2tvdw0s3hzn97z"],
      /its checksum is wrong/,
    ],
    [
      "bits that belong to no byte",
      ["age1qpzry9x8gf2tvdw0s3jn54khce6mua7lqpzry9x8gf2tvdw0s3jp4jm2k8"],
      /its checksum is wrong/,
    ],
    [
      "another's Bech32",
      ["bage1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqkryv24"],
      /neither age1… nor an SSH key/,
    ],
    ["a comment behind it", [`${own} # joe`], /it has a blank within/],
    ["nothing", [""], /neither age1…/],
    [
      "an SSH key of a kind that age skips",
      [ecdsa],
      /can't encrypt to SSH keys of the kind ecdsa-sha2-nistp256.*it takes ssh-ed25519 and ssh-rsa/,
    ],
    ["a security key", ["sk-ssh-ed25519@openssh.com AAAA joe"], /of the kind sk-ssh-ed25519@openssh\.com/],
    [
      "a certificate",
      ["ssh-ed25519-cert-v01@openssh.com AAAA"],
      /of the kind ssh-ed25519-cert-v01@openssh\.com/,
    ],
    ["a short RSA key", [rsa1024], /shorter than age's 2048 bits/],
    ["a cut SSH key", [ed25519.slice(0, -4)], /it is no whole SSH key/],
    [
      "an SSH key under another's name",
      [rsa2048.replace("ssh-rsa", "ssh-ed25519")],
      /it is no whole SSH key/,
    ],
    [
      "an SSH key without quotes",
      `${ed25519} joe`.split(" "),
      /^has an SSH key that is several words; put the key in quotes/,
    ],
    ["a path", ["/etc/backup/keys.txt"], /BACKUP_ENCRYPT_TO_FILE/],
  ])("of %s is told", (_, words, message) => {
    expect(messageOf(() => recipientsOf(words))).toMatch(message);
  });

  test("a stranger may be a password, and is not shown", () => {
    expect(messageOf(() => recipientsOf(["hunter22", own]))).not.toContain("hunter");
  });

  test("any one character of a key that is another one is found", () => {
    const wrong = Array.from({ length: own.length - 4 }, (_, at) => at).flatMap((at) =>
      [..."qpzry9x8gf2tvdw0s3jn54khce6mua7lbio1"].map(
        (character) => own.slice(0, 4 + at) + character + own.slice(5 + at),
      ),
    );
    const taken = wrong.filter((text) => messageOf(() => recipientsOf([text])).startsWith("taken"));
    expect(new Set(taken)).toEqual(new Set([own]));
    expect(wrong.length).toBeGreaterThan(2_000);
  });
});

describe("a file of recipients", () => {
  test("is read line by line, without comments, from whichever editor", () => {
    const text = `\uFEFF# those who may read\r\n\r\n  ${own}\r\n#${other}\n${ed25519} joe # at home\n`;
    expect(recipientsIn(text)).toEqual([own, ed25519]);
  });

  test.each<[string, string, RegExp]>([
    ["no recipient", "# nobody\n\n", /^holds no recipient/],
    [
      "lines that are none",
      `${own}\n${ecdsa}\nhunter22\n`,
      /of the kind ecdsa-sha2-nistp256 \(line 2\); it is neither .* \(line 3\)/,
    ],
    ["two on a line", `${own} ${other}`, /blank within.*\(line 1\)/],
  ])("with %s is told", (_, text, message) => {
    const said = messageOf(() => recipientsIn(text));
    expect(said).toMatch(message);
    expect(said).not.toContain("hunter");
  });

  test("that is age's file of a secret key is told by its public one", () => {
    const text = `# created: 2026-01-01T00:00:00Z\n# public key: ${own}\n${secretKey}\n`;
    const said = messageOf(() => recipientsIn(text));
    expect(said).toBe(
      `holds a secret key, which no machine that backs up needs; its public key is ${own}: only that belongs here`,
    );
  });
});

describe("a secret key", () => {
  const sshKey =
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----";
  test.each([
    ["BACKUP_ENCRYPT_TO", secretKey],
    ["BACKUP_ENCRYPT_TO", `${own} ${secretKey.toLowerCase()}`],
    ["BACKUP_ENCRYPT_TO", `'${secretKey}`],
    ["BACKUP_ENCRYPT_TO", `x${secretKey} | y`],
    ["BACKUP_ENCRYPT_TO", "AGE-PLUGIN-YUBIKEY-1QQPQQ"],
    ["BACKUP_ENCRYPT_TO", sshKey],
    ["BACKUP_ENCRYPT_TO_FILE", secretKey],
    ["BACKUP_ENCRYPT_TO_FILE", `"${secretKey}"`],
    ["BACKUP_MODE", secretKey],
    ["BACKUP_NAME_TEMPLATE", `"${secretKey}"`],
  ])("in %s is refused, and never repeated", (name, value) => {
    const env = { DB_URI: "postgres://h/shop", RCLONE_REMOTE: "/x", [name]: value };
    const { problems, settings } = readSettings("pg", { env, flags: new Map(), readFile: readReadable });
    expect(problems).toHaveLength(1);
    expect(JSON.stringify([problems, settings])).not.toMatch(/1T684|YUBIKEY|b3Blb/i);
  });
});
