import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { discordPayload } from "../../../src/notify/discord.ts";
import { json } from "../../../src/notify/json.ts";
import type { Notification } from "../../../src/notify/notification.ts";
import { ntfyRequest } from "../../../src/notify/ntfy.ts";
import { slackPayload } from "../../../src/notify/slack.ts";
import { teamsPayload } from "../../../src/notify/teams.ts";
import { telegram, telegramPayload } from "../../../src/notify/telegram.ts";
import { failed, message, partly, stored, warned } from "./results.ts";
import {
  checkDiscord,
  checkJson,
  checkNtfy,
  checkSlack,
  checkTeams,
  checkTelegram,
  decodedHeader,
} from "./shapes.ts";

const seed = Number(process.env["TEST_SEED"] ?? crypto.getRandomValues(new Int32Array(1))[0]);
console.log(`notification properties: TEST_SEED=${seed}`);

const telegramUrl = new URL("https://api.telegram.org/bot1:x/sendMessage?chat_id=-100123");
const ntfyUrl = new URL("https://ntfy.sh/topic");

/** All of them, of one notification. */
function checkAll(notification: Notification): void {
  checkDiscord(discordPayload(notification));
  checkSlack(slackPayload(notification));
  checkTelegram(telegramPayload(telegramUrl, notification));
  checkNtfy(ntfyRequest(ntfyUrl, notification));
  checkTeams(teamsPayload(notification));
  checkJson(notification.facts);
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

  test("Telegram's, of a failure: names stand in code, and what the URL says stays", () => {
    const url = new URL(`${telegramUrl.href}&message_thread_id=7&parse_mode=HTML&text=mine`);
    const named = { ...failed, database: "@shop_*b*" };
    const { text, entities, ...rest } = telegramPayload(url, message(named, null));
    expect(rest).toEqual({
      chat_id: "-100123",
      message_thread_id: "7",
      link_preview_options: { is_disabled: true },
    });
    expect(text).toBe(
      [
        "❌ backup of @shop_*b* (pg) failed",
        "",
        'pg_dump failed: relation "a<b>" & more\nhint: look at `the` server',
        "",
        "Engine: pg",
        "Database: @shop_*b*",
        "Duration: 3m 12s",
        "Finished: 2026-02-07T02:03:12Z",
        "Remote path: s3:backups/shop-20260207T020000Z.sql",
        "Backup id: 019c3589-3e00-7abc-8def-0123456789ab",
      ].join("\n"),
    );
    const parts = entities.map(({ type, offset, length }) => [type, text.slice(offset, offset + length)]);
    expect(parts.slice(0, 5)).toEqual([
      ["bold", "❌ backup of "],
      ["code", "@shop_*b*"],
      ["bold", " (pg) failed"],
      ["pre", 'pg_dump failed: relation "a<b>" & more\nhint: look at `the` server'],
      ["code", "pg"],
    ]);
    const { method, url: address } = telegram.request(url, message(named));
    expect([method, address]).toEqual(["POST", "https://api.telegram.org/bot1:x/sendMessage"]);
  });

  test("ntfy's, of a failure: the title in a header, the rest as plain text", () => {
    const { headers, body } = ntfyRequest(ntfyUrl, message({ ...failed, database: "Größe" }, null));
    expect(decodedHeader(headers["x-title"] ?? "")).toBe("❌ backup of Größe (pg) failed");
    expect(headers["x-priority"]).toBe("4");
    expect(body).toBe(
      [
        'pg_dump failed: relation "a<b>" & more\nhint: look at `the` server',
        "",
        "Engine: pg",
        "Database: Größe",
        "Duration: 3m 12s",
        "Finished: 2026-02-07T02:03:12Z",
        "Remote path: s3:backups/shop-20260207T020000Z.sql",
        "Backup id: 019c3589-3e00-7abc-8def-0123456789ab",
      ].join("\n"),
    );
  });

  test("ntfy's leave what the URL says", () => {
    const url = new URL("https://ntfy.sh/topic?priority=5&t=Nightly&tags=floppy_disk");
    const { headers, url: address } = ntfyRequest(url, message(failed));
    expect([Object.keys(headers), address]).toEqual([["content-type"], url.href]);
  });

  test("Teams', of a stored backup with warnings", () => {
    const { body } = teamsPayload(message({ ...warned, database: "my_*shop*" }, null)).attachments[0].content;
    expect(body[0]).toEqual({
      type: "RichTextBlock",
      inlines: [
        {
          type: "TextRun",
          text: "⚠️ backup of my_*shop* (pg) stored, with warnings",
          weight: "Bolder",
          size: "Medium",
          color: "Warning",
        },
      ],
    });
    expect(body[2]?.inlines[1]).toEqual({ type: "TextRun", text: "my_*shop*" });
    expect(body[7]).toEqual({
      type: "RichTextBlock",
      spacing: "Small",
      inlines: [
        { type: "TextRun", text: "Warnings: ", weight: "Bolder" },
        { type: "TextRun", text: "retention failed: no such bucket\npost hook failed" },
      ],
    });
  });

  test("json+'s, of a failure: the facts alone", () => {
    const url = new URL("https://host.example/hook?key=1");
    const { body, ...rest } = json.request(url, message(failed));
    expect(rest).toEqual({
      method: "POST",
      url: url.href,
      headers: { "content-type": "application/json" },
    });
    expect(JSON.parse(body ?? "")).toEqual({
      time: "2026-02-07T02:03:12.000Z",
      msg: "backup failed",
      engine: "pg",
      database: "shop",
      backup_id: "019c3589-3e00-7abc-8def-0123456789ab",
      status: "failure",
      duration_ms: 192_000,
      bytes: null,
      remote_path: "s3:backups/shop-20260207T020000Z.sql",
      exit_code: 1,
      error: 'pg_dump failed: relation "a<b>" & more',
      hint: "look at `the` server",
      host: "backup-host",
    });
  });

  test("of several databases say first which failed, and of what, then how many, on each platform", () => {
    const names = Array.from({ length: 38 }, (_, index) => `db${index}`);
    const ownReasons = Object.fromEntries(names.map((name) => [name, `${name} ${"x".repeat(5000)}`]));
    for (const [result, words] of [
      [
        partly(names, { crm: "no room", erp: "no room", shop: "denied" }),
        ["crm, erp: no room", "shop: denied", "38 stored, 3 failed"],
      ],
      // A long reason does not hide the names behind it.
      [
        partly(["shop"], { ...ownReasons, b: "denied" }),
        ["db0: db0 x", "db19: db19 x", "1 stored, 39 failed"],
      ],
    ] as const) {
      const told = message(result);
      checkAll(told);
      expect(told.facts).toMatchObject({
        failed: result.backups.length - result.backups.filter(({ status }) => status === "success").length,
      });
      for (const text of [
        JSON.stringify(discordPayload(told)),
        JSON.stringify(slackPayload(told)),
        telegramPayload(telegramUrl, told).text,
        String(ntfyRequest(ntfyUrl, told).body),
        JSON.stringify(teamsPayload(told)),
      ]) {
        const at = words.map((word) => text.indexOf(word));
        expect({ text, at: at.toSorted((a, b) => a - b) }).toMatchObject({ at });
        expect(at[0]).toBeGreaterThan(-1);
      }
    }
  });

  test.each([
    ["stored", stored],
    ["failed", failed],
    ["stored with warnings", warned],
  ])("are as documented for a run that is %s", (_, result) => {
    checkAll(message(result));
  });

  test("are as documented when every text is as long as can be", () => {
    for (const character of ["x", "<", "&", "_", "\\", "`", "😀", "漢", "\n", "\u0001", "\ud800"]) {
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
      checkAll(message(result, long));
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
        checkAll(message(result, database));
        for (const { value } of discordPayload(message(result)).embeds[0].fields) {
          // No escape is cut in two.
          expect(value.replace(/\\./gs, "").includes("\\")).toBe(false);
        }
      }),
      { seed, numRuns: 200 },
    );
  });
});
