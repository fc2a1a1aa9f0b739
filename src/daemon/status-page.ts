import type { Problem } from "../errors.ts";
import { type Html, markup, raw } from "./markup.ts";
import type { Page } from "./pages.ts";
import { timeOf } from "./shown-time.ts";
import type { Health, Status } from "./status.ts";
import { palettes, style } from "./status-style.ts";
import { databaseTable, heldOf, placeTable, signs, type TableFacts } from "./status-tables.ts";
import { type Cause, causesOf, headline } from "./status-words.ts";

/** What a page shows beside how all is. */
export interface PageFacts extends TableFacts {
  /** The engine, as people call it. */
  readonly engine: string;
  /** What the job backs up, in a word. */
  readonly job: string;
  readonly version: string;
  readonly running: boolean;
  readonly lastRun: Date | null;
  /** What retention keeps, in words. */
  readonly retention: string;
  readonly timeZone: string;
}

/** A page shows what was true when it was made: one that is left open must not do so for hours. */
const renewedAfterS = 300;

/** The longest text of an error that is shown. */
const longestError = 1000;

/** More causes than these nobody reads; which databases failed, the table tells. */
const mostCauses = 10;

/** The page with how all is: no script, nothing that it fetches, and a policy by which a browser holds it to that. */
export function statusPage(status: Status, facts: PageFacts): Page {
  return {
    status: 200,
    type: "text/html; charset=utf-8",
    body: `${document(status, facts).text}\n`,
    headers: {
      // The browser's own icon of the page is an image in it.
      "content-security-policy": `default-src 'none'; style-src 'sha256-${styleHash()}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
    },
  };
}

/** By the runtime's own hasher: `node:crypto` would take 7 MB (CONTRIBUTING, "Memory"). */
function styleHash(): string {
  return new Bun.CryptoHasher("sha256").update(style).digest("base64");
}

function document(status: Status, facts: PageFacts): Html {
  const { health } = status;
  const said = headline(status, facts.job);
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="refresh" content="${renewedAfterS}">
<title>${signs[health]} ${said} – dbstash</title>
<link rel="icon" href="${iconOf(health)}">
<style>${raw(style)}</style>
</head>
<body>
<header class="band-${health}">
<p>dbstash, ${facts.engine}: <bdi>${facts.job}</bdi></p>
<h1><span class="sign" aria-hidden="true">${signs[health]}</span> ${said}</h1>
<p>As of ${timeOf(facts.now, facts, false)} ${facts.timeZone}${facts.running ? ", while a run is on" : ""}</p>
</header>
<main>
${troubles(status, facts)}
${factList(status, facts)}
<h2 id="databases">Databases</h2>
${databaseTable(status.databases, status.places.length, facts)}
<h2 id="places">Places</h2>
${placeTable(status.places, facts)}
</main>
<footer>dbstash ${facts.version}. This page renews itself every ${renewedAfterS / 60} minutes, and lists the places no more often than once a minute.</footer>
</body>
</html>`;
}

/** An icon in the colour of a health, so that a tab in the background tells it too. */
function iconOf(health: Health): string {
  const image = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="${palettes.light[health]}"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(image)}`;
}

/** What is wrong or was warned of; nothing where all is well. */
function troubles(status: Status, facts: PageFacts): Html {
  const { runFailed, warnings, isOver } = status;
  const causes = causesOf(status);
  const more = causes.length - mostCauses;
  // What a place lacks is a cause already.
  const warned = warnings.filter(
    (message) => !causes.some(({ error }) => error !== null && message.includes(error.message)),
  );
  const items = [
    ...(runFailed === null
      ? []
      : [
          trouble(
            "bad",
            markup`Each run since ${timeOf(runFailed.since, facts)} failed before it came to any database`,
            runFailed.error,
          ),
        ]),
    ...causes.slice(0, mostCauses).map((cause) => trouble("bad", causeInWords(cause, facts), cause.error)),
    ...(more > 0
      ? [trouble("bad", markup`And ${more} more, which the log and the table below tell`, null)]
      : []),
    ...(isOver ? [trouble("warned", markup`The schedule has no further run`, null)] : []),
    ...status.places.flatMap(({ place, trouble: found }) =>
      found === null
        ? []
        : [
            trouble(
              "warned",
              markup`<bdi>${place}</bdi> can't be listed since ${timeOf(found.since, facts)}`,
              found.problem,
            ),
          ],
    ),
    ...warned
      .slice(0, mostCauses)
      .map((message) => trouble("warned", markup`The last run warned`, { message })),
  ];
  return items.length === 0
    ? markup``
    : markup`<h2>What needs a look</h2>
<ul class="causes">
${items}</ul>`;
}

function trouble(health: Health, what: Html, error: Problem | null): Html {
  const message = error === null ? markup`` : markup`<p>${clipped(error.message)}</p>`;
  const hint =
    error?.hint === undefined ? markup`` : markup`<p class="muted">hint: ${clipped(error.hint)}</p>`;
  return markup`<li class="${health}"><span>${what}</span>${message}${hint}</li>
`;
}

function causeInWords({ kind, databases, places, since }: Cause, facts: PageFacts): Html {
  const names = databases.map(
    (name, at) => markup`${at === 0 ? "" : ", "}<strong><bdi>${name}</bdi></strong>`,
  );
  const where =
    places.length === 0
      ? markup``
      : markup` in ${places.map((place, at) => markup`${at === 0 ? "" : ", "}<bdi>${place}</bdi>`)}`;
  const isOne = databases.length === 1;
  const verbs = {
    failed: "failed",
    gone: isOne ? "has lost its last backup" : "have lost their last backups",
    overdue: isOne ? "is overdue" : "are overdue",
  };
  const verb = verbs[kind];
  return markup`${names}${where} ${verb}, since ${timeOf(since, facts)}`;
}

function factList({ places }: Status, facts: PageFacts): Html {
  const rows: readonly (readonly [string, Html])[] = [
    ["Last run", facts.lastRun === null ? markup`none since the start` : timeOf(facts.lastRun, facts)],
    ["Next run", facts.nextRun === null ? markup`none` : timeOf(facts.nextRun, facts)],
    ["Retention", markup`${facts.retention}`],
    ["Held in all", markup`${heldOf(places)}`],
  ];
  return markup`<dl>
${rows.map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>\n`)}</dl>`;
}

function clipped(text: string): string {
  return text.length > longestError ? `${text.slice(0, longestError)}…` : text;
}
