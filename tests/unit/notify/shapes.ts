import { expect } from "bun:test";
import type { Outgoing } from "../../../src/notify/outgoing.ts";

/** What the platforms document, as checks that throw. */

export function checkDiscord(payload: unknown): void {
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

export function checkSlack(payload: unknown): void {
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

export function checkTelegram(payload: unknown): void {
  const { chat_id, text, entities, link_preview_options, ...rest } = JSON.parse(JSON.stringify(payload));
  expect(rest).toEqual({});
  expect(chat_id).toBe("-100123");
  expect(link_preview_options).toEqual({ is_disabled: true });
  expect(text.trim()).not.toBe("");
  expect(text.length).toBeLessThanOrEqual(4096);
  expect(text.isWellFormed()).toBe(true);
  expect(entities.length).toBeLessThanOrEqual(100);
  let end = 0;
  for (const { type, offset, length, ...more } of entities) {
    expect(more).toEqual({});
    expect(["bold", "code", "pre"]).toContain(type);
    // Neither nested nor overlapping, nothing empty, nothing beyond the end, no character cut in two.
    expect(offset).toBeGreaterThanOrEqual(end);
    expect(length).toBeGreaterThan(0);
    end = offset + length;
    expect(end).toBeLessThanOrEqual(text.length);
    expect(text.slice(offset, end).isWellFormed()).toBe(true);
  }
  // Outside of code stands nothing of other people's making, but for our own words.
  const own = entities
    .filter(({ type }: { type: string }) => type !== "bold")
    .toReversed()
    .reduce(
      (rest: string, { offset, length }: { offset: number; length: number }) =>
        rest.slice(0, offset) + rest.slice(offset + length),
      text,
    );
  expect(own).toMatch(/^(?:[\w\s:()'.,…-]|✅|❌|⚠️)*$/u);
}

export function checkNtfy({ method, url, headers, body = "" }: Outgoing): void {
  expect([method, url]).toEqual(["POST", "https://ntfy.sh/topic"]);
  expect(Object.keys(headers).toSorted()).toEqual(["content-type", "x-priority", "x-title"]);
  expect(headers["x-priority"]).toMatch(/^[1-5]$/);
  expect(headers["content-type"]).toBe("text/plain; charset=utf-8");
  const title = headers["x-title"] ?? "";
  expect(title).toMatch(/^[\x20-\x7E]+$/);
  for (const word of title.split(" ")) expect(word.length).toBeLessThanOrEqual(75);
  expect(Buffer.byteLength(decodedHeader(title))).toBeLessThanOrEqual(1024);
  expect(Buffer.byteLength(body)).toBeLessThanOrEqual(4096);
  expect(body.isWellFormed()).toBe(true);
  expect(body.trim()).not.toBe("");
}

/** A header's text, as RFC 2047 reads it: blanks between two encoded words are none. */
export function decodedHeader(text: string): string {
  return text
    .replaceAll(/(=\?UTF-8\?B\?[^?]*\?=) (?==\?)/g, "$1")
    .replaceAll(/=\?UTF-8\?B\?([^?]*)\?=/g, (_, packed: string) => Buffer.from(packed, "base64").toString());
}

export function checkTeams(payload: unknown): void {
  const packed = JSON.stringify(payload);
  expect(Buffer.byteLength(packed)).toBeLessThanOrEqual(21_000);
  const { type, attachments, ...rest } = JSON.parse(packed);
  expect([type, rest]).toEqual(["message", {}]);
  expect(attachments).toHaveLength(1);
  const [{ contentType, contentUrl, content, ...other }] = attachments;
  expect(other).toEqual({});
  expect([contentType, contentUrl]).toEqual(["application/vnd.microsoft.card.adaptive", null]);
  const { body, ...card } = content;
  expect(card).toEqual({
    $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
    type: "AdaptiveCard",
    version: "1.4",
    msteams: { width: "Full" },
  });
  for (const { type: kind, inlines, spacing = "Small", ...more } of body) {
    expect([kind, spacing, more]).toEqual(["RichTextBlock", "Small", {}]);
    for (const { type: run, text, weight, size, color, fontType, ...much } of inlines) {
      expect([run, much]).toEqual(["TextRun", {}]);
      expect(text).toBeString();
      expect(text).not.toBe("");
      expect(text.isWellFormed()).toBe(true);
      expect([undefined, "Bolder"]).toContain(weight);
      expect([undefined, "Medium"]).toContain(size);
      expect([undefined, "Good", "Warning", "Attention"]).toContain(color);
      expect([undefined, "Monospace"]).toContain(fontType);
    }
  }
}

export function checkJson(body: unknown): void {
  const facts = JSON.parse(JSON.stringify(body));
  expect(["success", "warning", "failure", "skipped"]).toContain(facts.status);
  for (const value of Object.values(facts)) {
    expect(["string", "number", "object"]).toContain(typeof value);
    if (typeof value === "object") expect(value).toBeNull();
    if (typeof value === "string") expect(value.isWellFormed()).toBe(true);
  }
}
