import { expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { needs } from "../support/components.ts";
import { type DbstashResult, runDbstash } from "../support/dbstash.ts";
import { tempFolder } from "../support/temp.ts";
import { startWebhook, type WebhookRequest } from "../support/webhook.ts";
import { checkJson, checkTeams } from "../unit/notify/shapes.ts";
import { localPlace, startFaultRun, tools } from "./places.ts";

const { describe, test } = needs("rclone-current");

/** The executable's run of a dump, told to whom the environment says. */
async function run(env: Record<string, string>, dump = "echo boom >&2; exit 1"): Promise<DbstashResult> {
  using place = localPlace();
  using fakes = tools({ pg_dump: dump });
  return await startFaultRun({ place, tools: fakes, env }).exited;
}

const at = (requests: readonly WebhookRequest[], path: string): WebhookRequest[] =>
  requests.filter((request) => request.path.startsWith(path));
const untold = ({ lines }: DbstashResult): unknown[] =>
  lines
    .filter(({ msg }) => msg === "the notification could not be delivered")
    .map(({ webhook, error }) => [webhook, error]);

describe("several webhooks in one setting", () => {
  test("each get the message in their own language", async () => {
    await using receiver = startWebhook();
    const { url } = receiver;
    const telegram = `telegram+${url}/bot1:topsecret/sendMessage?chat_id=-100`;
    const NOTIFY_WEBHOOK_URL = [
      `${url}/mattermost`,
      `discord+${url}/discord`,
      `json+${url}/json`,
      `ntfy+${url}/topic`,
      `teams+${url}/teams`,
      telegram,
    ].join("  \n");
    const result = await run({ NOTIFY_WEBHOOK_URL });
    expect(result.exitCode).toBe(1);
    expect(receiver.requests).toHaveLength(6);
    expect(receiver.requests.every(({ method }) => method === "POST")).toBe(true);
    const title = "❌ backup of app (pg) failed";
    expect(at(receiver.requests, "/mattermost")[0]?.json).toMatchObject({ text: title });
    expect(at(receiver.requests, "/discord")[0]?.json).toMatchObject({ embeds: [{ title }] });
    checkTeams(at(receiver.requests, "/teams")[0]?.json);
    expect(at(receiver.requests, "/teams")[0]?.body).toContain(`"text":"${title}"`);
    const [bot] = at(receiver.requests, "/bot1:topsecret");
    expect(bot?.path).toBe("/bot1:topsecret/sendMessage");
    expect(bot?.json).toMatchObject({
      chat_id: "-100",
      text: expect.stringMatching(/^❌ .*\n\n.*boom/s) as string,
    });
    const [topic] = at(receiver.requests, "/topic");
    expect(topic?.headers["x-title"]).toMatch(/^=\?UTF-8\?B\?/);
    expect(topic?.body).toContain("boom");
    expect(untold(result)).toEqual([]);
  });

  test("one that refuses, hangs up or answers 500 does not stop the others", async () => {
    await using good = startWebhook();
    await using bad = startWebhook();
    await using gone = startWebhook();
    await gone.stop();
    bad.script([{ status: 403, body: "no topsecretpart for you" }]);
    const NOTIFY_WEBHOOK_URL = `${bad.url}/topsecretpart ${gone.url}/gone json+${good.url}/taken`;
    const result = await run({ NOTIFY_WEBHOOK_URL });
    expect(good.requests).toHaveLength(1);
    expect(untold(result)).toEqual([
      ["1 of 3", "the webhook answered 403: no [secret] for you"],
      ["2 of 3", "the webhook can't be reached (ECONNREFUSED)"],
    ]);
    expect(result.stdout + result.stderr).not.toMatch(/topsecret|127\.0\.0\.1:/);
  }, 30_000);

  test("are each a secret, also from a file", async () => {
    using folder = tempFolder("urls");
    await using receiver = startWebhook();
    const urls = [`${receiver.url}/first-secret-part`, `${receiver.url}/other-secret-part`];
    writeFileSync(folder.file("urls"), `json+${urls.join("\n")}\n`);
    const env = {
      NOTIFY_WEBHOOK_URL_FILE: folder.file("urls"),
      HOOK_PRE_BACKUP: `echo ${urls.join(" and ")}`,
    };
    const result = await run(env, "echo data");
    expect(result.exitCode).toBe(0);
    expect(result.stdout).toContain("[secret] and [secret]");
    expect(result.stdout).not.toContain("secret-part");
  });
});

describe("json+", () => {
  const outcomes: [string, number, string, Record<string, string>][] = [
    ["success", 0, "echo data", { NOTIFY_ON: "always" }],
    ["warning", 3, "echo data", { HOOK_POST_BACKUP: "exit 7" }],
    ["failure", 1, "exit 1", {}],
  ];
  for (const [status, code, dump, env] of outcomes)
    test(`says ${status} of a run that ends with ${code}, in the fields of its last line`, async () => {
      await using receiver = startWebhook();
      const result = await run({ NOTIFY_WEBHOOK_URL: `json+${receiver.url}/hook`, ...env }, dump);
      expect(result.exitCode).toBe(code);
      const [request] = receiver.requests;
      checkJson(request?.json);
      const { time: _time, level: _level, ...last } = result.lastLine ?? {};
      expect(request?.json).toMatchObject({ ...last, status });
    });
});

test("a busy platform is asked again when it says so, by its header or its answer", async () => {
  await using receiver = startWebhook();
  const answer = '{"ok":false,"error_code":429,"parameters":{"retry_after":1}}';
  receiver.script([{ status: 429, headers: { "retry-after": "1" } }, { status: 429, body: answer }, {}]);
  const result = await run({ NOTIFY_WEBHOOK_URL: receiver.url });
  const times = receiver.requests.map(({ atMs }) => atMs);
  expect(times).toHaveLength(3);
  for (const [index, atMs] of times.slice(1).entries())
    expect(atMs - (times[index] ?? 0)).toBeGreaterThan(900);
  // The pauses of dbstash's own would be 2 s and 8 s.
  expect((times[2] ?? 0) - (times[0] ?? 0)).toBeLessThan(9000);
  expect(untold(result)).toEqual([]);
}, 20_000);

describe("wrong settings", () => {
  const wrong = { TZ: "Europe/Atlantis" };

  test("are told of in once mode, and so is `backup`", async () => {
    await using receiver = startWebhook();
    const env = { NOTIFY_WEBHOOK_URL: `json+${receiver.url}/hook`, ...wrong };
    const result = await run(env);
    expect([result.exitCode, result.stdout]).toEqual([2, ""]);
    expect(receiver.requests.map(({ json }) => json)).toMatchObject([
      {
        status: "failure",
        exit_code: 2,
        engine: "pg",
        database: "app",
        error: expect.stringMatching(/TZ/) as string,
      },
    ]);
    expect(result.stderr).toStartWith("error: TZ (--tz) ");
    expect(result.stderr).not.toContain("warning");
  });

  const untoldTo: [string, Record<string, string>][] = [
    ["a schedule: it may be started again every minute", { BACKUP_SCHEDULE: "0 2 * * *" }],
    ["whom only success is to be told", { NOTIFY_ON: "success" }],
    ["a dry run", { DRY_RUN: "true" }],
  ];
  for (const [whom, env] of untoldTo)
    test(`are no message for ${whom}`, async () => {
      await using receiver = startWebhook();
      const result = await run({ NOTIFY_WEBHOOK_URL: receiver.url, ...wrong, ...env });
      expect(result.exitCode).toBe(2);
      expect(receiver.requests).toEqual([]);
    });

  test("of a webhook are told to the other ones, and the address is not shown", async () => {
    await using receiver = startWebhook();
    const NOTIFY_WEBHOOK_URL = `matrix+https://topsecretpart/x ${receiver.url}/hook`;
    const result = await run({ NOTIFY_WEBHOOK_URL });
    expect(result.exitCode).toBe(2);
    expect(receiver.requests).toHaveLength(1);
    expect(receiver.requests[0]?.body).toContain("URL 1 of 2 has an unknown prefix before its https://");
    expect(result.stderr).toMatch(/hint: .*discord\+, json\+, ntfy\+, slack\+, teams\+, telegram\+/);
    expect(result.stderr + receiver.requests[0]?.body).not.toContain("topsecret");
  });

  test("that nobody takes are a warning beside the error", async () => {
    await using receiver = startWebhook();
    receiver.script([{ status: 404, body: "" }]);
    const env = { NOTIFY_WEBHOOK_URL: receiver.url, PING_URL: `${receiver.url}/ping`, ...wrong };
    const { exitCode, stderr } = await run(env);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^error: TZ/);
    expect(stderr).toEndWith(
      "warning: nobody was told: the webhook answered 404\nwarning: nobody was told: the ping's address answered 404\n",
    );
  });

  test("in the file of --env-file are told to whom the environment names", async () => {
    using folder = tempFolder("env");
    await using receiver = startWebhook();
    writeFileSync(folder.file("job.env"), 'DB_NAME="a\nb c\n');
    using place = localPlace();
    using fakes = tools({ pg_dump: "echo data" });
    const result = await runDbstash("pg", {
      path: [fakes.dir],
      args: ["--env-file", folder.file("job.env")],
      env: {
        RCLONE_REMOTE: place.remote,
        NOTIFY_WEBHOOK_URL: receiver.url,
        PING_URL: `${receiver.url}/ping`,
      },
    });
    expect(result.exitCode).toBe(2);
    expect(receiver.requests.map(({ path }) => path).toSorted()).toEqual(["/", "/ping/fail"]);
  });

  test("of a look at the places are told to nobody", async () => {
    await using receiver = startWebhook();
    const env = { NOTIFY_WEBHOOK_URL: receiver.url, PING_URL: receiver.url, ...wrong };
    for (const word of ["list", "verify", "prune", "check"])
      expect((await runDbstash("pg", { args: [word], env })).exitCode).toBe(2);
    expect(receiver.requests).toEqual([]);
  });
});
