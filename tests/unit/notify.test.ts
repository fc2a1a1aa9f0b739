import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { BackupResult } from "../../src/result.ts";
import { discordPayload } from "../../src/notify/discord.ts";
import { humanBytes, humanDuration } from "../../src/human.ts";
import { clip, type Notification, notificationOf } from "../../src/notify/message.ts";
import { type NotifyOn, shouldNotify } from "../../src/notify/notify.ts";
import { checkWebhookUrl } from "../../src/config/values.ts";
import { platformOf } from "../../src/notify/webhook.ts";
import { slackPayload } from "../../src/notify/slack.ts";

const seed = Number(process.env["TEST_SEED"] ?? crypto.getRandomValues(new Int32Array(1))[0]);
console.log(`notification properties: TEST_SEED=${seed}`);

const stored: BackupResult = {
  backupId: "019c3589-3e00-7abc-8def-0123456789ab",
  engine: "pg",
  database: "shop",
  status: "success",
  exitCode: 0,
  startedAt: new Date("2026-02-07T02:00:00.000Z"),
  durationMs: 192_000,
  bytes: 1_610_612_736,
  fileName: "shop-20260207T020000Z.sql",
  remotePath: "s3:backups/shop-20260207T020000Z.sql",
  error: null,
  warnings: [],
  signal: null,
};
const failed: BackupResult = {
  ...stored,
  status: "failure",
  exitCode: 1,
  bytes: null,
  error: { message: 'pg_dump failed: relation "a<b>" & more', hint: "look at `the` server" },
};
const warned: BackupResult = {
  ...stored,
  exitCode: 3,
  warnings: ["retention failed: no such bucket", "post hook failed"],
};

const plain = (text: string): string => text;
const message = (result: BackupResult, host: string | null = "backup-host"): Notification =>
  notificationOf(result, host, plain);

describe("a notification", () => {
  test("names the engine, database, host, size, duration, time and remote path", () => {
    expect(message(stored)).toEqual({
      ending: "success",
      title: "✅ backup of shop (pg) stored",
      error: null,
      finishedAt: new Date("2026-02-07T02:03:12.000Z"),
      fields: [
        { label: "Engine", value: "pg", short: true },
        { label: "Database", value: "shop", short: true },
        { label: "Host", value: "backup-host", short: true },
        { label: "Size", value: "1.5 GiB", short: true },
        { label: "Duration", value: "3m 12s", short: true },
        { label: "Finished", value: "2026-02-07T02:03:12Z", short: true },
        { label: "Remote path", value: "s3:backups/shop-20260207T020000Z.sql", short: false },
        { label: "Backup id", value: "019c3589-3e00-7abc-8def-0123456789ab", short: false },
      ],
    });
  });

  test("of a failure has the error and its hint, and no size", () => {
    const { title, error, fields } = message(failed, null);
    expect(title).toBe("❌ backup of shop (pg) failed");
    expect(error).toBe('pg_dump failed: relation "a<b>" & more\nhint: look at `the` server');
    expect(fields.map((field) => field.label)).not.toContain("Size");
    expect(fields.map((field) => field.label)).not.toContain("Host");
  });

  test("of a stored backup with warnings has them all", () => {
    const { title, ending, fields } = message(warned);
    expect([title, ending]).toEqual(["⚠️ backup of shop (pg) stored, with warnings", "warning"]);
    expect(fields.find((field) => field.label === "Warnings")?.value).toBe(
      "retention failed: no such bucket\npost hook failed",
    );
  });

  test("never holds a secret in its free text", () => {
    const redact = (text: string): string => text.replaceAll("hunter22", "[secret]");
    const both = { ...failed, error: { message: "hunter22!", hint: "not hunter22" }, warnings: ["hunter22"] };
    expect(JSON.stringify(notificationOf(both, null, redact))).not.toContain("hunter22");
  });
});

describe("shouldNotify", () => {
  test.each([
    ["always", [true, true, true]],
    ["failure", [false, true, true]],
    ["success", [true, true, false]],
  ] as [NotifyOn, boolean[]][])("%s tells of stored, warned, failed: %j", (on, expected) => {
    expect([stored, warned, failed].map((result) => shouldNotify(on, result))).toEqual(expected);
  });
});

