import { discord } from "./discord.ts";
import type { Notification } from "./message.ts";
import { slack } from "./slack.ts";

/** Somebody who takes notifications by a webhook. */
export interface Platform {
  /** Whether a webhook's URL is one of its own. */
  matches(url: string): boolean;
  /** What is posted there, to be written as JSON. */
  payload(notification: Notification): object;
}

/** The first that knows a URL speaks; Slack's language, which many others understand, comes last and takes all. */
const platforms: readonly Platform[] = [discord, slack];

/** The platform behind a webhook's URL. */
export function platformOf(url: string): Platform {
  return platforms.find((platform) => platform.matches(url)) ?? slack;
}
