import { describe, expect } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import type { EngineName } from "../../src/kinds.ts";
import { componentPath, needs } from "../support/components.ts";
import { runDbstash } from "../support/dbstash.ts";
import { fakeTools } from "../support/fake-tools.ts";
import { runOk, systemPath } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";
import { wholeDump } from "./whole-dump.ts";

const { test } = needs("rclone-current");

type Env = Readonly<Record<string, string>>;

const uri = "postgresql://joe:hunter22@127.0.0.1:9/shop";

/** What is refused before anything runs: the engine, the settings, and what the answer says. */
type Refusal = readonly [engine: EngineName, env: Env, said: readonly RegExp[]];

const remotes: readonly Refusal[] = [
  ["pg", { RCLONE_REMOTE: "my-bucket/x" }, [/has no colon/, /\/my-bucket\/x or \.\/my-bucket\/x/]],
  ["pg", { RCLONE_REMOTE: "~/backups" }, [/begins with ~/]],
  ["pg", { RCLONE_REMOTE: '"/backups"' }, [/quotes/]],
  ["pg", { RCLONE_REMOTE: "${DIR}/x" }, [/\$\{DIR\}/]],
  ["pg", { RCLONE_REMOTE: "/backups # local" }, [/#/]],
  ["pg", { RCLONE_REMOTE: "s3://bucket/x" }, [/s3:bucket\/x/]],
  ["pg", { RCLONE_REMOTE: "/backups/$(date)" }, [/\$\(/]],
  ["pg", { RCLONE_EXTRA_ARGS: "--name-transform all,prefix=X" }, [/--name-transform/]],
  ["pg", { RCLONE_NAME_TRANSFORM: "all,prefix=X" }, [/RCLONE_NAME_TRANSFORM/]],
  ["pg", { RCLONE_EXTRA_ARGS: '"--transfers 2"' }, [/--transfers=/]],
  ["pg", { RCLONE_EXTRA_ARGS: "--help" }, [/--help/]],
  ["pg", { RCLONE_DRY_RUN: "true" }, [/RCLONE_DRY_RUN/]],
  ["pg", { RCLONE_REMOTE: "x,global.dry_run=true:y" }, [/global\.dry_run/]],
  ["pg", { RCLONE_CONFIG: "/no/rclone.conf" }, [/RCLONE_CONFIG \(.*\) names \/no\/rclone.conf, which does/]],
  ["pg", { RCLONE_CONFIG: "~/rclone.conf" }, [/RCLONE_CONFIG_FILE/]],
  ["pg", { RCLONE_REMOTE: "gdrive:Kunden #42/db" }, [/write \\# for the #/]],
  ["pg", { RCLONE_EXTRA_ARGS: "-P --use-json-log" }, [/must not hold -P/, /must not hold --use-json-log/]],
];

const databases: readonly Refusal[] = [
  ["pg", { DB_URI: "postgresql://h/postgres", DB_NAME: "shop" }, [/DB_NAME/, /DB_URI/]],
  ["pg", { DB_URI: "postgresql://joe@h/shop", DB_USER: "ann" }, [/DB_USER/]],
  ["pg", { DB_URI: "postgresql://h:5432/shop", DB_PORT: "5433" }, [/DB_PORT/]],
  ["mongo", { DB_URI: "mongodb://h/admin", DB_NAME: "shop" }, [/\/shop\?authSource=admin/]],
  ["mysql", { DB_URI: 'mysql://h/shop?ssl={"ca":"-----BEGIN"}' }, [/ssl/]],
  ["mysql", { DB_URI: "mysql://h/shop?ssl=Amazon%20RDS" }, [/ssl-mode=VERIFY_IDENTITY/]],
  ["mysql", { DB_URI: "mysql://h/shop?tls=custom" }, [/tls/, /ssl-ca/]],
  ["mariadb", { DB_URI: "mariadb://h/shop?trustStore=/x.jks" }, [/trustStore/]],
  ["mongo", { DB_URI: "mongodb://h/shop?tlsCRLFile=/x" }, [/tlsCRLFile/]],
  ["redis", { DB_URI: "redis://h?cacert=/etc/hosts" }, [/rediss:/]],
  ["redis", { DB_URI: "rediss://h?ssl_check_hostname=true" }, [/ssl_check_hostname/]],
  ["pg", { DB_URI: "postgresql://h/shop?sslmode=strong" }, [/sslmode/, /verify-full/]],
  ["pg", { DB_URI: "postgresql://h/shop?sslrootcert=/nowhere.pem&sslmode=verify-ca" }, [/\/nowhere\.pem/]],
  ["pg", { DB_URI: "postgresql://h/shop?secure_thing=1" }, [/secure_thing/]],
  ["pg", { DB_URI: "postgresql://h/shop?sslmode=require&sslmode=disable" }, [/sslmode/]],
  ["pg", { DB_URI: "", DB_HOST: "postgresql://joe:hunter22@h/shop", DB_NAME: "shop" }, [/DB_HOST/, /DB_URI/]],
  ["pg", { DB_URI: "postgresql+psycopg2://joe:hunter22@h/shop" }, [/write postgresql:\/\/ instead/]],
  ["pg", { DB_URI: "jdbc:postgresql://h/shop?password=hunter22" }, [/begins with postgresql:\/\//]],
  ["mysql", { DB_URI: "mysql2://joe:hunter22@h/shop" }, [/write mysql:\/\/ instead/]],
  ["redis", { DB_URI: "redis+sentinel://:hunter22@h/mymaster" }, [/get-master-addr-by-name/]],
  ["mongo", { DB_URI: "mongodb://h/shop?tlsAllowInvalidHostnames=true" }, [/tlsInsecure=true/]],
  ["redis", { DB_URI: "localhost" }, [/redis:\/\//]],
  ["mysql", { DB_URI: "localhost" }, [/mysql:\/\//]],
];

const others: readonly Refusal[] = [
  ["pg", { BACKUP_SCHEDULE: "0 25 * * *" }, [/25/, /hour/i]],
  ["pg", { BACKUP_SCHEDULE: "@every 6h" }, [/0 \*\/6 \* \* \*/]],
  ["pg", { BACKUP_SCHEDULE: "0 2 * *" }, [/four|4/i]],
  ["pg", { BACKUP_SCHEDULE: "*/90 * * * *" }, [/90/]],
  ["pg", { BACKUP_NAME_TEMPLATE: "{db}-%Y%m%d" }, [/%Y/, /\{date\}/]],
  ["pg", { BACKUP_NAME_TEMPLATE: "{db}-$(date)" }, [/date/, /\{timestamp\}/]],
  ["pg", { RETENTION_MAX_DAYS: "7d" }, [/RETENTION_MAX_DAYS \(--retention-max-days\)/, /7d/]],
  ["pg", { BACKUP_LOCK: "maybe" }, [/BACKUP_LOCK/, /maybe/]],
  ["pg", { BACKUP_UMASK: "999" }, [/BACKUP_UMASK/]],
  ["pg", { HOOK_TIMEOUT: "soon" }, [/HOOK_TIMEOUT/]],
  ["pg", { TZ: "Mars/Olympus" }, [/TZ/]],
];

describe("refused before anything runs, with what to write instead:", () => {
  for (const [engine, env, said] of [...remotes, ...databases, ...others])
    test(`${engine}: ${Object.entries(env)
      .map(([name, value]) => `${name}=${value}`)
      .join(" ")}`, async () => {
      using folder = tempFolder("edges");
      using fakes = fakeTools({ pg_dump: wholeDump(10), mysqldump: "exit 1", mongodump: "exit 1" });
      const result = await runDbstash(engine, {
        path: [fakes.dir],
        cwd: folder.path,
        env: { DB_URI: uri.replace("postgresql", schemes[engine]), RCLONE_REMOTE: folder.path, ...env },
      });
      expect(result.stderr).toMatch(/^error: /);
      for (const pattern of said) expect(result.stderr).toMatch(pattern);
      expect(result.stderr + result.stdout).not.toContain("hunter22");
      expect(result.exitCode).toBe(2);
      expect(readdirSync(folder.path)).toEqual([]);
      expect(["pg_dump", "mysqldump", "mongodump"].flatMap((tool) => fakes.calls(tool))).toEqual([]);
    });
});

const schemes: Readonly<Record<EngineName, string>> = {
  pg: "postgresql",
  mongo: "mongodb",
  mysql: "mysql",
  mariadb: "mariadb",
  redis: "redis",
};

/** What is taken, and means what its writer meant: the environment, and a word of the log, if one is due. */
const taken: readonly (readonly [title: string, env: (folder: string) => Env, logged: RegExp | null])[] = [
  [
    "blanks and a carriage return behind the remote",
    (folder) => ({ RCLONE_REMOTE: ` ${folder}/out \r` }),
    null,
  ],
  [
    "a service's variables of Kubernetes",
    (folder) => ({
      RCLONE_REMOTE: `${folder}/out`,
      DB_PORT: "tcp://10.0.0.1:5432",
      HEALTH_PORT: "tcp://10.0.0.2:8080",
    }),
    /enableServiceLinks/,
  ],
  ["a time zone as a path", (folder) => ({ RCLONE_REMOTE: `${folder}/out`, TZ: ":Europe/Berlin" }), null],
  ["the system's time zone", (folder) => ({ RCLONE_REMOTE: `${folder}/out`, TZ: ":/etc/localtime" }), null],
  [
    "an extension in the template",
    (folder) => ({ RCLONE_REMOTE: `${folder}/out`, BACKUP_NAME_TEMPLATE: "{db}-{ts}.sql" }),
    null,
  ],
  [
    "parts that say the same as the URI",
    (folder) => ({ RCLONE_REMOTE: `${folder}/out`, DB_NAME: "shop", DB_USER: "joe" }),
    null,
  ],
  [
    "flags of rclone's log alone",
    (folder) => ({ RCLONE_REMOTE: `${folder}/out`, RCLONE_EXTRA_ARGS: "--stats 10s -qv --log-level=DEBUG" }),
    /RCLONE_EXTRA_ARGS \(--rclone-extra-args\) holds --stats, which is left out/,
  ],
  [
    "rclone's own variables of its log",
    (folder) => ({ RCLONE_REMOTE: `${folder}/out`, RCLONE_STATS: "10s", RCLONE_PROGRESS: "true" }),
    /RCLONE_PROGRESS, RCLONE_STATS are passed over/,
  ],
  [
    "several headers that are no secrets",
    (folder) => ({
      RCLONE_REMOTE: `${folder}/out`,
      RCLONE_EXTRA_ARGS: "--header 'X-Amz-Acl: private' --header 'Cache-Control: no-store'",
    }),
    null,
  ],
  [
    "an unknown parameter that is none of security",
    (folder) => ({ RCLONE_REMOTE: `${folder}/out`, DB_URI: `${uri}?colour=blue` }),
    /colour/,
  ],
];

describe("taken, and stored where it was meant:", () => {
  for (const [title, make, logged] of taken)
    test(title, async () => {
      using folder = tempFolder("edges");
      using fakes = fakeTools({ pg_dump: wholeDump(10) });
      const result = await runDbstash("pg", {
        path: [fakes.dir],
        env: { DB_URI: uri, ...make(folder.path) },
      });
      expect(result.exitCode).toBe(0);
      const [name = ""] = readdirSync(folder.file("out"));
      expect(name).toMatch(/^shop-[^.]+\.sql$/);
      if (logged !== null) expect(result.stdout).toMatch(logged);
    });

  test("a folder's name with a # behind a blank, and rclone's own variable with the path of its configuration", async () => {
    using folder = tempFolder("edges");
    using fakes = fakeTools({ pg_dump: wholeDump(10) });
    writeFileSync(folder.file("rclone.conf"), `[drive]\ntype = alias\nremote = ${folder.path}\n`);
    const env = {
      DB_URI: uri,
      RCLONE_REMOTE: "drive:Kunden \\#42/db",
      RCLONE_CONFIG: folder.file("rclone.conf"),
      HOOK_POST_BACKUP: 'echo "by $RCLONE_CONFIG"',
    };
    const result = await runDbstash("pg", { path: [fakes.dir], env });
    expect([result.exitCode, readdirSync(folder.file("Kunden #42/db")).length]).toEqual([0, 1]);
    expect(result.stdout).toContain(`by ${folder.file("rclone.conf")}`);
  });

  test("an encrypted configuration, with its password alone; a remote that is not in it is told with its path", async () => {
    using folder = tempFolder("edges");
    using fakes = fakeTools({ pg_dump: wholeDump(10) });
    const conf = folder.file("rclone.conf");
    writeFileSync(conf, `[store]\ntype = alias\nremote = ${folder.path}\n`);
    await runOk([componentPath("rclone-current"), "config", "encryption", "set", "--config", conf], {
      env: { PATH: systemPath, HOME: folder.path, RCLONE_PASSWORD_COMMAND: "echo hunter22" },
    });
    const run = (env: Env) =>
      runDbstash("pg", {
        path: [fakes.dir],
        env: {
          DB_URI: uri.replace("hunter22", "x"),
          RCLONE_CONFIG_FILE: conf,
          RCLONE_REMOTE: "store:out",
          ...env,
        },
      });
    const locked = await run({});
    expect([locked.exitCode, locked.stderr.split("\n")[0]]).toEqual([
      2,
      `error: ${conf} is encrypted, and nothing tells its password`,
    ]);
    const good = await run({
      RCLONE_CONFIG_PASS: "hunter22",
      HOOK_POST_BACKUP: 'echo "$RCLONE_CONFIG_PASS"',
    });
    expect([good.exitCode, readdirSync(folder.file("out")).length]).toEqual([0, 1]);
    expect(good.stdout).not.toContain("hunter22");
    const wrong = await run({ RCLONE_CONFIG_PASS: "hunter23" });
    expect(String(wrong.lastLine?.["hint"])).toMatch(/RCLONE_CONFIG_PASS .* does not open it/);
    const other = await run({ RCLONE_CONFIG_PASS: "hunter22", RCLONE_REMOTE: "other:out" });
    expect(String(other.lastLine?.["hint"])).toContain(`is not in ${conf}; rclone listremotes`);
  });

  test("an empty file of a secret says that it is empty", async () => {
    using folder = tempFolder("edges");
    writeFileSync(folder.file("e"), "");
    const result = await runDbstash("pg", {
      env: { DB_URI_FILE: folder.file("e"), RCLONE_REMOTE: folder.path },
    });
    expect(result.exitCode).toBe(2);
    expect(result.stderr).toMatch(/DB_URI_FILE.*empty/);
  });

  test("a byte order mark in it is passed over", async () => {
    using folder = tempFolder("edges");
    using fakes = fakeTools({ pg_dump: wholeDump(10) });
    writeFileSync(folder.file("uri"), `\uFEFF${uri}\r\n`);
    const env = { DB_URI_FILE: folder.file("uri"), RCLONE_REMOTE: folder.file("out") };
    expect((await runDbstash("pg", { path: [fakes.dir], env })).exitCode).toBe(0);
  });

  test("a format that extra arguments ask for has its extension", async () => {
    using folder = tempFolder("edges");
    using fakes = fakeTools({ pg_dump: "printf 'PGDMP'; head -c 5000 /dev/zero" });
    const env = { DB_URI: uri, RCLONE_REMOTE: folder.file("out"), DUMP_EXTRA_ARGS: "-Fc" };
    expect((await runDbstash("pg", { path: [fakes.dir], env })).exitCode).toBe(0);
    expect(readdirSync(folder.file("out"))[0]).toEndWith(".dump");
  });

  test("`list` and `verify` need no connection to the database", async () => {
    using folder = tempFolder("edges");
    mkdirSync(folder.file("out"));
    const env = { DB_NAME: "shop", RCLONE_REMOTE: folder.file("out") };
    expect((await runDbstash("pg", { args: ["list"], env })).exitCode).toBe(0);
    expect((await runDbstash("pg", { args: ["verify"], env })).exitCode).toBe(1);
  });
});

describe("parameters and remotes made by variables reach rclone as without dbstash:", () => {
  const cases: readonly (readonly [title: string, conf: string, remote: string, env: Env])[] = [
    ["an override of a name with a dash", "[my-alias]\ntype = alias\nremote = A\n", "my-alias,remote=B:", {}],
    [
      "an override of a name with dots and blanks",
      "[my al.ias]\ntype = alias\nremote = A\n",
      'my al.ias,remote="B":',
      {},
    ],
    ["a remote made by variables, with a dash", "", "my-x:B", { "RCLONE_CONFIG_MY-X_TYPE": "local" }],
    [
      "a chain in the connection string",
      "[my-alias]\ntype = alias\nremote = A\n",
      ":alias,remote='my-alias,remote=\"B\":':",
      {},
    ],
  ];
  for (const [title, conf, remote, more] of cases)
    test(title, async () => {
      using folder = tempFolder("edges");
      using fakes = fakeTools({ pg_dump: wholeDump(10) });
      const at = (text: string): string =>
        text.replace(/\bA\b/, folder.file("A")).replace(/\bB\b/, folder.file("B"));
      writeFileSync(folder.file("rclone.conf"), at(conf));
      chmodSync(folder.file("rclone.conf"), 0o600);
      const env = {
        DB_URI: uri,
        RCLONE_REMOTE: at(remote),
        ...(conf === "" ? {} : { RCLONE_CONFIG_FILE: folder.file("rclone.conf") }),
        ...more,
      };
      const result = await runDbstash("pg", { path: [fakes.dir], env });
      expect(result.exitCode).toBe(0);
      expect(readdirSync(folder.file("B"))).toHaveLength(1);
      expect(existsSync(folder.file("A"))).toBe(false);
    });
});
