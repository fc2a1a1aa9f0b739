import { describe, expect, test } from "bun:test";
import { expansionIn, placeMistake, templateMistake } from "../../../src/config/mistakes.ts";
import type { DbstashError } from "../../../src/errors.ts";

const replace = "write what it stands for, or let a shell or Compose replace it before";
const tokens =
  "times are tokens: {date} is 2026-02-07, {time} 020000, {timestamp} 20260207T020000Z, {ts} Unix seconds";
const comment = "has a # behind a blank, and a comment there would be a part of the value";

function told(error: DbstashError | null): [string, string | undefined] | null {
  return error === null ? null : [error.message, error.hint];
}

test.each<[string, string, string | undefined]>([
  ["/backups # local", comment, "leave the comment out"],
  ["/backups\t# local", comment, "leave the comment out"],
  ["~", "begins with ~, which no shell replaces here", "write the folder's whole path"],
  ["~joe/x", "begins with ~, which no shell replaces here", "write the folder's whole path"],
  ["/a/$HOME/x", "holds $HOME, which nothing replaces here", replace],
  ["/a/${DIR}/x", "holds ${DIR}, which nothing replaces here", replace],
  ["/a/${DIR:-hunter22}", "holds ${DIR}, which nothing replaces here", replace],
  ["/a/${", "holds ${}, which nothing replaces here", replace],
  ["/a/$(hostname -s)", "holds $(…), which nothing replaces here", replace],
  ["/a/`hostname`", "holds a backtick, which no shell carries out here", undefined],
  ["/a/%HOSTNAME%", "holds %HOSTNAME%, which nothing replaces here", replace],
])("in a path %s %s", (text, message, hint) => {
  expect(told(expansionIn(text))).toEqual([message, hint]);
});

test.each([
  "/backups",
  "/a#b",
  "/a$",
  "/a/$1",
  "C$/x",
  "/100%/x",
  "/%C3%BC",
  "/a~",
  "/a/~b",
  "/a # b".replace(" ", ""),
])("in a path %s stands for itself", (text) => {
  expect(expansionIn(text)).toBeNull();
});

describe("a place", () => {
  const slashes = (scheme: string) =>
    `begins with ${scheme}://, but a remote of rclone's is written without slashes behind its colon`;

  test.each<[string, string, string]>([
    ["s3://bucket/x", slashes("s3"), "write s3:bucket/x"],
    ["s3:///bucket", slashes("s3"), "write s3:bucket"],
    [":s3://bucket", slashes(":s3"), "write :s3:bucket"],
    ["my-remote://x", slashes("my-remote"), "write my-remote:x"],
    ["s3://bucket/at@home:8", slashes("s3"), "write s3:…"],
    ["file:///backups", slashes("file"), "write /backups for a local folder"],
    [
      "https://dav.example/x",
      slashes("https"),
      "an address is written as an on-the-fly remote: :webdav,url=https://host/path:folder",
    ],
    ["s3:bucket # local", comment, "leave the comment out; where it is a folder's name write \\# for the #"],
    ["s3:bucket/$HOME", "holds $HOME, which nothing replaces here", replace],
    [":s3,key=a$HOME:bucket/$USER", "holds $USER, which nothing replaces here", replace],
    ["/a,b=$HOME", "holds $HOME, which nothing replaces here", replace],
  ])("%s %s", (text, message, hint) => {
    expect(told(placeMistake(text))).toEqual([message, hint]);
  });

  test.each([
    "s3:bucket",
    ":s3:bucket",
    "/x",
    "./x",
    ":sftp,host=h,pass=$HOME:x",
    "sftp:~/x",
    'x,url="https://h/$A":y',
  ])("%s is none of these mistakes", (text) => {
    expect(placeMistake(text)).toBeNull();
  });

  test("with a user in a URL is looked at elsewhere, where no part of it is shown", () => {
    expect(placeMistake("https://joe:hunter22@host/x")).toBeNull();
  });
});

test.each<[string, string, string | undefined]>([
  ["{db}-%Y%m%d", "holds %Y, which nothing replaces here", tokens],
  ["{db}-%F_%H", "holds %F, which nothing replaces here", tokens],
  ["{db}-%-d", "holds %-d, which nothing replaces here", tokens],
  ["{db}-%DATE%", "holds %D, which nothing replaces here", tokens],
  ["{db}-$(date +%F)", "holds a call of date, which no shell carries out here", tokens],
  ["{db}-`date`", "holds a call of date, which no shell carries out here", tokens],
  ["{db}-{date:yyyy-MM-dd}", "has the token {date:yyyy-MM-dd}, but a token takes no format", tokens],
  ["{db}-{timestamp:%s}", "has the token {timestamp:%s}, but a token takes no format", tokens],
  ["{db}-$(hostname)", "holds $(…), which nothing replaces here", replace],
  ["{db}-${HOSTNAME}", "holds ${HOSTNAME}, which nothing replaces here", replace],
  ["{db} # nightly", comment, "leave the comment out"],
])("the template %s %s", (text, message, hint) => {
  expect(told(templateMistake(text))).toEqual([message, hint]);
});

describe("a format of another program in a template is told with the token for it:", () => {
  test.each<[string, string, string]>([
    ["{db}-YYYY-MM-DD", "YYYY-MM-DD", "{date}"],
    ["{db}-YYYYMMDD", "YYYYMMDD", "{date}"],
    ["{db}-yyyy-MM-dd", "yyyy-MM-dd", "{date}"],
    ["{db}-DDMMYYYY", "DDMMYYYY", "{date}"],
    ["{db}-DD.MM.YY", "DD.MM.YY", "{date}"],
    ["{db}-yymmdd", "yymmdd", "{date}"],
    ["{db}/YYYY/MM/{time}", "YYYY/MM", "{date}"],
    ["backupYYYYMMDD-{db}", "YYYYMMDD", "{date}"],
    ["{db}-{date}-HHmmss", "HHmmss", "{time}"],
    ["HHmmss", "HHmmss", "{time}"],
    ["{date}THHmm", "HHmm", "{time}"],
    ["{db}_hh-mm", "hh-mm", "{time}"],
    ["{db}-YYYYMMDDTHHmmssZ", "YYYYMMDDTHHmmssZ", "{timestamp}"],
    ["{db}-YYYY-MM-DD HH:mm:ss", "YYYY-MM-DD HH:mm:ss", "{timestamp}"],
  ])("%s", (text, found, token) => {
    expect(told(templateMistake(text))).toEqual([
      `holds ${found}, which nothing replaces here`,
      `write ${token} for it; ${tokens}`,
    ]);
  });

  test.each([
    "{db}-{timestamp}",
    "summer-{db}",
    "{db}-dd",
    "{db}-SS",
    "MM{db}",
    "{engine}-mm-{db}",
    "add-mm",
    "COMMITTEE-{db}",
    "HAMMER",
    "ADDRESS",
    "ADDED",
    "committed",
    "progress",
    "password",
    "mass-storage",
  ])("%s has none", (text) => {
    expect(templateMistake(text)).toBeNull();
  });
});
