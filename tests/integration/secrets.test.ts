import { afterAll, describe, expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";

import { needs } from "../support/components.ts";
import { type DbstashResult, startDbstash } from "../support/dbstash.ts";
import { fakeTools } from "../support/fake-tools.ts";
import { tempFolder } from "../support/temp.ts";
import { startWebhook } from "../support/webhook.ts";
import { rcloneExcept } from "./places.ts";
import { wholeDump } from "./whole-dump.ts";

const { test } = needs("rclone-current", "zstd");

const seed = Number(process.env["TEST_SEED"] ?? Date.now() % 2 ** 31);
console.log(`secrets: TEST_SEED=${seed}`);
let state = seed;

/** A number below `max`; the same ones for the same seed. */
function random(max: number): number {
  state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
  return Math.floor((state / 0x80000000) * max);
}

/** Characters that some writing or other of a secret changes. */
const alphabet = [..."abcdefghijkmnopqrstuvwxyz23456789%/+=&'$!~ü#@:"];

/** A secret that begins and ends like no other one, so that half of it would be found too. */
function secret(mark: string): string {
  const middle = Array.from({ length: 10 }, () => alphabet[random(alphabet.length)]).join("");
  return `ZqJ7${mark}${middle}Wx9v${mark}`;
}

/** A line that the stand-ins' loop does not take for a variable. */
function keyLine(mark: string): string {
  return secret(mark).replaceAll("=", "-");
}

/** What must not be found of a secret: its two ends, which every way of writing it leaves as they are. */
function traces(mark: string): string[] {
  return [`ZqJ7${mark}`, `Wx9v${mark}`];
}

/** Prints everything a tool can see of secrets, in the forms that tools write: raw, for a URL, for JSON, in base64. */
const tellEverything = `{
  env; for file in "$@"; do case $file in --config=*) cat "\${file#*=}";; esac; done
  while [ $# -gt 0 ]; do [ "$1" = --config ] && [ -n "$2" ] && cat "$2"; shift; done
  env | grep -a -e Zq -e PASS | while IFS= read -r line; do
    value=\${line#*=}
    printf 'raw: %s\\n' "$value"
    printf 'url: https://h/?x=%s\\n' "$(printf %s "$value" | od -An -v -tx1 | tr -d '\\n' | tr ' ' %)"
    printf 'base64: %s\\n' "$(printf %s "$value" | base64 -w0)"
    printf 'auth: Basic %s\\n' "$(printf 'backup:%s' "$value" | base64 -w0)"
    printf 'json: {"x":"%s"}\\n' "$(printf %s "$value" | sed 's/[\\\\"]/\\\\&/g')"
  done
} >&2`;

type Env = Record<string, string>;

/** The places a secret can come from; each alone, so that none hides behind another. */
function sources(folder: {
  file(name: string): string;
}): Record<string, () => { env: Env; marks: string[] }> {
  const file = (name: string, text: string): string => {
    writeFileSync(folder.file(name), text, { mode: 0o600 });
    return folder.file(name);
  };
  const encode = encodeURIComponent;
  return {
    DB_PASSWORD: () => ({ env: { DB_PASSWORD: secret("A") }, marks: ["A"] }),
    DB_PASSWORD_FILE: () => ({ env: { DB_PASSWORD_FILE: file("pw", `${secret("B")}\n`) }, marks: ["B"] }),
    "the password of DB_URI": () => ({
      env: { DB_HOST: "", DB_NAME: "", DB_USER: "", DB_URI: `postgresql://joe:${encode(secret("C"))}@h/app` },
      marks: ["C"],
    }),
    "a parameter of DB_URI": () => ({
      env: {
        DB_HOST: "",
        DB_NAME: "",
        DB_USER: "",
        DB_URI: `postgresql://joe@h/app?password=${encode(secret("D"))}`,
      },
      marks: ["D"],
    }),
    "a parameter of the remote": () => ({
      env: { RCLONE_REMOTE: `:sftp,host=127.0.0.1,port=9,pass="${secret("E")}":x` },
      marks: ["E"],
    }),
    "a variable of the remote": () => ({
      env: {
        RCLONE_REMOTE: "v:x",
        RCLONE_CONFIG_V_TYPE: "webdav",
        RCLONE_CONFIG_V_URL: `http://joe:${encode(secret("F"))}@127.0.0.1:9/x`,
        RCLONE_CONFIG_V_BEARER_TOKEN: secret("G"),
      },
      marks: ["F", "G"],
    }),
    "rclone.conf": () => ({
      env: {
        RCLONE_REMOTE: "c:x",
        RCLONE_CONFIG_FILE: file(
          "rclone.conf",
          `[c]\ntype = webdav\nurl = http://joe:${encode(secret("H"))}@127.0.0.1:9/\nbearer_token = ${secret("I")}\n`,
        ),
      },
      marks: ["H", "I"],
    }),
    RCLONE_CONFIG: () => ({
      env: {
        RCLONE_REMOTE: "c:x",
        RCLONE_CONFIG: Buffer.from(
          `[c]\ntype = webdav\nurl = http://127.0.0.1:9/\nbearer_token = ${secret("J")}\n`,
        ).toString("base64"),
      },
      marks: ["J"],
    }),
    "a proxy": () => ({
      env: { HTTPS_PROXY: `http://joe:${encode(secret("K"))}@127.0.0.1:9` },
      marks: ["K"],
    }),
    "the credentials of a cloud": () => ({ env: { AWS_SECRET_ACCESS_KEY: secret("L") }, marks: ["L"] }),
    "a flag of rclone": () => ({
      env: { RCLONE_EXTRA_ARGS: `--s3-secret-access-key "${secret("M").replaceAll(/["$`\\]/g, "x")}"` },
      marks: ["M"],
    }),
    "a key of many lines": () => ({
      env: {
        RCLONE_CONFIG_V_KEY_PEM: `-----BEGIN KEY-----\n${keyLine("N")}\n${keyLine("O")}\n-----END KEY-----`,
      },
      marks: ["N", "O"],
    }),
  };
}

