import type { Health } from "./status.ts";

/** The colours of a page, as `#rrggbb`. */
export interface Palette extends Readonly<Record<Health, string>> {
  readonly ground: string;
  readonly surface: string;
  readonly border: string;
  readonly text: string;
  readonly muted: string;
  /** Text on the colour of a health. */
  readonly on: string;
  readonly line: string;
}

/** By day and by night; their contrasts are as WCAG 2.2 AA has them (1.4.3, 1.4.11). */
export const palettes: Readonly<Record<"light" | "dark", Palette>> = {
  light: {
    ground: "#ffffff",
    surface: "#f5f7f9",
    border: "#d3d9df",
    text: "#1b1f24",
    muted: "#535b64",
    on: "#ffffff",
    line: "#0860ca",
    good: "#167036",
    waiting: "#535b64",
    warned: "#8a5a00",
    bad: "#c21c2a",
  },
  dark: {
    ground: "#0f1318",
    surface: "#171c23",
    border: "#333b45",
    text: "#e6ebf0",
    muted: "#9aa3ad",
    on: "#0f1318",
    line: "#62abff",
    good: "#4cc264",
    waiting: "#9aa3ad",
    warned: "#dca534",
    bad: "#ff8279",
  },
};

/** Below this width a row of a table is a card of its own. */
const narrowest = "56rem";

function variables(palette: Palette): string {
  return Object.entries(palette)
    .map(([name, colour]) => `--${name}:${colour}`)
    .join(";");
}

/** All of the page's style: it stands in the page itself. */
export const style = `
:root{color-scheme:light dark;${variables(palettes.light)}}
@media(prefers-color-scheme:dark){:root{${variables(palettes.dark)}}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--text);font:16px/1.45 system-ui,sans-serif}
header{padding:1.1rem max(1rem,calc(50vw - 40rem));color:var(--on)}
header p{margin:0;overflow-wrap:anywhere}
h1{margin:.1rem 0;font-size:1.7rem;line-height:1.2;overflow-wrap:anywhere}
h2{margin:2rem 0 .6rem;font-size:1.15rem}
main,footer{max-width:82rem;margin:0 auto;padding:0 1rem}
footer{padding:1.5rem 1rem 2rem;color:var(--muted);font-size:.875rem}
.band-good{background:var(--good)}.band-waiting{background:var(--waiting)}
.band-warned{background:var(--warned)}.band-bad{background:var(--bad)}
.good{color:var(--good)}.waiting{color:var(--waiting)}.warned{color:var(--warned)}.bad{color:var(--bad)}
.sign{display:inline-block;min-width:1.1em;font-weight:700}
.muted{color:var(--muted)}
.causes{list-style:none;margin:0;padding:0}
.causes li{margin:0 0 .6rem;padding:.6rem .8rem;background:var(--surface);border-left:4px solid;overflow-wrap:anywhere}
.causes li>*{color:var(--text)}.causes .muted{color:var(--muted)}
.causes p{margin:.25rem 0 0;white-space:pre-wrap}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(13rem,1fr));gap:.8rem 1.5rem;margin:1.5rem 0 0}
dt{color:var(--muted);font-size:.875rem}dd{margin:0;overflow-wrap:anywhere}
table{width:100%;border-collapse:collapse}
th,td{padding:.5rem .7rem .5rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--border)}
thead th{color:var(--muted);font-size:.875rem;font-weight:600}
tbody th{font-weight:600;overflow-wrap:anywhere;min-width:8rem}
td{font-variant-numeric:tabular-nums}
td ul{list-style:none;margin:0;padding:0}td li{overflow-wrap:anywhere}
.line{white-space:nowrap}
svg{display:block;overflow:visible}
polyline{fill:none;stroke:var(--line);stroke-width:1.5}circle{fill:var(--line)}
@media(max-width:${narrowest}){
thead{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}
table,tbody,tr,th,td{display:block}
tr{margin:0 0 .8rem;padding:.6rem .8rem;background:var(--surface);border:1px solid var(--border);border-radius:6px}
th,td{padding:.15rem 0;border:0}
td{position:relative;padding-left:7.5rem;min-height:1.9rem}
td::before{content:attr(data-label);position:absolute;left:0;width:7rem;color:var(--muted);font-size:.875rem}
}`;
