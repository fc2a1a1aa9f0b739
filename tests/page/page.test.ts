import { afterAll, beforeAll, expect } from "bun:test";
import { type HealthServer, startHealthServer } from "../../src/daemon/health.ts";
import type { HealthState } from "../../src/daemon/monitor.ts";
import { type PageFacts, statusPage } from "../../src/daemon/status-page.ts";
import { statusOf } from "../../src/daemon/status.ts";
import { type Browser, startBrowser, type View } from "../support/browser.ts";
import { needs } from "../support/components.ts";
import { fresh, freshRow, row } from "../unit/daemon/states.ts";
import {
  facts,
  failing,
  listed,
  missingPlace,
  now,
  overdue,
  stateOf,
  unlisted,
} from "../unit/daemon/statuses.ts";

const { available, describe, test } = needs("chromium");

const attack = "<img src=x onerror=alert(1)>";
const words = "pg_dump: error: </p><script>alert(2)</script><style>*{display:none}</style>\n".repeat(3);
const tenants = Array.from({ length: 60 }, (_, at) => `tenant_with_a_long_name_${at}`);
const inBoth = (database: string) => ["s3:backups", "nas:b"].map((place) => ({ ...row, database, place }));

/** Each as people meet it: the state, what the places hold, and what else the page is told. */
const cases: Readonly<
  Record<string, readonly [HealthState, Parameters<typeof statusOf>[1], Partial<PageFacts>]>
> = {
  well: [stateOf([row]), [listed(["shop"])], {}],
  "a database called as markup": [
    stateOf([{ ...row, database: attack }]),
    [listed([attack])],
    { job: attack },
  ],
  "an error with markup": [stateOf([failing("shop", words)]), [listed(["shop"])], {}],
  "60 databases": [
    stateOf(tenants.flatMap(inBoth)),
    [listed(tenants, 90), listed(tenants, 90)],
    { job: "*" },
  ],
  "60 that all failed": [
    stateOf(tenants.map((name) => failing(name, "no such host"))),
    [listed(tenants)],
    { job: "*" },
  ],
  "none yet": [{ ...fresh, rows: [], places: ["s3:backups"] }, [unlisted], { lastRun: null }],
  "one that never succeeded": [
    stateOf([
      { ...freshRow, lastStatus: "failure", lastError: { message: "x".repeat(3000) }, failingSince: now },
      overdue("crm"),
    ]),
    [unlisted],
    {},
  ],
  "a place that is missing": [stateOf(inBoth("shop")), [listed(["shop"]), missingPlace], {}],
};

const views: readonly (readonly [string, View])[] = (["light", "dark"] as const).flatMap((scheme) => [
  [`a phone, ${scheme}`, { width: 390, height: 844, scheme }] as const,
  [`a wide screen, ${scheme}`, { width: 1440, height: 900, scheme }] as const,
]);

describe("the page in a browser", () => {
  let browser: Browser;
  let server: HealthServer;
  const names = Object.keys(cases);
  if (available) {
    beforeAll(async () => {
      browser = await startBrowser();
      const page = async (path: string) => {
        const [state, stocks, of] = cases[names[Number(path.slice(1))] ?? ""] ?? [];
        if (state === undefined || stocks === undefined) return null;
        return statusPage(statusOf(state, stocks, now), { ...facts, ...of });
      };
      server = startHealthServer({ address: "127.0.0.1", port: 0, page, now: () => now });
    }, 60_000);
    afterAll(async () => {
      server.stop();
      await browser[Symbol.asyncDispose]();
    });
  }

  for (const [at, name] of names.entries())
    for (const [how, view] of views)
      test(`${name}, on ${how}: nothing runs, nothing is fetched, all can be read`, async () => {
        const { tab } = browser;
        const [asked, complained] = [tab.requests.length, tab.complaints.length];
        const url = `http://127.0.0.1:${server.port}/${at}`;
        await tab.open(url, view);
        expect(tab.requests.slice(asked).filter((each) => !each.startsWith("data:"))).toEqual([url]);
        expect(tab.complaints.slice(complained)).toEqual([]);
        expect(await tab.evaluate("document.querySelectorAll('script, img, iframe, form').length")).toBe(0);
        expect(await tab.evaluate("document.styleSheets.length")).toBe(1);
        expect(await tab.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(view.width);
        expect(await tab.evaluate(tooFaint)).toEqual([]);
        const roles = await tab.roles();
        const named = (role: string) => roles.filter((each) => each.role === role).map((each) => each.name);
        expect(named("table").at(-1)).toBe("Places");
        expect(named("columnheader")).toContain("Place");
        expect(named("rowheader").length).toBeGreaterThan(0);
        expect(named("heading")[0]).not.toBe("");
      });

  test("a policy that is broken would be told of", async () => {
    const { tab } = browser;
    const broken = startHealthServer({
      address: "127.0.0.1",
      port: 0,
      page: async () => {
        const whole = statusPage(statusOf(stateOf([row]), [unlisted], now), facts);
        return { ...whole, body: whole.body.replace("</body>", `${attack}<script>alert(3)</script></body>`) };
      },
      now: () => now,
    });
    const complained = tab.complaints.length;
    await tab.open(`http://127.0.0.1:${broken.port}/`, { width: 800, height: 600, scheme: "light" });
    broken.stop();
    const told = tab.complaints.slice(complained).join("\n");
    expect(told).toMatch(/Content Security Policy/);
    expect(told).not.toMatch(/^dialog/m);
  });
});

/** Texts whose contrast with what lies behind them is less than WCAG AA wants (1.4.3): 4.5. */
const tooFaint = `(() => {
  const numbers = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const colour = numbers(getComputedStyle(at).backgroundColor);
      if (colour[3] !== 0) return colour;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const faint = [];
  let seen = 0;
  while (walker.nextNode()) {
    const { parentElement, textContent } = walker.currentNode;
    if (textContent.trim() === "") continue;
    seen += 1;
    const [one, other] = [numbers(getComputedStyle(parentElement).color), behind(parentElement)].map(luminance);
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < 4.5) faint.push(textContent.slice(0, 40) + " " + ratio.toFixed(2));
  }
  return seen === 0 ? ["no text at all"] : faint;
})()`;
