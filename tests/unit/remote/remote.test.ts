import { describe, expect, test } from "bun:test";
import { addressed, folderPath, joinRemote, parseRemote, withoutAlias } from "../../../src/remote/remote.ts";

const alias = "dbstash_place_1";

/** What rclone is told of a place's file: its word in argv, and what the alias stands for. */
function told(text: string, name: string, env: Record<string, string> = {}): [string, string | null] {
  const remote = parseRemote(text, env);
  const { args, env: added } = addressed(remote, ["rcat", joinRemote(remote.path, name)]);
  const stands = added["RCLONE_CONFIG_DBSTASH_PLACE_1_REMOTE"] ?? null;
  expect(added).toEqual(
    stands === null
      ? {}
      : {
          RCLONE_CONFIG_DBSTASH_PLACE_1_TYPE: "alias",
          RCLONE_CONFIG_DBSTASH_PLACE_1_REMOTE: stands,
        },
  );
  return [args[1] ?? "", stands];
}

describe("a file of RCLONE_REMOTE, as rclone is told it", () => {
  test.each<[string, string, string, string | null]>([
    ["/backups", "a.sql", "/backups/a.sql", null],
    ["./odd:name", "a.sql", "./odd:name/a.sql", null],
    ["s3:bucket/x", "d/a.sql", "s3:bucket/x/d/a.sql", null],
    ["my remote:", "a.sql", "my remote:a.sql", null],
    ["my-s3:b", "a.sql", "my-s3:b/a.sql", null],
    [":s3:bucket", "a.sql", ":s3:bucket/a.sql", null],
    // Whatever has parameters: the text as it is in a variable, the name alone in argv.
    [":sftp,host=h,pass=p4ss:dir", "a.sql", `${alias}:a.sql`, ":sftp,host=h,pass=p4ss:dir/"],
    [":sftp,host=h:/dir", "d/e/a.sql", `${alias}:a.sql`, ":sftp,host=h:/dir/d/e/"],
    ["my-alias,remote=/B:", "a.sql", `${alias}:a.sql`, "my-alias,remote=/B:"],
    ['my a.b,remote="/n,e:w ":x/', "a.sql", `${alias}:a.sql`, 'my a.b,remote="/n,e:w ":x/'],
    ["nosuch,type=alias,remote=/x:", "d/a.sql", `${alias}:a.sql`, "nosuch,type=alias,remote=/x:d/"],
    [
      `:alias,remote='my-a,remote="/deep":w':z`,
      "a.sql",
      `${alias}:a.sql`,
      `:alias,remote='my-a,remote="/deep":w':z/`,
    ],
    ["büro,acl=x:b", "a.sql", `${alias}:a.sql`, "büro,acl=x:b/"],
  ])("%s %s", (text, name, word, stands) => {
    expect(told(text, name)).toEqual([word, stands]);
  });

  test.each<[string, string, Record<string, string>, string]>([
    ["with a section", "my-s3:b", { "RCLONE_CONFIG_MY-S3_ENDPOINT": 'h"x' }, 'my-s3,endpoint="h""x":b/'],
    [
      "without one",
      "my.s3:b",
      { "RCLONE_CONFIG_MY.S3_TYPE": "s3", "RCLONE_CONFIG_MY.S3_ENV_AUTH": "" },
      'my.s3,type="s3",env_auth="":b/',
    ],
    [
      "with a parameter that says otherwise",
      "my-s3,endpoint=mine:b",
      { "RCLONE_CONFIG_MY-S3_TYPE": "s3", "RCLONE_CONFIG_MY-S3_ENDPOINT": "other" },
      'my-s3,endpoint=mine,type="s3":b/',
    ],
  ])("variables that a shell drops join the parameters: %s", (_, text, env, stands) => {
    expect(told(text, "a.sql", env)).toEqual([`${alias}:a.sql`, stands]);
  });

  test("variables that a shell hands on do not", () => {
    expect(told("my_s3:b", "a.sql", { RCLONE_CONFIG_MY_S3_TYPE: "s3" })).toEqual(["my_s3:b/a.sql", null]);
    // The section's dash stays: that is another remote's.
    expect(told("my-s3:b", "a.sql", { RCLONE_CONFIG_MY_S3_TYPE: "s3" })).toEqual(["my-s3:b/a.sql", null]);
  });

  test("two paths of one folder, and a folder", () => {
    const remote = parseRemote("a,remote=/b:x");
    const { args, env } = addressed(remote, [
      "moveto",
      `${remote.path}/d/.a.partial`,
      `${remote.path}/d/a`,
      "--retries",
    ]);
    expect(args).toEqual(["moveto", `${alias}:.a.partial`, `${alias}:a`, "--retries"]);
    expect(env["RCLONE_CONFIG_DBSTASH_PLACE_1_REMOTE"]).toBe("a,remote=/b:x/d/");
    const folder = addressed(remote, ["lsjson", folderPath(remote.path)]);
    expect([folder.args[1], folder.env["RCLONE_CONFIG_DBSTASH_PLACE_1_REMOTE"]]).toEqual([
      `${alias}:`,
      "a,remote=/b:x/",
    ]);
    expect(() => addressed(remote, [`${remote.path}/d/a`, `${remote.path}/e/a`])).toThrow("two folders");
  });

  test("two places have two aliases", () => {
    expect(parseRemote("a,remote=/b:x", {}, 2).path).toBe("dbstash_place_2:x");
  });

  test("rclone's words name the remote as people know it", () => {
    const words = `Failed to create file system for "${alias}:x": no`;
    expect(withoutAlias(parseRemote(":sftp,host=h:x"), words)).toBe(
      'Failed to create file system for ":sftp:x": no',
    );
    expect(withoutAlias(parseRemote("s3:x"), words)).toBe(words);
  });
});

