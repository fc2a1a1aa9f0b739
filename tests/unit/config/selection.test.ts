import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseSelection, isSelected, select } from "../../../src/config/selection.ts";

const seed = Number(process.env["TEST_SEED"] ?? crypto.getRandomValues(new Int32Array(1))[0]);
console.log(`selections: TEST_SEED=${seed}`);

const server = ["shop", "crm", "test_a", "test_b", "shop crm", "a*b", "axb", "@globals", "!x", "-x", "Größe"];

function chosen(text: string, names: readonly string[] = server): string[] {
  const databases = names.map((name) => ({ name, isApart: name === "mysql" }));
  return select(parseSelection(text), databases).chosen.map(({ name }) => name);
}

function unmatched(text: string, names: readonly string[] = server): string[] {
  const databases = names.map((name) => ({ name, isApart: name === "mysql" }));
  return select(parseSelection(text), databases).unmatched.map(({ term }) => term);
}

describe("a selection", () => {
  test.each<[string, string[]]>([
    ["shop", ["shop"]],
    ["shop crm", ["crm", "shop"]],
    ["crm\n\tshop", ["crm", "shop"]],
    ["'shop crm'", ["shop crm"]],
    ["shop\\ crm", ["shop crm"]],
    ["shop*", ["shop", "shop crm"]],
    ["* !test_*", server.filter((name) => !name.startsWith("test_")).toSorted()],
    ["!test_a test_*", ["test_b"]],
    ["test_? !none !no_*", ["test_a", "test_b"]],
    ["a*b", ["a*b", "axb"]],
    ['"a*b"', ["a*b"]],
    ["a'*'b", ["a*b"]],
    ["a\\*b", ["a*b"]],
    ["'a'?b", ["a*b", "axb"]],
    ["a*b !'a*b'", ["axb"]],
    ["'@globals'", ["@globals"]],
    ["\\@globals", ["@globals"]],
    ["'!x'", ["!x"]],
    ["\\!x -x", ["!x", "-x"]],
    ["!'!x' ?x", ["-x"]],
    ["Gr??e", ["Größe"]],
    ["shop shop s*p", ["shop"]],
  ])("%s chooses %j", (text, names) => {
    expect(chosen(text)).toEqual(names);
    expect(unmatched(text)).toEqual([]);
  });

  test.each<[string, string[], string[]]>([
    ["shop none", ["shop"], ["none"]],
    ["shop no*", ["shop"], ["no*"]],
    ["Shop", [], ["Shop"]],
    ["größe", [], ["größe"]],
    ["!shop shop crm", ["crm"], []],
    ["shop !shop", [], ["shop"]],
    ["* !*", [], ["*"]],
  ])("%s chooses %j, and misses %j", (text, names, missed) => {
    expect([chosen(text), unmatched(text)]).toEqual([names, missed]);
  });

  test.each<[string, boolean, string[]]>([
    ["@globals", true, []],
    ["* @globals", true, server.toSorted()],
    ["crm !@globals", false, ["crm"]],
    ["crm @globals !@globals", false, ["crm"]],
    ["crm @globals !crm", true, []],
    ["*", false, server.toSorted()],
  ])("%s holds @globals: %p", (text, hasGlobals, names) => {
    expect(parseSelection(text).hasGlobals).toBe(hasGlobals);
    expect([chosen(text), unmatched(text)]).toEqual([names, []]);
  });

  test.each<[string, string[], string[]]>([
    ["*", ["shop", "mysql"], ["shop"]],
    ["* mysql", ["shop", "mysql"], ["mysql", "shop"]],
    ["mysql", ["mysql"], ["mysql"]],
    ["my*", ["mysql"], []],
  ])("%s of %j, where mysql is the server's own, is %j", (text, names, expected) => {
    expect(chosen(text, names)).toEqual(expected);
  });

  test.each([
    ["!test_*", "names only what to leave out"],
    ["!a !b", "names only what to leave out"],
    ["!@globals", "names only what to leave out"],
    ["shop,crm", "has a comma, but blanks stand between its names"],
    ["shop, crm", "has a comma"],
    ["shop_[ab]", "has brackets"],
    ["{a,b}", "has a comma"],
    ["${x}", "holds $ in a form that is not read here"],
    ["@roles", 'has "@roles", but only @globals begins with @'],
    ["@Globals", "but only @globals"],
    ["x !@", "but only @globals"],
    ["x !", "has a ! with no name behind it"],
    ["x ''", "has a pair of quotes without a name"],
    ["it's", "has a quote that is not closed"],
    ["a; b", "has the shell operator ;"],
    ["a # b", "has a # that begins a comment"],
    ["$'a'", "holds $ in a form that is not read here"],
  ])("%s is refused: it %s", (text, problem) => {
    expect(() => parseSelection(text)).toThrow(problem);
  });

  test.each<[string, RegExp | undefined]>([
    ["'*'", /a pattern is written without/],
    ["'crm shop'", /several names are written without/],
    ["shpo", /there is "shop"/],
    ["SHOP", /there is "shop"/],
    ["elsewhere", undefined],
    ["none_*", undefined],
  ])("of %s that is not there the hint is %p", (text, hint) => {
    const databases = server.map((name) => ({ name, isApart: false }));
    const { unmatched: missed } = select(parseSelection(text), databases);
    const [first] = missed;
    if (hint === undefined) expect(first?.problem.hint).toBeUndefined();
    else expect(first?.problem.hint).toMatch(hint);
  });

  test("says the same of a stored database, of which no server is asked", () => {
    const selection = parseSelection("* !test_* mysql");
    const names = (isApart: boolean) =>
      ["shop", "test_a", "mysql"].filter((name) => isSelected(selection, { name, isApart }));
    expect([names(false), names(true)]).toEqual([["shop", "mysql"], ["mysql"]]);
  });

  test("reaches any name that is quoted, and that one alone", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", minLength: 1 }),
        fc.string({ unit: "binary" }),
        (name, other) => {
          const text = `'${name.replaceAll("'", "'\\''")}'`;
          const found = chosen(text, [...new Set([name, other])]);
          expect(found).toEqual([name]);
        },
      ),
      { seed },
    );
  });
});
