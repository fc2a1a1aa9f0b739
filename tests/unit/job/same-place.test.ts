import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { tempFolder } from "../../support/temp.ts";
import { type Env, problemsOf, resolve, uri } from "./jobs.ts";

const folder = tempFolder("same-place");
afterAll(() => folder.remove());
for (const name of ["a", "a/b", "other"]) mkdirSync(folder.file(name));
symlinkSync(folder.file("a"), folder.file("link"));
const at = (name: string): string => folder.file(name);

const remotes = {
  RCLONE_CONFIG_DISK_TYPE: "local",
  RCLONE_CONFIG_NICK_TYPE: "alias",
  RCLONE_CONFIG_NICK_REMOTE: at("a"),
  RCLONE_CONFIG_BUCKET_TYPE: "alias",
  RCLONE_CONFIG_BUCKET_REMOTE: "store:backups",
  RCLONE_CONFIG_STORE_TYPE: "s3",
  RCLONE_CONFIG_NAS_TYPE: "sftp",
};

describe("places that are refused", () => {
  test.each<[string, string, string, string]>([
    ["the same folder", at("a"), at("a"), "is the same place as"],
    ["with a slash at its end", at("a"), `${at("a")}/`, "is the same place as"],
    ["by way of a link", at("a"), at("link"), "is the same place as"],
    ["of which neither exists yet", at("new/x"), `${at("new")}/./x`, "is the same place as"],
    ["behind a local remote", at("a"), `disk:${at("link")}`, "is the same place as"],
    ["behind an alias", at("a"), "nick:", "is the same place as"],
    ["in a folder of an alias", at("a/b"), "nick:b", "is the same place as"],
    ["one inside the other", at("a"), at("link/b"), "lies inside"],
    ["one around the other", at("a/b"), at("a"), "holds"],
    ["on one remote of variables, by another case", "store:b/x", "STORE:b/x", "is the same place as"],
    ["on one remote, from where the login ends", "nas:x", "nas:./y/../x", "is the same place as"],
    ["on one remote", "store:backups/x", "store:backups//x/", "is the same place as"],
    ["on one remote and an alias of it", "store:backups/x", "bucket:x", "is the same place as"],
    ["a folder of one remote and the whole of it", "store:backups/x", "store:", "holds"],
    [
      "on the fly, however it is written",
      ":s3,provider=AWS,region=a:b/x",
      "':s3,region=a,provider=AWS:b/x'",
      "is the same place as",
    ],
  ])("%s", (_, first, second, relation) => {
    const env = { RCLONE_REMOTE: first, RCLONE_EXTRA_REMOTES: second };
    const [problem = ""] = problemsOf({ ...uri, ...remotes, ...env });
    const shown = (text: string) => text.replaceAll("'", "").replace(/^(:s3),.*:/, "$1:");
    expect(problem).toBe(
      `RCLONE_EXTRA_REMOTES (--rclone-extra-remotes): ${shown(second)} ${relation} ${shown(first)}`,
    );
  });

  test("two of the further ones", () => {
    const env = { RCLONE_EXTRA_REMOTES: `/x ${at("a")} nick:` };
    expect(problemsOf({ ...uri, ...remotes, ...env })).toEqual([
      `RCLONE_EXTRA_REMOTES (--rclone-extra-remotes): nick: is the same place as ${at("a")}`,
    ]);
  });

  test("more than six", () => {
    const env = { RCLONE_EXTRA_REMOTES: "/1 /2 /3 /4 /5 /6" };
    expect(problemsOf({ ...uri, ...env })[0]).toContain(
      "names 6 places, and with RCLONE_REMOTE there may be 6",
    );
  });

  test.each([
    ["nas", /has no colon/],
    ["~/backups", /begins with ~/],
    ["s3://bucket/x", /without slashes/],
    ["https://me:secret@host/x", /a URL with a user in it/],
    ["'/a,/b'", /several places in one/],
    ["/a # the other one", /# that begins a comment/],
  ])("one that RCLONE_REMOTE would be refused for: %s", (text, message) => {
    const [problem = "", ...others] = problemsOf({ ...uri, RCLONE_EXTRA_REMOTES: text });
    expect(problem).toMatch(message);
    expect(problem).toContain("RCLONE_EXTRA_REMOTES (--rclone-extra-remotes)");
    expect(problem).not.toContain("secret");
    expect(others).toEqual([]);
  });
});

test.each([
  ["folders beside each other", at("a"), at("ab")],
  ["two remotes", "store:backups/x", "other:backups/x"],
  ["a remote's folders whose names begin alike", "store:backups/x", "store:backups/xy"],
])("places that are two: %s", (_, first, second) => {
  const { places } = resolve({ ...uri, ...remotes, RCLONE_REMOTE: first, RCLONE_EXTRA_REMOTES: second });
  expect(places.map(({ remote }) => remote.shown)).toEqual([first, second]);
});

test("a configuration in use is copied for places that save nothing, and stays where one may save a token", () => {
  const path = at("rclone.conf");
  Bun.spawnSync(["sh", "-c", `printf '[s]\\ntype = s3\\n[d]\\ntype = drive\\ntoken = {}\\n' >'${path}'`]);
  const kinds = (env: Env) =>
    resolve({ ...uri, ...env, RCLONE_CONFIG_FILE: path }).places.map(({ config }) => config.kind);
  expect(kinds({ RCLONE_REMOTE: "s:b" })).toEqual(["inPlace"]);
  expect(kinds({ RCLONE_REMOTE: "s:b", RCLONE_EXTRA_REMOTES: "d:x s:c" })).toEqual([
    "copied",
    "inPlace",
    "copied",
  ]);
  const several = { DB_URI: "postgres://db/", BACKUP_DATABASES: "*", BACKUP_PARALLEL: "2" };
  expect(kinds({ ...several, RCLONE_REMOTE: "s:b" })).toEqual(["copied"]);
  expect(kinds({ ...several, RCLONE_REMOTE: "d:b" })).toEqual(["inPlace"]);
});