describe("what is known of RCLONE_REMOTE", () => {
  test.each<[string, Partial<ReturnType<typeof parseRemote>>]>([
    ["/x", { shown: "/x", configName: null, isLocal: true, standsAlone: true }],
    ["./x:y", { shown: "./x:y", isLocal: true }],
    [":local:/x", { shown: ":local:/x", configName: null, isLocal: false, standsAlone: true }],
    ["s3:b", { shown: "s3:b", configName: "s3", isLocal: false, standsAlone: false, names: [] }],
    [`:crypt,remote="b2:x",password=pw:y`, { shown: ":crypt:y", standsAlone: false, names: ["b2"] }],
    [":crypt,remote=/x,password=pw:y", { standsAlone: true, names: [] }],
    [`:union,upstreams="a:x b-c:y :s3:z /d":q`, { names: ["a", "b-c"] }],
    [`:alias,remote='my a,remote="x:":w':z`, { names: ["my a", "x"] }],
    ["s3,global.dry_run,override.x=1:b", { globalOptions: ["dry_run"] }],
    [`x,remote="s3,global.Dry_Run=true:b":c/,global.no`, { globalOptions: ["dry_run"] }],
    ["s3:b/,global.dry_run=true", { globalOptions: [] }],
  ])("%s", (text, known) => {
    expect(parseRemote(text)).toMatchObject(known);
  });

  test("parameters are secrets, but for harmless ones", () => {
    expect(parseRemote(":sftp,host=example,port=22,user=joe,pass=p4ss:x").secrets).toEqual([
      "joe",
      "p4ss",
      "joe:p4ss",
    ]);
    expect(parseRemote(`:webdav,url="https://joe:p4ss@h/x":y`).secrets).toEqual(["p4ss"]);
    expect(parseRemote(`:alias,remote=":sftp,pass='p,4':x":y`).secrets).toEqual(["p,4"]);
  });

  test("what tells two targets apart is there without secrets", () => {
    const parameters = (text: string, env = {}) => parseRemote(text, env).parameters;
    expect(parameters(`:webdav,url="https://joe:p4ss@h/x",user=joe,pass=p4ss,vendor=other:y`)).toEqual([
      ["url", "https://joe:@h/x"],
      ["user", "joe"],
      ["vendor", "other"],
    ]);
    expect(
      parameters("s3:b", { RCLONE_CONFIG_S3_ENDPOINT: "h", RCLONE_CONFIG_S3_SECRET_ACCESS_KEY: "k" }),
    ).toEqual([["endpoint", "h"]]);
    expect(
      JSON.stringify(parameters(`:crypt,remote=":sftp,host=h,pass=p4ss:x",password=pw:y`)),
    ).not.toContain("p4ss");
  });

  test.each([
    [":sftp,pass=topsecret", "has parameters that no colon ends"],
    [`:sftp,pass="topsecret:dir`, "has a quote that is not closed"],
    [":sftp,=topsecret:dir", "has a parameter without a name"],
    [":sftp,pass=x,:dir", "has a parameter without a name"],
    [
      ":s3,secret-access-key=topsecret:b",
      "has a parameter whose name holds more than letters, digits and _, which rclone refuses",
    ],
    ["$x,pass=topsecret:b", "has parameters behind a name that no remote of rclone's can have"],
    [":crypt,remote=b2:x,password=topsecret:y", "has parameters behind a colon, which ends them"],
    [":webdav,url=https://h/x,pass=topsecret", "has parameters behind a colon, which ends them"],
    [":webdav,url=https://h/topsecret:y", "has a URL without quotes, which its colon cuts off"],
    [
      ":s3,provider=Minio,env_auth,endpoint=http://topsecret:9000:bucket",
      "has a URL without quotes, which its colon cuts off",
    ],
    ["-x:b", "begins with -, as no remote of rclone's can"],
  ])("%s is refused without quoting a value", (text, message) => {
    expect(() => parseRemote(text)).toThrow(message);
    expect(() => parseRemote(text)).not.toThrow(/topsecret/);
  });
});

test.each([
  ["s3:", "a.sql", "s3:a.sql"],
  ["s3:b", "a.sql", "s3:b/a.sql"],
  ["/x/", "a.sql", "/x/a.sql"],
  ["/x", "", "/x"],
])("%s and %s are %s", (base, name, joined) => {
  expect(joinRemote(base, name)).toBe(joined);
});

test("a folder has a slash at its end", () => {
  expect([folderPath("s3:b"), folderPath("s3:"), folderPath("/x/")]).toEqual(["s3:b/", "s3:", "/x/"]);
});
