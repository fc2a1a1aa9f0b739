import { named } from "../config/options.ts";
import type { Job } from "../job/job.ts";
import { type About, notificationOfTest } from "../notify/message.ts";
import { sendToAll } from "../notify/notify.ts";
import { sendPing } from "../notify/ping.ts";
import { pingOfTest } from "../notify/ping-services.ts";
import type { Delivery, NotifyDoors } from "../notify/webhook.ts";
import { bad, type CheckLine, open, well } from "./line.ts";

const limitMs = 30_000;

/** What sending a test takes. */
interface Sender {
  readonly notify: NotifyDoors;
  readonly host: string;
  readonly now: () => Date;
}

/** The webhooks and the ping: their syntax is known to be right; with `--notify` each is really sent something. */
export async function lookAtMessages(
  job: Job,
  sender: Sender | null,
  signal: AbortSignal,
): Promise<CheckLine[]> {
  const lines = [...(await lookAtWebhooks(job, sender, signal)), await lookAtPing(job, sender, signal)];
  signal.throwIfAborted();
  return lines;
}

async function lookAtWebhooks(job: Job, sender: Sender | null, signal: AbortSignal): Promise<CheckLine[]> {
  const topic = "message";
  const name = named("notifyWebhookUrl");
  const { notifyWebhookUrl: urls, notifyOn } = job.settings;
  if (urls === null) return [open(topic, `${name} is not set: nobody is told of a failed backup`)];
  if (sender === null)
    return [open(topic, `${name} can be read, and is told of ${notifyOn}; check --notify sends a message`)];
  const limit = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  const test = notificationOfTest(about(job, sender));
  const told = await sendToAll(urls, test, sender.notify, limit);
  return told.map((delivery, at) => {
    const which = told.length === 1 ? "" : ` by URL ${at + 1} of ${told.length}`;
    return lineOf(topic, `a message was sent${which}`, `the message was not taken${which}`, name, delivery);
  });
}

async function lookAtPing(job: Job, sender: Sender | null, signal: AbortSignal): Promise<CheckLine> {
  const topic = "ping";
  const name = named("pingUrl");
  const { pingUrl } = job.settings;
  if (pingUrl === null)
    return open(topic, `${name} is not set: nobody notices when no backup is made at all`);
  if (sender === null)
    return open(topic, `${name} can be read; check --notify sends a ping that changes nothing`);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  const event = pingOfTest(notificationOfTest(about(job, sender)));
  const delivery = await sendPing(pingUrl, event, sender.notify, { stop: limit });
  if (delivery === null) return open(topic, "not tried: its service has no call that tells of no run");
  return lineOf(topic, "a ping was sent", "the ping was not taken", name, delivery);
}

function lineOf(
  topic: string,
  sent: string,
  refused: string,
  name: string,
  { delivered, problem }: Delivery,
): CheckLine {
  if (delivered) return well(topic, `${sent}, and taken`);
  return bad(topic, {
    message: `${refused}: ${problem ?? "unknown"}`,
    hint: `see whether ${name} is the whole URL, and still valid`,
  });
}

function about({ engine, naming }: Job, { host, now }: Sender): About {
  return { engine: engine.name, database: naming.database, host, now: now() };
}