/** Ways in which a run says something: each makes the tools tell all they know. */
const paths: Record<string, { tools: Record<string, string>; env?: Env; exitCodes: readonly number[] }> = {
  "a dump that fails": { tools: { pg_dump: `${tellEverything}; exit 1` }, exitCodes: [1] },
  "a dump that warns": {
    tools: { pg_dump: `${tellEverything}; echo "pg_dump: warning: $PGPASSWORD" >&2; ${wholeDump(1000)}` },
    env: { DB_NAME: "app" },
    exitCodes: [0, 1, 3],
  },
  "a listing that fails": {
    tools: { pg_dump: wholeDump(1000), rclone: rcloneExcept("lsjson", `${tellEverything}; exit 1`) },
    exitCodes: [1],
  },
  "an upload that fails": {
    tools: { pg_dump: wholeDump(1000), rclone: rcloneExcept("rcat", `${tellEverything}; exit 1`) },
    exitCodes: [1],
  },
  "a rename and a check that fail": {
    tools: {
      pg_dump: wholeDump(1000),
      rclone: rcloneExcept("moveto", `${tellEverything}; exit 1`).replace(
        "exec ",
        `if [ "$1" = cat ]; then ${tellEverything}; exit 1; fi\nexec `,
      ),
    },
    exitCodes: [1],
  },
  "wrong settings": { tools: {}, env: { RETENTION_MAX_DAYS: "7d", BACKUP_LOCK: "maybe" }, exitCodes: [2] },
  "a dry run": { tools: {}, env: { DRY_RUN: "true" }, exitCodes: [0] },
};

describe("no secret shows, whatever the tools print,", () => {
  const folder = tempFolder("secrets");
  afterAll(() => folder.remove());
  for (const [source, make] of Object.entries(sources(folder))) {
    for (const [path, { tools, env = {}, exitCodes }] of Object.entries(paths)) {
      test(`of ${source}: ${path}`, async () => {
        const { env: given, marks } = make();
        using fakes = fakeTools(tools);
        using place = tempFolder("out");
        await using webhook = startWebhook();
        const seen = place.file("hook");
        const result = await startDbstash("pg", {
          path: [fakes.dir],
          env: {
            DB_HOST: "127.0.0.1",
            DB_NAME: "app",
            DB_USER: "joe",
            RCLONE_REMOTE: `${place.path}/out`,
            LOG_LEVEL: "debug",
            NOTIFY_WEBHOOK_URL: webhook.url,
            NOTIFY_ON: "always",
            HOOK_POST_BACKUP: `env | grep ^DBSTASH_ >'${seen}'`,
            ...env,
            ...given,
          },
        }).exited;
        expect(exitCodes).toContain(result.exitCode ?? -1);
        const told = everything(
          result,
          webhook.requests.map(({ body }) => body),
          seen,
          fakes,
        );
        // The tools have told, and it was masked: else nothing is shown here.
        if (path === "a dump that fails" && source.includes("DB_")) expect(told).toContain("[secret]");
        for (const mark of marks) for (const trace of traces(mark)) expect(contextOf(told, trace)).toBeNull();
      });
    }
  }

  test("a password that is a word of ours is not masked in our own words, nor in names", async () => {
    using fakes = fakeTools({ pg_dump: `echo "login backup refused" >&2; exit 1` });
    using place = tempFolder("out");
    const run = (env: Env) =>
      startDbstash("pg", {
        path: [fakes.dir],
        env: {
          DB_HOST: "h",
          DB_NAME: "app",
          DB_USER: "joe",
          DB_PASSWORD: "backup",
          RCLONE_REMOTE: place.path,
          ...env,
        },
      }).exited;
    const { lastLine } = await run({});
    expect(lastLine).toMatchObject({ msg: "backup failed" });
    expect(String(lastLine?.["error"])).toBe("pg_dump failed (exit code 1): login [secret] refused");
    const dry = await run({ DRY_RUN: "true" });
    expect(dry.stdout).not.toContain("[secret] ");
  });
});

/** All that a person, a file or another process gets to see of a run. */
function everything(
  result: DbstashResult,
  messages: readonly string[],
  hookFile: string,
  fakes: { calls(tool: string): string[][] },
): string {
  let hook = "";
  try {
    hook = readFileSync(hookFile, "utf8");
  } catch {
    // The hook runs only when a dump began.
  }
  const argv = ["pg_dump", "rclone"].flatMap((tool) => fakes.calls(tool)).map((words) => words.join(" "));
  return [result.stdout, result.stderr, ...messages, hook, ...argv].join("\n");
}

/** The text around what must not be there; null where it is not. */
function contextOf(text: string, trace: string): string | null {
  const at = text.indexOf(trace);
  return at < 0 ? null : text.slice(Math.max(0, at - 150), at + 60);
}
