import { checkWebhookUrl, splitPrefix } from "../config/values.ts";
import { DbstashError, type Problem, toProblem } from "../errors.ts";
import { discord } from "./discord.ts";
import { json } from "./json.ts";
import { ntfy } from "./ntfy.ts";
import type { Platform } from "./platform.ts";
import { slack } from "./slack.ts";
import { teams } from "./teams.ts";
import { telegram } from "./telegram.ts";

/** The first that knows a URL speaks; Slack's language, which many others understand, comes last and takes all. */
const platforms: readonly Platform[] = [discord, json, ntfy, teams, telegram, slack];

/** A webhook's URL, and who is behind it. */
export interface Webhook {
  readonly platform: Platform;
  /** Without its prefix. */
  readonly url: URL;
}

/**
 * The webhook that a URL with or without a prefix stands for.
 * @throws DbstashError with what is wrong with it, as the rest of a sentence; it never quotes the URL
 */
export function webhookOf(text: string): Webhook {
  const { prefix, url: address } = splitPrefix(text);
  const wrong = checkWebhookUrl(address);
  if (wrong !== null) throw new DbstashError(wrong, prefixHint());
  if (/[,;|](\w+\+)?https?:\/\//i.test(address))
    throw new DbstashError("holds another URL: several are written with white space between them");
  const url = new URL(address);
  const platform = platforms.find((each) => (prefix === null ? each.matches(url) : each.name === prefix));
  if (platform === undefined)
    throw new DbstashError("has an unknown prefix before its https://", prefixHint());
  const mistake = platform.mistake?.(url) ?? null;
  if (mistake !== null) throw new DbstashError(mistake);
  return { platform, url };
}

/** What is wrong with a webhook's URL, as the rest of a sentence that never quotes it; null when it can be used. */
export function webhookMistake(text: string): Problem | null {
  try {
    webhookOf(text);
    return null;
  } catch (error) {
    if (error instanceof DbstashError) return toProblem(error);
    throw error;
  }
}

function prefixHint(): string {
  const names = platforms.map(({ name }) => `${name}+`).toSorted();
  return `it begins with https:// or http://, or with one of ${names.join(", ")} and that, such as ntfy+https://`;
}
