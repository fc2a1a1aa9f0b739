import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type AnyRow, options } from "../../src/config/options.ts";
import { readSettings } from "../../src/config/config.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { mongo } from "../../src/engine/mongo/mongo.ts";
import { postgres } from "../../src/engine/postgres/postgres.ts";
import { resolveJob } from "../../src/job/job.ts";
import { documentText, fenced } from "../support/documents.ts";
import { tempFolder } from "../support/temp.ts";

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

interface Service {
  readonly image: string;
  readonly profiles?: readonly string[];
  readonly secrets: readonly string[];
  readonly volumes: readonly string[];
  readonly environment: Readonly<Record<string, string | number>>;
  readonly read_only: boolean;
}

const compose = Bun.YAML.parse(
  readFileSync(join(import.meta.dirname, "../../docker-compose.example.yml"), "utf8"),
) as Compose;

const secretTexts: Readonly<Record<string, string>> = {
  pg_uri: "postgresql://backup:password@postgres/shop\n",
  db_uri: "postgresql://backup:password@postgres/shop\n",
  mongo_password: "password\n",
  DB_URI: "postgresql://backup:password@postgres/shop\n",
  "rclone.conf": "[s3]\ntype = s3\n",
};

const webhooks: Readonly<Record<string, string>> = {
  DISCORD_WEBHOOK_URL: "https://discord.com/api/webhooks/1/x",
  SLACK_WEBHOOK_URL: "https://hooks.slack.com/services/x",
};

/**
 * The job that an example's environment is, with secrets from files of the test's own.
 * @param outside what Compose puts in the place of `${NAME:-}`
 */
function jobOf(
  engine: Engine,
  { environment }: Pick<Service, "environment">,
  outside: Readonly<Record<string, string>> = webhooks,
) {
  using folder = tempFolder("secrets");
  for (const [name, text] of Object.entries(secretTexts)) writeFileSync(folder.file(name), text);
  const env = Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      String(value)
        .replace(/^(\/run)?\/secrets\//, `${folder.path}/`)
        .replace(/^\$\{(\w+):-\}$/, (_, variable: string) => outside[variable] ?? ""),
    ]),
  );
  const reading = readSettings(engine.name, {
    flags: new Map(),
    env,
    readFile: (path) => readFileSync(path, "utf8"),
  });
  return resolveJob(engine, reading, env);
}

const jobs: readonly [string, Engine][] = [
  ["backup-postgres", postgres],
  ["backup-mongo", mongo],
];

test("the example has these jobs, in images of their engines, and gives every secret to one", () => {
  expect(Object.entries(compose.services).map(([name, { image }]) => [name, image])).toEqual([
    ["backup-postgres", "ghcr.io/viperadnan/dbstash:pg-17"],
    ["backup-mongo", "ghcr.io/viperadnan/dbstash:mongo-8"],
  ]);
  const given = Object.values(compose.services).flatMap(({ secrets }) => secrets);
  expect(new Set(given)).toEqual(new Set(Object.keys(compose.secrets)));
});

test("as it is pasted it starts one job, which wants one secret and names no host of the database", () => {
  const started = Object.entries(compose.services).filter(([, { profiles = [] }]) => profiles.length === 0);
  expect(started.map(([name, { secrets }]) => [name, secrets])).toEqual([["backup-postgres", ["pg_uri"]]]);
  expect(JSON.stringify(compose.services["backup-postgres"])).not.toMatch(/5432|"postgres"|@postgres/);
});

for (const [name, engine] of jobs) {
  const service = compose.services[name];
  if (service === undefined) throw new Error(`no service ${name}`);

  test(`${name} names nothing but settings`, () => {
    const known = Object.values(options).flatMap((row: AnyRow) => [row.variable, `${row.variable}_FILE`]);
    expect(Object.keys(service.environment).filter((variable) => !known.includes(variable))).toEqual([]);
  });

  test(`${name} is a valid configuration, without a warning, as soon as its secrets are there`, () => {
    const job = jobOf(engine, service);
    expect(job.warnings).toEqual([]);
    expect(job.secrets.length).toBeGreaterThan(1);
  });

  test(`${name} does without its webhook`, () => {
    const { settings, warnings } = jobOf(engine, service, {});
    expect([settings.notifyWebhookUrl, warnings]).toEqual([null, []]);
  });

  test(`${name} has rclone.conf where the image looks for it`, () => {
    expect(service.volumes).toEqual(["./secrets/rclone.conf:/config/rclone.conf:ro"]);
  });

  test(`${name} runs with a read-only root`, () => {
    expect(service.read_only).toBe(true);
  });
}

test("PostgreSQL is backed up every 6 hours, at most 20 and for 30 days, within an hour", () => {
  const service = compose.services["backup-postgres"] as Service;
  expect(jobOf(postgres, service).settings).toMatchObject({
    backupSchedule: { kind: "cron", expression: "0 */6 * * *" },
    retentionMaxFiles: 20,
    retentionMaxDays: 30,
    backupTimeout: 3_600_000,
    notifyOn: "failure",
    backupOnStart: true,
    tz: "Asia/Kolkata",
  });
});

test("MongoDB is backed up at three, for 14 days, and always told of", () => {
  const service = compose.services["backup-mongo"] as Service;
  expect(jobOf(mongo, service).settings).toMatchObject({
    backupSchedule: { kind: "cron", expression: "0 3 * * *" },
    retentionMaxDays: 14,
    notifyOn: "always",
  });
});

test("README.md's twelve lines are one job, valid and without a warning", () => {
  const [text = "", ...others] = fenced(documentText("README.md"), "yaml");
  expect([others, text.trimEnd().split("\n").length]).toEqual([[], 12]);
  const { services, secrets } = Bun.YAML.parse(text) as Compose;
  expect([Object.keys(services), Object.keys(secrets)]).toEqual([["backup"], ["db_uri"]]);
  const job = jobOf(postgres, services["backup"] as Service);
  expect(job.warnings).toEqual([]);
  expect(job.settings).toMatchObject({ retentionMaxDays: 30, rcloneRemote: "s3:my-bucket/backups" });
});

test("the documents' job of a cluster is a valid configuration, without a warning, and makes one backup", () => {
  const [text = ""] = fenced(documentText("docs/docker.md"), "yaml");
  const { spec } = Bun.YAML.parse(text) as CronJob;
  const [container] = spec.jobTemplate.spec.template.spec.containers;
  const environment = Object.fromEntries(container.env.map(({ name, value }) => [name, value]));
  const { settings, warnings } = jobOf(postgres, { environment });
  expect(warnings).toEqual([]);
  expect(settings.backupSchedule).toEqual({ kind: "once" });
});

interface CronJob {
  readonly spec: {
    readonly jobTemplate: {
      readonly spec: {
        readonly template: {
          readonly spec: {
            readonly containers: readonly [
              { readonly env: readonly { readonly name: string; readonly value: string }[] },
            ];
          };
        };
      };
    };
  };
}
