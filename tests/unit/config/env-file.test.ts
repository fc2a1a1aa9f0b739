import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseEnvFile } from "../../../src/config/env-file.ts";
import { isOwnVariable } from "../../../src/config/own-variables.ts";

const file = "/etc/dbstash/shop.env";
const all = () => true;

describe("an env file sets", () => {
  test.each<[string, string, Record<string, string>]>([
    ["nothing where it is empty", "", {}],
    ["nothing by comments and empty lines", "# DB_HOST=a\n\n  \t\n  # b\n", {}],
    ["what stands there", "DB_HOST=db\nDB_PORT=5432\n", { DB_HOST: "db", DB_PORT: "5432" }],
    ["the last line, too", "DB_HOST=db", { DB_HOST: "db" }],
    ["the same with Windows' line ends", "DB_HOST=db\r\nDB_NAME='a'\r\n", { DB_HOST: "db", DB_NAME: "a" }],
    ["the same behind a BOM", "\uFEFFDB_HOST=db\n", { DB_HOST: "db" }],
    ["the same behind export", "export DB_HOST=db\nexport\t DB_NAME=a\n", { DB_HOST: "db", DB_NAME: "a" }],
    ["a variable called export", "export=1", { export: "1" }],
    ["an empty value", "DB_HOST=\nDB_NAME=''\nDB_USER=\"\"\n", { DB_HOST: "", DB_NAME: "", DB_USER: "" }],
    ["a value with blanks", "BACKUP_SCHEDULE=0 2 * * *\n", { BACKUP_SCHEDULE: "0 2 * * *" }],
    ["a value without the blanks around it", "  DB_HOST=\t db \t\n", { DB_HOST: "db" }],
    ["a value with equals signs", "DB_URI=a?b=c==\n", { DB_URI: "a?b=c==" }],
    ["what a shell alone would end it at", "A=a?b&c\nB=c;(d)|<e>\n", { A: "a?b&c", B: "c;(d)|<e>" }],
    ["in quotes the same", `A='a&b'\nB="c;(d)|<>~"\n`, { A: "a&b", B: "c;(d)|<>~" }],
    ["a value in double quotes", "DB_HOST=\"a 'b' # c \"\n", { DB_HOST: "a 'b' # c " }],
    ["in single quotes whatever it is", `A='$b \\ "c" # \`d\`'  \n`, { A: '$b \\ "c" # `d`' }],
    ["a value with a ~ that begins nothing", "A=a~b/~c\n", { A: "a~b/~c" }],
    ["flags with a value", "A=--jobs=2 --table=b\n", { A: "--jobs=2 --table=b" }],
    ["a # that begins no comment", "A=a#b\nB=#c\n", { A: "a#b", B: "#c" }],
    ["the same thing twice", "A=1\nB=2\nA='1'\n", { A: "1", B: "2" }],
    ["a variable of rclone's", "RCLONE_CONFIG_MY-S3_TYPE=s3\n", { "RCLONE_CONFIG_MY-S3_TYPE": "s3" }],
  ])("%s", (_, text, variables) => {
    expect(parseEnvFile(file, text, all)).toEqual({ variables, problems: [], warnings: [] });
  });
});

