import { expect, test } from "bun:test";
import { Secret } from "../../../src/config/secret.ts";
import { completeConfig } from "../../../src/remote/completed-config.ts";
import { configText, type ConfigSource } from "../../../src/remote/config-source.ts";
import { parseRemote } from "../../../src/remote/remote.ts";

type Env = Record<string, string>;

function complete(place: string, conf: string | ConfigSource | null, env: Env = {}) {
  const config: ConfigSource =
    conf === null
      ? { kind: "none" }
      : typeof conf === "string"
        ? { kind: "copied", text: new Secret(conf) }
        : conf;
  const completed = completeConfig("rcloneRemote", config, parseRemote(place, env), env);
  const messages = completed.problems.map(({ message }) => message);
  return { ...completed, messages, text: configText(completed.config) };
}

const conf =
  "[base]\ntype = s3\nglobal.dry_run = true\n[fine]\ntype = s3\nglobal.checkers = 3\noverride.dry_run = true\n" +
  "[wrap]\ntype = crypt\nremote = base:x\n[both]\ntype = union\nupstreams = fine:x base:y\n" +
  '[nested]\ntype = alias\nremote = fine,global.name_transform="prefix=X":z\n';

const setsDryRun = "the section [base] of rclone.conf sets global.dry_run for all of rclone";

test.each<[string, string[], Env?]>([
  ["/x", []],
  ["fine:b", []],
  [":s3:b", []],
  ["base:b", [setsDryRun]],
  ["wrap:b", [setsDryRun]],
  ["both:b", [setsDryRun]],
  [":alias,remote=/wrap:b", []],
  [`:alias,remote="wrap:x":b`, [setsDryRun]],
  ["nested:b", ["the section [nested] of rclone.conf sets global.name_transform for all of rclone"]],
  ["fine,global.dry_run:b", ["RCLONE_REMOTE (--rclone-remote) sets global.dry_run for all of rclone"]],
  [
    `:alias,remote="fine,global.immutable=true:b":c`,
    ["RCLONE_REMOTE (--rclone-remote) sets global.immutable for all of rclone"],
  ],
  ["fine,global.transfers=2:b", []],
  ["env:b", [setsDryRun], { RCLONE_CONFIG_ENV_TYPE: "alias", RCLONE_CONFIG_ENV_REMOTE: "base:q" }],
  [
    "env:b",
    ["RCLONE_CONFIG_ENV_… sets global.dry_run for all of rclone"],
    { RCLONE_CONFIG_ENV_TYPE: "alias", RCLONE_CONFIG_ENV_REMOTE: "fine,global.dry_run=true:q" },
  ],
])("options of all of rclone on the way to %s: %p", (place, messages, env = {}) => {
  expect(complete(place, conf, env).messages).toEqual(messages);
});

test("what is wrong with a remote on the way, and what it costs", () => {
  const { messages, warnings } = complete(
    "cr:x",
    "[cr]\ntype = crypt\nremote = b/x\nno_data_encryption = true\n",
  );
  expect(messages).toEqual([
    'remote in the section [cr] of rclone.conf has no colon, so it would be the local folder "b/x" below the working folder',
  ]);
  expect(warnings).toHaveLength(1);
  const variable = { "RCLONE_CONFIG_MY-B2_TYPE": "b2", "RCLONE_CONFIG_MY-B2_VERSIONS": "true" };
  expect(complete("my-b2:x", null, variable).messages).toEqual(["RCLONE_CONFIG_MY-B2_VERSIONS is set"]);
});

const variables = { "RCLONE_CONFIG_MY-S3_TYPE": "s3", "RCLONE_CONFIG_MY-S3_SECRET_ACCESS_KEY": "k3y" };
const section = "[my-s3]\ntype = s3\nsecret_access_key = k3y\n";

test("what variables define and a shell would drop becomes a section where another remote names it", () => {
  const wrap = "[wrap]\ntype = crypt\nremote = my-s3:b\n";
  const merged = complete("wrap:x", wrap, variables);
  expect([merged.config.kind, merged.messages, merged.text]).toEqual(["copied", [], `${wrap}\n${section}`]);
  const fresh = complete(`:crypt,remote="my-s3:b",password=pw:x`, null, variables);
  expect([fresh.config.kind, fresh.text]).toEqual(["copied", `\n${section}`]);
  // The place's own have joined its parameters.
  expect(complete("my-s3:x", null, variables).config.kind).toBe("none");
});

test.each<[string, ConfigSource, Env]>([
  ["used in place", { kind: "inPlace", path: "/c", text: "[wrap]\nremote = my-s3:b\n" }, variables],
  [
    "no place for such a value",
    { kind: "copied", text: new Secret("[wrap]\nremote = my-s3:b\n") },
    { ...variables, "RCLONE_CONFIG_MY-S3_ENDPOINT": "h " },
  ],
])("a configuration that is %s can't take them", (_, config, env) => {
  const { problems } = complete("wrap:x", config, env);
  expect(problems).toEqual([
    {
      message:
        "the shell that starts rclone drops RCLONE_CONFIG_MY-S3_*, by which the remote my-s3 is defined, since their names are no shell's",
      hint: "write my_s3 there and where it is named, or put its section into rclone.conf",
    },
  ]);
});
