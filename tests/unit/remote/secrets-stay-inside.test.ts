import { test } from "bun:test";
import { redactor } from "../../../src/config/secret.ts";
import { UsageError } from "../../../src/errors.ts";
import { addressed, joinRemote } from "../../../src/remote/remote.ts";
import { type Env, resolve, uri } from "../job/jobs.ts";

const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 1e9));

/** A generator of numbers below 1 (mulberry32). */
function random(from: number): () => number {
  let state = from;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const next = random(seed);
const pick = <T>(values: readonly T[]): T => values[Math.floor(next() * values.length)] as T;

const characters = "abcXYZ0189-_.,:;=/@ \"'%$ü";

function newSecret(): string {
  const length = 8 + Math.floor(next() * 12);
  return `q${Array.from({ length }, () => pick([...characters])).join("")}z`;
}

const quoted = (value: string) => `"${value.replaceAll('"', '""')}"`;
const keys = ["pass", "secret_access_key", "token", "key", "sas_url", "bearer_token", "password2", "odd_one"];
const urlSafe = (secret: string) => encodeURIComponent(secret);

/** Settings with a secret somewhere in what speaks of rclone; some can't be, and must not say why with the secret. */
const plants: readonly ((secret: string) => Env)[] = [
  (secret) => ({ RCLONE_REMOTE: `:sftp,host=h,${pick(keys)}=${quoted(secret)}:dir` }),
  (secret) => ({ RCLONE_REMOTE: `my-s3,${pick(keys)}=${quoted(secret)},global.dry_run:dir` }),
  (secret) => ({ RCLONE_REMOTE: `:sftp,host=h,${pick(keys)}=${quoted(secret)}` }),
  (secret) => ({ RCLONE_REMOTE: `:sftp,bad-key=${quoted(secret)}:x` }),
  (secret) => ({ RCLONE_REMOTE: `:alias,remote=${quoted(`:sftp,pass=${quoted(secret)}:x`)}:y` }),
  (secret) => ({ RCLONE_REMOTE: `:webdav,url="https://joe:${urlSafe(secret)}@h":y` }),
  (secret) => ({
    RCLONE_REMOTE: "my-x:d",
    "RCLONE_CONFIG_MY-X_TYPE": "sftp",
    "RCLONE_CONFIG_MY-X_PASS": secret,
  }),
  (secret) => ({
    RCLONE_REMOTE: ":crypt,remote='my-x:d':",
    "RCLONE_CONFIG_MY-X_TYPE": "sftp",
    "RCLONE_CONFIG_MY-X_PASS": secret,
  }),
  (secret) => ({
    RCLONE_REMOTE: "a:b",
    RCLONE_CONFIG: Buffer.from(`[a]\ntype = webdav\npass = ${secret}\nglobal.dry_run = 1\n`).toString(
      "base64",
    ),
  }),
  (secret) => ({
    RCLONE_EXTRA_ARGS: `--${pick(["sftp-pass", "header", "s3-secret-access-key"])}=${shell(secret)}`,
  }),
  (secret) => ({
    RCLONE_EXTRA_ARGS: `--${pick(["sftp-pass", "header", "client-pass"])} ${shell(secret)} --dry-run`,
  }),
  (secret) => ({ RCLONE_EXTRA_ARGS: `--transfers 2 ${shell(secret)}` }),
  (secret) => ({ RCLONE_SFTP_PASS: secret, RCLONE_INCLUDE: secret, RCLONE_DRY_RUN: secret }),
  (secret) => ({ RCLONE_PASSWORD_COMMAND: `echo ${secret}` }),
];

const shell = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** All that is told of settings: what goes into argv and what is shown, or what is said against them. */
function told(env: Env): { open: string; secrets: readonly string[] } {
  try {
    const { places, warnings, secrets } = resolve({ ...uri, ...env });
    const [rclone] = places;
    const { args } = addressed(rclone.remote, ["rcat", joinRemote(rclone.remote.path, "d/a.sql")]);
    const open = [...args, ...rclone.extraArgs.args, rclone.remote.shown, ...warnings, rclone.key];
    return { open: JSON.stringify([open, rclone]), secrets };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return { open: JSON.stringify(error.problems), secrets: [] };
  }
}

test(`no secret of rclone's stands in argv, in what is shown or said, and all are known to the redactor (SEED=${seed})`, () => {
  for (let round = 0; round < 400; round++) {
    const secret = newSecret();
    const env = pick(plants)(secret);
    const { open, secrets } = told(env);
    const known = Object.values(env).join("\n");
    for (const form of [secret, urlSafe(secret), JSON.stringify(secret).slice(1, -1)]) {
      // Secrets by the job's own account are kept in clear in it, for the redactor.
      if (withoutKnown(open, secrets).includes(form)) throw new Error(`${form} is shown for ${known}`);
    }
    // Of a command for a password all of it is one secret.
    const isCommand = env["RCLONE_PASSWORD_COMMAND"] !== undefined;
    if (secrets.length > 0 && !isCommand && redactor(secrets)(`x ${secret} y`).includes(secret))
      throw new Error(`${secret} is not known of ${known}`);
  }
});

/** What is shown, less the lists of secrets and the variables, which are for private use. */
function withoutKnown(open: string, secrets: readonly string[]): string {
  if (secrets.length === 0) return open;
  const [words, rclone] = JSON.parse(open) as [
    unknown,
    { remote: object; extraArgs: object; config: unknown },
  ];
  const { remote, extraArgs } = rclone;
  return JSON.stringify([
    words,
    { ...remote, secrets: [] },
    { ...extraArgs, secrets: [], env: {} },
    rclone.config,
  ]);
}