describe("a line that can't be read is told by its number and reason, never by its value:", () => {
  test.each<[string, string, string]>([
    ["a $", "A=hunter2$x", "has a $ in A, which not all read as it stands"],
    ["a $ in double quotes", 'A="hunter2$x"', "has a $ in A, which not all read as it stands"],
    ["a $ at the end", "A=hunter2$", "has a $ in A, which not all read as it stands"],
    ["a backslash", "A=hunter2\\x", "has a backslash in A, which not all read as it stands"],
    ["one in double quotes", 'A="hunter2\\""', "has a backslash in A, which not all read as it stands"],
    ["a line that goes on", "A=hunter2\\\nB=c", "has a backslash in A, which not all read as it stands"],
    ["a backtick", "A=hunter2`b", "has a backtick in A, which not all read as it stands"],
    ["one in double quotes", 'A="hunter2`b"', "has a backtick in A, which not all read as it stands"],
    ["a quote within", "A=hunter2'x'", "has a quote within the value of A, which not all read as it stands"],
    [
      "one behind a blank",
      'A=echo "hunter2"',
      "has a quote within the value of A, which not all read as it stands",
    ],
    ["one quote", "A=it's hunter2", "has a quote within the value of A, which not all read as it stands"],
    ["a home folder", "A=~/hunter2", "has a ~ in A outside of quotes, which not all read as it stands"],
    [
      "one of a remote",
      "A=sftp:~/hunter2",
      "has a ~ in A outside of quotes, which not all read as it stands",
    ],
    [
      "two variables",
      "A=hunter2 TZ=UTC",
      "has a second variable behind the value of A, which not all read as it stands",
    ],
    [
      "two behind export",
      "export A=/b TZ=hunter2",
      "has a second variable behind the value of A, which not all read as it stands",
    ],
    [
      "two names behind export",
      "export A=hunter2 B",
      "has a blank in A outside of quotes, behind export, which not all read as it stands",
    ],
    ["two variables in quotes", "export A='hunter2' TZ='UTC'", "has text behind the closing quote of A"],
    ["a comment", "A=hunter2 # b", "has a # behind the value of A, which not all take for a comment"],
    ["one behind a tab", "A=hunter2\t#b", "has a # behind the value of A, which not all take for a comment"],
    [
      "one behind quotes",
      "A='hunter2' # b",
      "has a # behind the value of A, which not all take for a comment",
    ],
    [
      "one in place of a value",
      "A= # hunter2",
      "has a # behind the value of A, which not all take for a comment",
    ],
    ["an open quote", "A='hunter2", "opens a quote for A that is not closed on it"],
    ["an open double quote", 'A="hunter2', "opens a quote for A that is not closed on it"],
    ["text behind a quote", "A='hunter2'x", "has text behind the closing quote of A"],
    ["a quote in quotes", "A='it's hunter2'", "has text behind the closing quote of A"],
    ["no equals sign", "hunter2", "has no ="],
    ["no name", "=hunter2", "has no variable's name before its ="],
    ["a name with a blank", "DB HOST=hunter2", "has no variable's name before its ="],
    ["a name that begins with a digit", "1A=hunter2", "has no variable's name before its ="],
    ["a name with a $", "$A=hunter2", "has no variable's name before its ="],
    ["a blank before the equals sign", "A =hunter2", "has a blank before its =, behind A"],
    ["a NUL", "A=hunter2\0", "holds a control character"],
    ["a line end of old", "A=hunter2\rB=c", "holds a control character"],
    ["bytes that are no text", "A=hunter2\uFFFD", "holds bytes that are not UTF-8"],
    ["a second value", "B=1\nA=hunter2\nA=hunter3", "sets A again, to something else than line 2"],
  ])("%s", (_, text, words) => {
    const { problems } = parseEnvFile(file, `# first\n${text}`, all);
    const line = words.startsWith("sets") ? 4 : 2;
    const expected = words.replace(/line 2$/, "line 3");
    expect(problems[0]?.message).toBe(`${file}, line ${line} ${expected}`);
    expect(JSON.stringify(problems)).not.toContain("hunter");
  });

  test.each([
    ["A=a B=c", "give it a line of its own, or put the value in single quotes"],
    ['A=a "b"', "put the value in single quotes"],
    ["A=it's", "put the value in double quotes"],
    [
      `A=echo "it's"`,
      "a value with both kinds of quotes can't be written here: put a command into a script, a secret into a file",
    ],
  ])("%s has a hint of what to write", (text, hint) => {
    expect(parseEnvFile(file, text, all).problems[0]?.hint).toBe(hint);
  });

  test("all of them at once", () => {
    const { problems, variables } = parseEnvFile(file, "a\nA=1\nB=$x\nC='", all);
    expect(problems.map(({ message }) => /line \d/.exec(message)?.[0])).toEqual([
      "line 1",
      "line 3",
      "line 4",
    ]);
    expect(variables).toEqual({ A: "1" });
  });
});