test.each([
  ["https://hooks.slack.com/services/T0/B0/X", null],
  ["http://127.0.0.1:8065/hooks/abc", null],
  ["hooks.slack.com/services/T0/B0/X", "must be a URL"],
  ["", "must be a URL"],
  ["https://", "must be a URL"],
  ["https://host:99999/", "must be a URL"],
  ["ftp://host/x", "must begin with https:// or http://"],
  ["javascript:alert(1)", "must begin with https:// or http://"],
  ["C:\\hooks", "must begin with https:// or http://"],
])("the webhook %j: %p", (url, problem) => {
  expect(checkWebhookUrl(url)).toBe(problem);
});

test.each([
  ["https://discord.com/api/webhooks/1/x", "discord"],
  ["https://discordapp.com/api/webhooks/1/x", "discord"],
  ["https://canary.discord.com/api/v10/webhooks/1/x?wait=true", "discord"],
  ["https://discord.com/api/webhooks/1/x/slack", "slack"],
  ["https://discord.com/api/webhooks/1/slackish", "discord"],
  ["https://hooks.slack.com/services/T0/B0/X", "slack"],
  ["https://chat.example/hooks/abc", "slack"],
] as const)("%s speaks %s", (url, platform) => {
  expect(platformOf(url)).toBe(platform);
});

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1.0 KiB"],
  [1536, "1.5 KiB"],
  [10 * 1024, "10.0 KiB"],
  [1023.9 * 1024, "1023.9 KiB"],
  [1024 ** 2 - 1, "1.0 MiB"],
  [5.25 * 1024 ** 3, "5.3 GiB"],
  [48 * 1024 ** 3, "48.0 GiB"],
  [3 * 1024 ** 5, "3.0 PiB"],
])("%i bytes read as %s", (bytes, expected) => {
  expect(humanBytes(bytes)).toBe(expected);
});

test.each([
  [0, "0 ms"],
  [850, "850 ms"],
  [4200, "4.2 s"],
  [59_940, "59.9 s"],
  [59_999, "1m 0s"],
  [192_000, "3m 12s"],
  [3_605_000, "1h 0m 5s"],
])("%i ms read as %s", (durationMs, expected) => {
  expect(humanDuration(durationMs)).toBe(expected);
});

test("a clipped text ends with a mark and never with half a character", () => {
  expect(clip("abcdef", 6)).toBe("abcdef");
  expect(clip("abcdefg", 6)).toBe("abcde…");
  expect(clip("abcd✅😀😀", 7)).toBe("abcd✅…");
});

/** What the platforms document, as checks that throw. */
function checkDiscord(payload: unknown): void {
  const { embeds, allowed_mentions, ...rest } = JSON.parse(JSON.stringify(payload));
  expect(rest).toEqual({});
  expect(allowed_mentions).toEqual({ parse: [] });
  expect(embeds).toHaveLength(1);
  const { title, description, color, fields, timestamp, ...more } = embeds[0];
  expect(more).toEqual({});
  let total = 0;
  const text = (value: unknown, max: number): void => {
    expect(value).toBeString();
    expect((value as string).trim()).not.toBe("");
    expect((value as string).length).toBeLessThanOrEqual(max);
    total += (value as string).length;
  };
  text(title, 256);
  if (description !== undefined) text(description, 4096);
  expect(color).toBeInteger();
  expect(color).toBeWithin(0, 0x1000000);
  expect(new Date(timestamp).toISOString()).toBe(timestamp);
  expect(fields.length).toBeLessThanOrEqual(25);
  for (const field of fields) {
    expect(Object.keys(field).toSorted()).toEqual(["inline", "name", "value"]);
    text(field.name, 256);
    text(field.value, 1024);
    expect(field.inline).toBeBoolean();
  }
  expect(total).toBeLessThanOrEqual(6000);
}

