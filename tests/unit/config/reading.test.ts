import { describe, expect, test } from "bun:test";
import { webhookProblems } from "../../../src/checks/start.ts";
import { readSettings, type Sources } from "../../../src/config/config.ts";
import { type AnyRow, flagOf, type OptionName, options } from "../../../src/config/options.ts";
import { Secret } from "../../../src/config/secret.ts";

/** A right value of every setting: a new one must have its line here. */
const clean: Record<OptionName, string> = {
  engine: "pg",
  dbUri: "postgres://joe:hunter22@db/shop",
  dbHost: "db.example",
  dbPort: "5433",
  dbName: "shop",
  dbUser: "joe",
  dbPassword: "hunter22",
  dbAuthSource: "accounts",
  rcloneRemote: "s3:bucket/x",
  rcloneExtraRemotes: "nas:backups '/mnt/my disk/x'",
  rcloneConfig: btoa("[s3]\ntype = s3\nsecret = hunter22\n"),
  rcloneConfigFile: "/etc/rclone.conf",
  rcloneExtraArgs: "--transfers 2 --s3-acl=private",
  backupSchedule: "0 3 * * *",
  backupMode: "tar",
  backupNameTemplate: "nightly/{db}-{date}",
  backupCompress: "zstd:7",
  backupExtension: ".sql",
  backupDatabases: "'shop crm' test_* !test_b @globals",
  backupParallel: "12",
  backupEncryptTo: "age1563phs7q86qkcscft068lv7vrgge4q0n7yqqv4269xl3qwcux3qq5u5cpz",
  backupEncryptToFile: "/etc/recipients.txt",
  backupAllDatabases: "true",
  backupRetries: "12",
  backupRetryDelay: "2m",
  backupOnStart: "true",
  backupTimeout: "1h30m",
  backupStallTimeout: "10m",
  backupLock: "false",
  backupUmask: "027",
  backupTempDir: "/var/tmp/work",
  backupVerify: "false",
  backupMinPercent: "50",
  dumpExtraArgs: "--no-owner -T 'a b'",
  dryRun: "true",
  tz: "Europe/Berlin",
  retentionMaxFiles: "17",
  retentionMaxDays: "30",
  retentionMinFiles: "12",
  retentionKeepLast: "13",
  retentionKeepHourly: "24",
  retentionKeepDaily: "17",
  retentionKeepWeekly: "14",
  retentionKeepMonthly: "12",
  retentionKeepYearly: "15",
  notifyWebhookUrl: "https://hooks.example/T/hunter22",
  notifyOn: "always",
  pingUrl: "https://hc.example/hunter22",
  hookPreBackup: "echo before",
  hookPostBackup: "echo after",
  hookTimeout: "5m",
  healthPort: "9090",
  healthAddress: "127.0.0.1",
  statusPage: "true",
  metricsFile: "/var/lib/node_exporter/shop.prom",
  logLevel: "debug",
  logFormat: "json",
};

/** A value as something in the way has left it. */
interface Form {
  readonly title: string;
  readonly of: (value: string) => string;
  /** Whose value it is as it stands: nothing there is out of place. */
  readonly meant?: (row: AnyRow) => boolean;
  /** Who must refuse it: nobody may take it for the clean value, nor for another one. */
  readonly refused?: (row: AnyRow) => boolean;
}

const isPassword = ({ reading }: AnyRow): boolean => reading === "password";
const isQuotable = ({ reading }: AnyRow): boolean => ["password", "words", "shell"].includes(reading);
const isExpanded = ({ reading }: AnyRow): boolean => ["path", "place", "template"].includes(reading);
/** Names of other people's making, and what has a grammar of its own that another place looks after. */
const isFree = ({ variable, reading }: AnyRow): boolean =>
  ["DB_NAME", "DB_USER", "DB_AUTH_SOURCE", "NOTIFY_WEBHOOK_URL", "PING_URL"].includes(variable) ||
  ["password", "shell", "words", "uri"].includes(reading);

const around =
  (before: string, after = before) =>
  (value: string) =>
    before + value + after;
const behind = (after: string) => around("", after);
const inside = (text: string) => (value: string) => value.slice(0, 1) + text + value.slice(1);
const all = () => true;