describe("a variable of others that can't be read is left out with a warning, by file and line:", () => {
  const ours = (name: string) => name.startsWith("DB_");
  const strange = "hunter2";
  test.each<[string, string, string]>([
    [
      "a variable in it",
      `APP_URL="\${${strange}}/x"`,
      "line 2 has a $ in APP_URL, which not all read as it stands",
    ],
    ["a backslash", `KEY=a\\${strange}`, "line 2 has a backslash in KEY, which not all read as it stands"],
    [
      "a comment",
      `DEBUG=true # ${strange}`,
      "line 2 has a # behind the value of DEBUG, which not all take for a comment",
    ],
    ["blanks around =", `DEBUG = ${strange}`, "line 2 has a blank before its =, behind DEBUG"],
    ["a name alone", "DEBUG", "line 2 has no ="],
    [
      "quotes within",
      `MOTTO=it's ${strange}`,
      "line 2 has a quote within the value of MOTTO, which not all read as it stands",
    ],
    ["an open quote", `MOTTO="${strange}`, "line 2 opens a quote for MOTTO that is not closed on it"],
  ])("%s", (_, text, words) => {
    const read = parseEnvFile(file, `# first\n${text}\nDB_HOST=db\n`, ours);
    expect(read).toEqual({
      variables: { DB_HOST: "db" },
      problems: [],
      warnings: [`${file}, ${words}: the variable is left out, for dbstash and the commands it runs`],
    });
    expect(read.warnings.join()).not.toContain(strange);
  });

  test("a value of several lines", () => {
    const key = "-----BEGIN KEY-----\nhunter2==\nDB hunter2\n-----END KEY-----";
    expect(parseEnvFile(file, `KEY="${key}"\nDB_HOST=db\n`, ours)).toEqual({
      variables: { DB_HOST: "db" },
      problems: [],
      warnings: [`${file}, lines 1 to 4 hold a value of several lines for KEY, which is left out`],
    });
  });

  test("but not over a variable of ours", () => {
    const { problems } = parseEnvFile(file, 'MOTTO="x\nDB_HOST="db"\n', ours);
    expect(problems.map(({ message }) => message)).toEqual([
      `${file}, line 1 opens a quote for MOTTO that is not closed before DB_HOST`,
    ]);
  });

  test("a variable of ours stays an error", () => {
    const { problems, warnings } = parseEnvFile(file, "DB_PASSWORD=a$b\nDB_HOST: db\nDB_NAME\n", ours);
    expect([problems.length, warnings.length]).toEqual([3, 0]);
  });
});

test.each([
  ["DB_URI", true],
  ["DB_PASSWORD_FILE", true],
  ["DB_URL", true],
  ["BACKUP_ANYTHING", true],
  ["AWS_SECRET_ACCESS_KEY", true],
  ["RCLONE_CONFIG_S3_TYPE", true],
  ["PGSSLROOTCERT", true],
  ["https_proxy", true],
  ["TZ", true],
  ["APP_KEY", false],
  ["AWS_BUCKET", false],
  ["DB_CONNECTION", false],
  ["REDIS_URL", false],
  ["MYSQL_ROOT_PASSWORD", false],
  ["SECRET_KEY_BASE", false],
])("%s is ours: %p", (name, expected) => {
  expect(isOwnVariable(name)).toBe(expected);
});

test("what stands in single quotes is read as it stands, and no text is read in part", () => {
  const text = fc.string({ unit: "grapheme" }).filter((each) => !/[\0\r\n'\uFFFD]/.test(each));
  fc.assert(
    fc.property(text, (value) => {
      expect(parseEnvFile(file, `A='${value}'\n`, all)).toEqual({
        variables: { A: value },
        problems: [],
        warnings: [],
      });
    }),
  );
});
