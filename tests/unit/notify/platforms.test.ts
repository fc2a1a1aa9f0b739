import { expect, test } from "bun:test";
import { webhookMistake, webhookOf } from "../../../src/notify/platforms.ts";

test.each([
  ["https://discord.com/api/webhooks/1/x", "discord"],
  ["https://discordapp.com/api/webhooks/1/x", "discord"],
  ["https://canary.discord.com/api/v10/webhooks/1/x?wait=true", "discord"],
  ["https://discord.com/api/webhooks/1/x/slack", "slack"],
  ["https://discord.com/api/webhooks/1/slackish", "discord"],
  ["https://discord.com.evil.example/api/webhooks/1/x", "slack"],
  ["https://evil.example/?discord.com/api/webhooks/1/x", "slack"],
  ["https://hooks.slack.com/services/T0/B0/X", "slack"],
  ["https://chat.example/hooks/abc", "slack"],
  ["http://127.0.0.1:8065/hooks/abc", "slack"],
  ["https://api.telegram.org/bot1:x/sendMessage?chat_id=-100", "telegram"],
  ["https://ntfy.sh/topic", "ntfy"],
  ["https://prod-01.westeurope.logic.azure.com:443/workflows/1/triggers/manual/paths/invoke?sig=x", "teams"],
  ["https://a.4a.environment.api.powerplatform.com:443/powerautomate/automations/direct/x?sig=y", "teams"],
  ["https://acme.webhook.office.com/webhookb2/x", "teams"],
  ["https://logic.azure.com.evil.example/x", "slack"],
  ["ntfy+https://push.example/topic", "ntfy"],
  ["NTFY+HTTP://push.example/topic", "ntfy"],
  ["json+https://ntfy.sh/topic", "json"],
  ["discord+https://relay.example/x", "discord"],
  ["slack+https://ntfy.sh/x", "slack"],
  ["teams+https://relay.example/x", "teams"],
  ["telegram+http://127.0.0.1:8081/bot1:x/sendMessage?chat_id=@shop", "telegram"],
])("%s speaks %s", (text, name) => {
  const { platform, url } = webhookOf(text);
  expect(platform.name).toBe(name);
  expect(url.protocol).toMatch(/^https?:$/);
});

const known = /discord\+, json\+, ntfy\+, slack\+, teams\+, telegram\+/;

test.each([
  ["secretpart", "must be a URL", known],
  ["ntfy.sh/secretpart", "must be a URL", known],
  ["ftp://secretpart", "must begin with https:// or http://", known],
  ["ntfy://secretpart/topic", "must begin with https:// or http://", known],
  ["ntfy+ftp://secretpart/topic", "must begin with https:// or http://", known],
  ["secret-part+https://a", "must begin with https:// or http://", known],
  ["matrix+https://secretpart", "has an unknown prefix before its https://", known],
  [
    "https://a/secretpart,https://b",
    "holds another URL: several are written with white space between them",
    null,
  ],
  [
    "https://a/secretpart;ntfy+https://b",
    "holds another URL: several are written with white space between them",
    null,
  ],
  ["https://ntfy.sh", "names no topic: ntfy's is https://ntfy.sh/TOPIC", null],
  [
    "https://api.telegram.org/botsecretpart/sendMessage",
    "is not Telegram's: https://api.telegram.org/botTOKEN/sendMessage?chat_id=ID",
    null,
  ],
  [
    "https://api.telegram.org/botsecretpart/getMe?chat_id=1",
    "is not Telegram's: https://api.telegram.org/botTOKEN/sendMessage?chat_id=ID",
    null,
  ],
] as const)("%s: it %s", (text, message, hint) => {
  const mistake = webhookMistake(text);
  expect(mistake?.message).toBe(message);
  expect(JSON.stringify(mistake)).not.toContain("secret");
  if (hint === null) expect(mistake?.hint).toBeUndefined();
  else expect(mistake?.hint).toMatch(hint);
});
