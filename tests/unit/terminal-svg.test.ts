import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Line, type Scene, screenOf, terminalSvg, wrapped } from "../../scripts/terminal-svg.ts";

const plain = (text: string): Line => [{ text, style: "plain" }];

for (const [what, output, lines] of [
  ["lines", "one\r\ntwo\n", [plain("one"), plain("two")]],
  ["an empty line", "\n\nx\n", [[], [], plain("x")]],
  ["a last line without an end", "one\ntwo", [plain("one"), plain("two")]],
  ["progress that was drawn over", "\r\x1b[K1 MiB\r\x1b[K2 MiB\r\x1b[Kdone\r\n", [plain("done")]],
  [
    "colours",
    "01:00 \x1b[32mINFO \x1b[0m stored\n",
    [
      [
        { text: "01:00 ", style: "plain" },
        { text: "INFO ", style: "green" },
        { text: " stored", style: "plain" },
      ],
    ],
  ],
  ["a colour that is not drawn", "\x1b[95mx\x1b[0m\n", [plain("x")]],
  [
    "other sequences of control, which nobody sees",
    "a\x1b[2Jb\x07c\n",
    [[plain("a")[0], plain("b")[0], plain("c")[0]]],
  ],
] as const)
  test(`a terminal shows ${what}`, () => {
    expect(screenOf(output)).toEqual(lines as unknown as Line[]);
  });

test("a line that is too long goes on in the next one, in its own colours", () => {
  const line: Line = [
    { text: "abc", style: "dim" },
    { text: "d✓f", style: "red" },
  ];
  expect(wrapped(line, 4)).toEqual([
    [
      { text: "abc", style: "dim" },
      { text: "d", style: "red" },
    ],
    [{ text: "✓f", style: "red" }],
  ]);
  expect(wrapped(line, 6)).toHaveLength(1);
  expect(wrapped([], 4)).toEqual([[]]);
});

const hostile: Scene = {
  command: `x --name '<script>alert("&")</script>'`,
  output: `</text><image href="https://x"/> & "quotes" \x00\x08 ]]>\n`,
};

test("what is drawn is escaped: nothing of it becomes markup", () => {
  const svg = terminalSvg([hostile], `"><script>`, 200);
  expect(svg).not.toMatch(/<script|<image|<\/text><\/text>/);
  expect(svg).toContain("&lt;script&gt;alert(&quot;&amp;&quot;)&lt;/script&gt;");
  expect(svg).toContain("&lt;/text&gt;&lt;image href=&quot;https://x&quot;/&gt; &amp; &quot;quotes&quot;");
  expect(svg).toContain("<title>&quot;&gt;&lt;script&gt;</title>");
  expect([...svg.matchAll(/\p{Cc}/gu)].filter(([character]) => character !== "\n")).toEqual([]);
});

test("the same scenes make the same picture, as high as its lines need", () => {
  const scene = { command: "dbstash-pg list", output: "NAME\nshop.sql\n" };
  const svg = terminalSvg([scene], "t", 80);
  expect(terminalSvg([structuredClone(scene)], "t", 80)).toBe(svg);
  const height = (text: string): number => Number(/ height="(\d+)" role/.exec(text)?.[1]);
  expect(height(terminalSvg([scene, scene], "t", 80)) - height(svg)).toBe(4 * 19);
});

test("the picture of README.md is such a drawing, with nothing from elsewhere and no folder of one machine", () => {
  const svg = readFileSync(join(import.meta.dirname, "../../docs/terminal.svg"), "utf8");
  expect(svg).toContain("@media (prefers-color-scheme: dark)");
  for (const word of ["check", "backup", "list", "verify"]) expect(svg).toContain(`dbstash-pg ${word} `);
  expect(svg).toContain("backup stored");
  expect(svg.replace('xmlns="http://www.w3.org/2000/svg"', "")).not.toMatch(
    /https?:|url\(|@import|<image|<script/,
  );
  expect(svg).not.toMatch(/\/(root|home|var|tmp|work)\//);
});
