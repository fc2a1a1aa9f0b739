import type { Ending, Notification } from "./notification.ts";
import { clip, postJson } from "./outgoing.ts";
import type { Platform } from "./platform.ts";

/**
 * What a workflow of Teams takes that begins with "When a Teams webhook request is received": a message with an
 * Adaptive Card (learn.microsoft.com, "Create incoming webhooks with Workflows for Microsoft Teams").
 */
export interface TeamsPayload {
  readonly type: "message";
  readonly attachments: readonly [
    {
      readonly contentType: "application/vnd.microsoft.card.adaptive";
      readonly contentUrl: null;
      readonly content: AdaptiveCard;
    },
  ];
}

interface AdaptiveCard {
  readonly $schema: "http://adaptivecards.io/schemas/adaptive-card.json";
  readonly type: "AdaptiveCard";
  readonly version: "1.4";
  readonly msteams: { readonly width: "Full" };
  readonly body: readonly RichText[];
}

/** Its runs are plain text, unlike a `TextBlock` and a `FactSet`, which read Markdown (Adaptive Cards 1.2, "TextRun"). */
interface RichText {
  readonly type: "RichTextBlock";
  readonly inlines: readonly TextRun[];
  readonly spacing?: "Small";
}

interface TextRun {
  readonly type: "TextRun";
  readonly text: string;
  readonly weight?: "Bolder";
  readonly size?: "Medium";
  readonly color?: "Good" | "Warning" | "Attention";
  readonly fontType?: "Monospace";
}

/**
 * A message has about 28 KB (learn.microsoft.com, "Microsoft Teams" connector, known issues); with more it is refused.
 * Ours have less than 21 KB whatever the texts are, at three bytes a UTF-16 unit.
 */
const limits = { title: 300, error: 2500, shortValue: 150, longValue: 500 };

const colours: Record<Ending, TextRun["color"] & string> = {
  success: "Good",
  warning: "Warning",
  failure: "Attention",
};

/** The payload for Teams. */
export function teamsPayload(notification: Notification): TeamsPayload {
  const { ending, title, error, fields } = notification;
  const color = colours[ending];
  const text = clip(title, limits.title);
  const body: readonly RichText[] = [
    { type: "RichTextBlock", inlines: [{ type: "TextRun", text, weight: "Bolder", size: "Medium", color }] },
    ...(error === null
      ? []
      : [
          {
            type: "RichTextBlock",
            inlines: [{ type: "TextRun", text: clip(error, limits.error), fontType: "Monospace" }],
          } as const,
        ]),
    ...fields.map(
      ({ label, value, short }) =>
        ({
          type: "RichTextBlock",
          spacing: "Small",
          inlines: [
            { type: "TextRun", text: `${label}: `, weight: "Bolder" },
            { type: "TextRun", text: clip(value, short ? limits.shortValue : limits.longValue) },
          ],
        }) as const,
    ),
  ];
  return {
    type: "message",
    attachments: [
      {
        contentType: "application/vnd.microsoft.card.adaptive",
        contentUrl: null,
        content: {
          $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
          type: "AdaptiveCard",
          version: "1.4",
          msteams: { width: "Full" },
          body,
        },
      },
    ],
  };
}

/** Teams, by the hosts of its workflows, and of the connectors before them, which took the same. */
export const teams: Platform = {
  name: "teams",
  matches: ({ hostname }) =>
    /\.(logic\.azure\.com|environment\.api\.powerplatform\.com|webhook\.office\.com)$/.test(hostname),
  request: (url, notification) => postJson(url, teamsPayload(notification)),
};