function checkSlack(payload: unknown): void {
  const { text, mrkdwn, attachments, ...rest } = JSON.parse(JSON.stringify(payload));
  expect(rest).toEqual({});
  expect(mrkdwn).toBe(false);
  const free = (value: unknown, max: number): void => {
    expect(value).toBeString();
    expect(value).not.toBe("");
    expect((value as string).length).toBeLessThanOrEqual(max);
    // Everything with a meaning is escaped: what is left are the entities alone.
    expect(value).not.toMatch(/[<>]|&(?!(amp|lt|gt);)/);
  };
  free(text, 500);
  expect(attachments).toHaveLength(1);
  const { color, fallback, text: body, mrkdwn_in, fields, ...more } = attachments[0];
  expect(more).toEqual({});
  expect(color).toMatch(/^#[0-9a-f]{6}$/);
  expect(mrkdwn_in).toEqual(["text"]);
  free(fallback, 1100);
  if (body !== undefined) {
    free(body, 4000);
    expect(body.split("```")).toHaveLength(3);
  }
  for (const field of fields) {
    expect(Object.keys(field).toSorted()).toEqual(["short", "title", "value"]);
    free(field.title, 300);
    free(field.value, 1000);
    expect(field.short).toBeBoolean();
  }
}

describe("payloads", () => {
  test("Slack's, of a failure", () => {
    expect(slackPayload(message(failed, null))).toEqual({
      text: "❌ backup of shop (pg) failed",
      mrkdwn: false,
      attachments: [
        {
          color: "#e01e5a",
          fallback:
            '❌ backup of shop (pg) failed: pg_dump failed: relation "a&lt;b&gt;" &amp; more\nhint: look at `the` server',
          text: '```\npg_dump failed: relation "a&lt;b&gt;" &amp; more\nhint: look at `the` server\n```',
          mrkdwn_in: ["text"],
          fields: [
            { title: "Engine", value: "pg", short: true },
            { title: "Database", value: "shop", short: true },
            { title: "Duration", value: "3m 12s", short: true },
            { title: "Finished", value: "2026-02-07T02:03:12Z", short: true },
            { title: "Remote path", value: "s3:backups/shop-20260207T020000Z.sql", short: false },
            { title: "Backup id", value: "019c3589-3e00-7abc-8def-0123456789ab", short: false },
          ],
        },
      ],
    });
  });

  test("Discord's, of a stored backup with warnings", () => {
    const named = { ...warned, database: "my_*shop*" };
    expect(discordPayload(message(named, null))).toEqual({
      embeds: [
        {
          title: "⚠️ backup of my\\_\\*shop\\* (pg) stored, with warnings",
          color: 0xecb22e,
          timestamp: "2026-02-07T02:03:12.000Z",
          fields: [
            { name: "Engine", value: "pg", inline: true },
            { name: "Database", value: String.raw`my\_\*shop\*`, inline: true },
            { name: "Size", value: "1.5 GiB", inline: true },
            { name: "Duration", value: "3m 12s", inline: true },
            { name: "Finished", value: "2026-02-07T02:03:12Z", inline: true },
            { name: "Remote path", value: "s3:backups/shop-20260207T020000Z.sql", inline: false },
            { name: "Warnings", value: "retention failed: no such bucket\npost hook failed", inline: false },
            { name: "Backup id", value: "019c3589-3e00-7abc-8def-0123456789ab", inline: false },
          ],
        },
      ],
      allowed_mentions: { parse: [] },
    });
  });

  test.each([
    ["stored", stored],
    ["failed", failed],
    ["stored with warnings", warned],
  ])("are as documented for a run that is %s", (_, result) => {
    checkDiscord(discordPayload(message(result)));
    checkSlack(slackPayload(message(result)));
  });

  test("are as documented when every text is as long as can be", () => {
    for (const character of ["x", "<", "&", "_", "\\", "`", "😀", "\n"]) {
      const long = `a${character.repeat(20_000)}`;
      const result = {
        ...failed,
        exitCode: 1,
        bytes: 2 ** 50,
        database: long,
        remotePath: long,
        backupId: long,
        error: { message: long, hint: long },
        warnings: [long, long],
      };
      checkDiscord(discordPayload(message(result, long)));
      checkSlack(slackPayload(message(result, long)));
    }
  });

  test("are as documented whatever the texts hold", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 3000 }).map((tail) => `a${tail}`),
      fc
        .array(fc.constantFrom("```", "<!channel>", "@everyone", "\\", "_", "a", "😀"), {
          minLength: 1,
          maxLength: 900,
        })
        .map((parts) => `a${parts.join("")}`),
    );
    fc.assert(
      fc.property(text, text, text, (database, remotePath, error) => {
        const result = { ...failed, database, remotePath, error: { message: error }, warnings: [error] };
        checkDiscord(discordPayload(message(result, database)));
        checkSlack(slackPayload(message(result, database)));
        for (const { value } of discordPayload(message(result)).embeds[0].fields) {
          // No escape is cut in two.
          expect(value.replace(/\\./gs, "").includes("\\")).toBe(false);
        }
      }),
      { seed, numRuns: 200 },
    );
  });
});
