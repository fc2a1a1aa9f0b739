import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type AnyRow, options } from "../../src/config/options.ts";
import { readSettings } from "../../src/config/config.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { mongo } from "../../src/engine/mongo/mongo.ts";
import { postgres } from "../../src/engine/postgres/postgres.ts";
import { resolveJob } from "../../src/job/job.ts";
import { tempFolder } from "../support/temp.ts";

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

interface Service {
  readonly image: string;
  readonly secrets: readonly string[];
  readonly environment: Readonly<Record<string, string | number>>;
  readonly read_only: boolean;
}

const compose = Bun.YAML.parse(
  readFileSync(join(import.meta.dirname, "../../docker-compose.example.yml"), "utf8"),
) as Compose;

const secretTexts: Readonly<Record<string, string>> = {
  pg_uri: "postgresql://backup:password@postgres/shop\n",
  mongo_password: "password\n",
  rclone_conf: "[s3]\ntype = s3\n",
  DB_URI: "postgresql://backup:password@postgres/shop\n",
  "rclone.conf": "[s3]\ntype = s3\n",
  discord_webhook: "https://discord.com/api/webhooks/1/x\n",
  slack_webhook: "https://hooks.slack.com/services/x\n",
};

/** The job that an example's environment is, with secrets from files of the test's own. */
function jobOf(engine: Engine, { environment }: Pick<Service, "environment">) {
  using folder = tempFolder("secrets");
  for (const [name, text] of Object.entries(secretTexts)) writeFileSync(folder.file(name), text);
  const env = Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      String(value).replace(/^(\/run)?\/secrets\//, `${folder.path}/`),
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

test("the README's job of a cluster is a valid configuration, without a warning, and makes one backup", () => {
  const readme = readFileSync(join(import.meta.dirname, "../../README.md"), "utf8");
  const text = /```yaml\n(apiVersion: batch\/v1\n[^]*?)```/.exec(readme)?.[1] ?? "";
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
