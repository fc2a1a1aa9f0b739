import type { OffsetAt } from "../catalog/local-time.ts";
import { humanBytes } from "../human.ts";
import { type Html, markup } from "./markup.ts";
import type { SizePoint } from "./inventory.ts";
import { shownTime } from "./shown-time.ts";

const [width, height, margin] = [150, 32, 3];

/** Sizes over time as a line, from nothing at the bottom; of less than two there is only a point. */
export function sizeLine(sizes: readonly SizePoint[], offsetAt: OffsetAt): Html {
  const [first, last] = [sizes[0], sizes.at(-1)];
  if (first === undefined || last === undefined) return markup``;
  const bytes = sizes.map((each) => each.bytes);
  const [least, most] = [Math.min(...bytes), Math.max(...bytes)];
  const spanMs = last.timeMs - first.timeMs;
  const at = ({ timeMs, bytes: size }: SizePoint): readonly [x: string, y: string] => [
    (spanMs === 0 ? width : (width * (timeMs - first.timeMs)) / spanMs).toFixed(0),
    (height - (most === 0 ? 0 : (height * size) / most)).toFixed(0),
  ];
  const [x, y] = at(last);
  const range =
    least === most
      ? humanBytes(most)
      : `${humanBytes(least)} to ${humanBytes(most)}, ${humanBytes(last.bytes)} last`;
  const words =
    sizes.length === 1
      ? `one backup of ${range}`
      : `sizes of ${sizes.length} backups from ${shownTime(first.timeMs, offsetAt)} to ${shownTime(last.timeMs, offsetAt)}: ${range}`;
  const line =
    sizes.length === 1
      ? markup``
      : markup`<polyline points="${sizes.map((each) => at(each).join(",")).join(" ")}"/>`;
  const [w, h] = [width + 2 * margin, height + 2 * margin];
  const box = `${-margin} ${-margin} ${w} ${h}`;
  return markup`<svg width="${w}" height="${h}" viewBox="${box}" role="img" aria-label="${words}">${line}<circle cx="${x}" cy="${y}" r="2.5"/></svg>`;
}
