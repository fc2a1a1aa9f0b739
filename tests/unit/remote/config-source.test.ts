import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { Secret } from "../../../src/config/secret.ts";
import { chooseConfig, type ConfigChoice, readReadable } from "../../../src/remote/config-source.ts";
import { parseRemote } from "../../../src/remote/remote.ts";
import { type TempFolder, tempFolder } from "../../support/temp.ts";

const inline = new Secret("[store]\n");

describe("rclone's configuration", () => {
  test.each<[string, string, Partial<ConfigChoice>, string]>([
    ["is none for a path", "/backups", {}, "none"],
    ["is none for an on-the-fly remote", ":s3:b", {}, "none"],
    ["is none for a remote of variables", "store:b", { env: { RCLONE_CONFIG_STORE_TYPE: "s3" } }, "none"],
    ["is none where nobody has one", "store:b", {}, "none"],
    ["is the inline one where it is given", "store:b", { rcloneConfig: inline }, "copied"],
    ["is the inline one for a path, too", "/backups", { rcloneConfig: inline }, "copied"],
  ])("%s", (_, remote, choice, kind) => {
    expect(choose(remote, choice).kind).toBe(kind as "none");
  });

  test.each<[string, string, Record<string, string>]>([
    ["a remote of a name alone", "store:b", {}],
    [
      "a remote of a variable that wraps another",
      "store:b",
      { RCLONE_CONFIG_STORE_TYPE: "crypt", RCLONE_CONFIG_STORE_REMOTE: "x:" },
    ],
    ["an on-the-fly remote that wraps another", `:crypt,remote="x:y":b`, {}],
  ])("is the user's own for %s", (_, remote, variables) => {
    using home = tempFolder("home");
    const path = put(home, ".config/rclone/rclone.conf");
    expect(choose(remote, { env: { HOME: home.path, ...variables } })).toEqual({
      kind: "inPlace",
      path,
      text: "[x]\n",
    });
  });

  test("is the user's own for a remote of variables only where it adds to them", () => {
    using home = tempFolder("home");
    put(home, ".config/rclone/rclone.conf");
    const kindOf = (name: string) =>
      choose(`${name}:b`, { env: { HOME: home.path, [`RCLONE_CONFIG_${name.toUpperCase()}_TYPE`]: "s3" } })
        .kind;
    expect(["x", "y", "my-s3"].map(kindOf)).toEqual(["inPlace", "none", "none"]);
  });

  test("is looked for in XDG_CONFIG_HOME, then .config, then the old place", () => {
    using home = tempFolder("home");
    const env = { HOME: home.path };
    const kindOrPath = (more: Record<string, string> = {}) => {
      const config = choose("store:b", { env: { ...env, ...more } });
      return config.kind === "inPlace" ? config.path : config.kind;
    };
    expect(kindOrPath()).toBe("none");
    const old = put(home, ".rclone.conf");
    expect(kindOrPath()).toBe(old);
    const usual = put(home, ".config/rclone/rclone.conf");
    expect(kindOrPath()).toBe(usual);
    expect(kindOrPath({ XDG_CONFIG_HOME: "" })).toBe(usual);
    const xdg = put(home, "xdg/rclone/rclone.conf");
    expect(kindOrPath({ XDG_CONFIG_HOME: home.file("xdg") })).toBe(xdg);
  });

  test("is the named file, before the inline one, also where the remote needs none", () => {
    using folder = tempFolder("named");
    const path = put(folder, "my.conf");
    expect(choose("/backups", { rcloneConfig: inline, rcloneConfigFile: path })).toEqual({
      kind: "inPlace",
      path,
      text: "[x]\n",
    });
  });

  test("is copied where it can't be saved to", () => {
    expect(choose("/backups", { rcloneConfigFile: "/proc/self/comm" })).toMatchObject({ kind: "copied" });
  });
});

describe("a file that a setting names is refused, with the reason, where", () => {
  test.each([
    ["it does not exist", (folder: TempFolder) => folder.file("no"), /^names .*\/no, which does not exist$/],
    ["it is a folder", (folder: TempFolder) => folder.path, /^names .*, which is a folder$/],
  ])("%s", (_, pathOf, message) => {
    using folder = tempFolder("named");
    expect(() => readReadable(pathOf(folder))).toThrow(message);
  });
});

function choose(remote: string, choice: Partial<ConfigChoice>) {
  return chooseConfig({
    remote: parseRemote(remote, choice.env),
    rcloneConfig: null,
    rcloneConfigFile: null,
    env: {},
    ...choice,
  });
}

function put(folder: TempFolder, name: string): string {
  const path = folder.file(name);
  mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  writeFileSync(path, "[x]\n");
  return path;
}
