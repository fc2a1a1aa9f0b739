import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { discordPayload } from "../../../src/notify/discord.ts";
import { slackPayload } from "../../../src/notify/slack.ts";
import { failed, message, stored, warned } from "./results.ts";

const seed = Number(process.env["TEST_SEED"] ?? crypto.getRandomValues(new Int32Array(1))[0]);
console.log(`notification properties: TEST_SEED=${seed}`);

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