const forms: readonly Form[] = [
  { title: "LF behind it", of: behind("\n") },
  { title: "CRLF behind it", of: behind("\r\n") },
  { title: "CR behind it", of: behind("\r") },
  { title: "several line ends around it", of: around("\r\n\n") },
  { title: "a BOM before it", of: around("\uFEFF", "") },
  { title: "a BOM before it and CRLF behind it", of: around("\uFEFF", "\r\n") },
  { title: "blanks around it", of: around("  "), meant: isPassword },
  { title: "tabs around it", of: around("\t"), meant: isPassword },
  { title: "a blank and CR behind it", of: behind(" \r"), meant: isPassword },
  { title: "double quotes", of: around('"'), meant: isQuotable, refused: (row) => !isQuotable(row) },
  { title: "single quotes", of: around("'"), meant: isQuotable, refused: (row) => !isQuotable(row) },
  {
    title: "quotes and a line end",
    of: around('"', '"\r\n'),
    meant: isQuotable,
    refused: (row) => !isQuotable(row),
  },
  {
    title: "typographic quotes",
    of: around("“", "”"),
    meant: isQuotable,
    refused: (row) => !isQuotable(row),
  },
  {
    title: "a blank within quotes",
    of: around("'", " '"),
    meant: isQuotable,
    refused: (row) => !isQuotable(row),
  },
  ...["\u00A0", "\u200B", "\u200D", "\u2060", "\u00AD", "\u200E", "\u3000", "\u2028"].flatMap(
    (character): Form[] => {
      const code = character.codePointAt(0)?.toString(16);
      const refused = (row: AnyRow) => !isPassword(row);
      return [
        { title: `U+${code} before it`, of: around(character, ""), meant: isPassword, refused },
        { title: `U+${code} behind it`, of: behind(character), meant: isPassword, refused },
        {
          title: `U+${code} and a line end behind it`,
          of: behind(`${character}\n`),
          meant: isPassword,
          refused,
        },
      ];
    },
  ),
  { title: "NUL inside", of: inside("\0"), refused: all },
  { title: "NUL behind it", of: behind("\0"), refused: all },
  { title: "BEL inside", of: inside("\u0007"), meant: isPassword, refused: (row) => !isPassword(row) },
  { title: "ESC inside", of: inside("\u001B[2K"), meant: isPassword, refused: (row) => !isPassword(row) },
  { title: "DEL behind it", of: behind("\u007F"), meant: isPassword, refused: (row) => !isPassword(row) },
  { title: "C1 inside", of: inside("\u0085"), meant: isPassword, refused: (row) => !isPassword(row) },
  {
    title: "a line end inside",
    of: inside("\n"),
    meant: ({ reading }) => ["words", "shell", "lines"].includes(reading),
    refused: ({ reading }) => !["words", "shell", "lines"].includes(reading),
  },
  {
    title: "a tab inside",
    of: inside("\t"),
    meant: ({ reading }) => ["words", "shell", "lines", "password"].includes(reading),
    refused: ({ reading }) => !["words", "shell", "lines", "password"].includes(reading),
  },
  { title: "bytes that are not UTF-8", of: behind("\uFFFD"), refused: all },
  ...["${HOME}", "$HOME", "$(pwd)", "`pwd`", "%HOME%"].map((text): Form => ({
    title: `${text} behind it`,
    of: behind(text),
    meant: isFree,
    refused: isExpanded,
  })),
  { title: "~ before it", of: around("~/", ""), meant: isFree, refused: isExpanded },
  {
    title: "a comment behind it",
    of: behind(" # as it was"),
    meant: (row) => isFree(row) && !["words", "lines"].includes(row.reading),
    refused: (row) => isExpanded(row) || row.reading === "uri" || row.reading === "words",
  },
];

const rows = Object.entries(options) as [OptionName, AnyRow][];
const sourceNames = ["flag", "environment", "env file", "file"] as const;
type SourceName = (typeof sourceNames)[number];

/** What becomes of a text of one setting from one source. */
function read(row: AnyRow, source: SourceName, text: string) {
  const { variable } = row;
  const isFile = source === "file";
  const env: Record<string, string> = isFile
    ? { [`${variable}_FILE`]: "/run/secrets/x" }
    : { [variable]: text };
  const sources: Sources = {
    flags: new Map(source === "flag" ? [[flagOf(variable).slice(2), text]] : []),
    env: source === "environment" || isFile ? env : {},
    envFile: source === "env file" ? env : {},
    readFile: () => text,
  };
  const reading = readSettings(row.engines?.[0] ?? "pg", sources);
  return { ...reading, problems: [...reading.problems, ...webhookProblems(reading.settings)] };
}

const sourcesOf = (row: AnyRow) => sourceNames.filter((source) => source !== "file" || row.file === true);
const plain = (value: unknown): unknown => {
  if (Array.isArray(value) && value.every((part) => part instanceof Secret))
    return value.map((part) => part.reveal()).join(" ");
  return value instanceof Secret ? value.reveal() : value;
};

describe.each(rows)("%s", (option, row) => {
  const value = plain(read(row, "environment", clean[option]).settings[option]);

  test.each(sourcesOf(row))("a clean value from %s", (source) => {
    const { settings, problems } = read(row, source, clean[option]);
    expect(problems).toEqual([]);
    expect(plain(settings[option])).toEqual(value);
    expect(value).not.toEqual(row.default);
  });

  test.each(forms.map((form) => [form.title, form] as const))("with %s", (_, form) => {
    const text = form.of(clean[option]);
    for (const source of sourcesOf(row)) {
      const { settings, problems } = read(row, source, text);
      const [problem, ...more] = problems;
      expect(more).toEqual([]);
      if (problem === undefined) {
        expect(form.refused?.(row) === true && !isMeant(form, row)).toBe(false);
        if (!isMeant(form, row)) expect(plain(settings[option])).toEqual(value);
        continue;
      }
      const name =
        source === "file" && problem.message.includes("_FILE") ? `${row.variable}_FILE` : row.variable;
      expect(problem.option).toBe(option);
      expect(problem.message).toStartWith(`${name} (${flagOf(name)}) `);
      expect(problem.message).toMatch(/[^.\s]$/);
      // A problem is one line, and what would steer a terminal is written out.
      expect(`${problem.message}${problem.hint ?? ""}`).not.toMatch(/\p{Cc}|\p{Cf}|\uFEFF/u);
      if (row.secret) expect(JSON.stringify(problem)).not.toMatch(/hunter2|W3Mz|hooks\.example/);
    }
  });

  test.each(["", "\n", "\uFEFF", "\r\n", ...(isPassword(row) ? [] : ["  ", "\t\n"])])(
    "%j is unset, but in a file",
    (text) => {
      for (const source of sourcesOf(row)) {
        const { settings, problems } = read(row, source, text);
        const file = `${row.variable}_FILE`;
        expect(problems.map(({ message }) => message)).toEqual(
          source === "file" ? [`${file} (${flagOf(file)}) names /run/secrets/x, which is empty`] : [],
        );
        expect(plain(settings[option])).toEqual(
          plain(row.default === null ? null : row.parse(row.default, () => null)),
        );
      }
    },
  );
});

test.each(rows.filter(([, row]) => row.file === true))(
  "the path of the file of %s is read the same way",
  (option, row) => {
    const file = `${row.variable}_FILE`;
    const readFile = (path: string) => (path === "/run/x" ? clean[option] : "another file's");
    const of = (path: string) => readSettings("pg", { flags: new Map(), env: { [file]: path }, readFile });
    for (const path of ["/run/x\r\n", " /run/x ", "\uFEFF/run/x"])
      expect(plain(of(path).settings[option])).toBe(clean[option]);
    for (const path of ['"/run/x"', "~/x", "$HOME/x", "/run/x # ours", "/run/x\u200B", "/run/\0x"]) {
      expect(of(path).problems.map(({ message }) => message)).toEqual([
        expect.stringMatching(
          new RegExp(`^${file} \\(${flagOf(file)}\\) (has|begins|ends|holds) `),
        ) as string,
      ]);
    }
  },
);

function isMeant(form: Form, row: AnyRow): boolean {
  return form.meant?.(row) ?? false;
}

describe("what looks odd and is right", () => {
  test.each<[OptionName, string]>([
    ["dbPassword", `"it's"`],
    ["dbPassword", "#pa$$w0rd ${x} `y` %PATH% ~"],
    ["dbPassword", " blanks at the ends "],
    ["dbPassword", "tab\tand \u00A0 and \u200B"],
    ["dbUri", "postgres://joe:p$HOME%23#'x'@db/shop?a=%PATH%"],
    ["dbName", 'Größe & "more" $1'],
    ["dbName", "it's"],
    ["dbUser", "DOMAIN\\joe"],
    ["dbHost", "fe80::1%eth0"],
    ["rcloneRemote", ":s3,secret_access_key=a$HOME`b`%X%,provider=AWS:bucket/x"],
    ["rcloneRemote", ':sftp,pass="a:b # $HOME",host=h:x'],
    ["rcloneRemote", "dav:files/%C3%BCber/100%"],
    ["rcloneRemote", "smb:C$/backups"],
    ["rcloneRemote", "/mnt/a#b/it's/❤️"],
    ["rcloneConfigFile", "/home/joe/rclone #1.conf".replace(" #", "#")],
    ["hookPreBackup", `test "$(date +%u)" = 7 || exit 0 # only on Sundays`],
    ["hookPostBackup", "if true; then\n\techo `hostname`\nfi"],
    ["hookPreBackup", `"$HOME/bin/before"`],
    ["backupNameTemplate", "it's/{db}-{timestamp}"],
    ["backupNameTemplate", "{db} 100%-{ts}"],
  ])("%s=%s", (option, text) => {
    const { settings, problems } = read(options[option], "environment", text);
    expect(problems).toEqual([]);
    const value: unknown = plain(settings[option]);
    expect(option === "backupNameTemplate" ? settings.backupNameTemplate.text : value).toBe(text);
  });

  test("a folder's name may have a # behind a blank, told from a comment by a backslash", () => {
    const { settings, problems } = read(options.rcloneRemote, "environment", "gdrive:Kunden \\#42/a\\#b");
    expect([settings.rcloneRemote, problems]).toEqual(["gdrive:Kunden #42/a\\#b", []]);
  });

  test("the words of extra arguments may hold all that a shell lets them", () => {
    const { settings } = read(
      options.dumpExtraArgs,
      "environment",
      `-T 'a "b"' --where="x = '1 2'" "$HOME" '*' '#'`,
    );
    expect(settings.dumpExtraArgs).toEqual(["-T", 'a "b"', "--where=x = '1 2'", "$HOME", "*", "#"]);
  });

  test("CRLF within a hook is a line end, of which a shell would make a part of the command", () => {
    expect(read(options.hookPreBackup, "environment", "echo a\r\necho b\r\n").settings.hookPreBackup).toBe(
      "echo a\necho b",
    );
  });
});

test.each<[OptionName, string, string, string | undefined]>([
  ["backupMode", "tarball", 'is "tarball", but must be stream, directory or tar', undefined],
  ["retentionMaxDays", "7d", 'is "7d", but must be a whole number, 0 or more', undefined],
  ["backupTempDir", "work", 'is "work", but must be an absolute path', undefined],
  ["dbName", '"shop"', "has quotes around it, which nothing takes off here", "write shop"],
  ["dbName", "'shop '", "has quotes around it, which nothing takes off here", "write shop"],
  ["dbPassword", "a\0b", "holds a NUL character", undefined],
  ["dbPassword", "a\nb", "holds a line end", undefined],
  [
    "dbUri",
    '"postgres://joe:hunter22@db/shop"',
    "has quotes around it, which nothing takes off here",
    "write it without them",
  ],
  [
    "rcloneRemote",
    '":s3,pass=hunter22:b"',
    "has quotes around it, which nothing takes off here",
    "write it without them",
  ],
  ["dbUser", '""', "is a pair of quotes", "leave the value empty, or leave the setting out"],
  ["dbHost", "db\u00A0", "ends with the invisible character U+00A0", "type the value instead of pasting it"],
  [
    "dbName",
    "\u200Bshop",
    "begins with the invisible character U+200B",
    "type the value instead of pasting it",
  ],
  ["dbName", "sh\top", "holds a tab", undefined],
  ["dbName", "sh\u001Bop", "holds the control character U+001B", undefined],
  ["dbName", "Gr\uFFFDe", "holds bytes that are not UTF-8", "save it as UTF-8"],
  [
    "rcloneExtraArgs",
    '"--transfers 2"',
    "has --transfers and what follows it as one word",
    "close the quotes before the blank, or write --transfers=…",
  ],
  [
    "rcloneExtraArgs",
    `-v '--sftp-pass hunter22'`,
    "has --sftp-pass and what follows it as one word",
    "close the quotes before the blank, or write --sftp-pass=…",
  ],
  [
    "dumpExtraArgs",
    '--no-owner "--exclude-table\tlog"',
    "has --exclude-table and what follows it as one word",
    "close the quotes before the blank, or write --exclude-table=…",
  ],
])("%s=%s: %s", (option, text, message, hint) => {
  const row: AnyRow = options[option];
  const [problem, ...more] = read(row, "environment", text).problems;
  expect(more).toEqual([]);
  expect(problem?.message).toBe(`${row.variable} (${flagOf(row.variable)}) ${message}`);
  expect(problem?.hint).toBe(hint as string);
});
