import { expect } from "bun:test";
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { componentPath, needs } from "../support/components.ts";
import { runDbstash } from "../support/dbstash.ts";
import { type FakeTools, fakeTools } from "../support/fake-tools.ts";
import { localPlace, type Place, startFaultRun, tools } from "./places.ts";

const { describe, test } = needs("rclone-current", "rclone-old");

/** From so many on the names are read first. */
const crowd = 10_000;

/** A place with three backups of the job and so many files of others. */
function placeAmong(others: number): Place {
  const place = localPlace();
  for (let index = 0; index < others; index++)
    closeSync(openSync(join(place.remote, `other-${index}.sql`), "w"));
  for (const [day, bytes] of [
    ["01", 10],
    ["02", 200],
    ["03", 3000],
  ] as const)
    writeFileSync(join(place.remote, `app-202601${day}T000000Z.sql`), "x".repeat(bytes));
  return place;
}

/** rclone, whose calls are written down. */
function noted(name: "rclone-current" | "rclone-old"): string {
  return `exec '${componentPath(name)}' "$@"`;
}

async function listed(place: Place, fakes: FakeTools) {
  const { exitCode, stdout, stderr } = await runDbstash("pg", {
    args: ["list", "--json"],
    path: [fakes.dir],
    env: { DB_NAME: "app", RCLONE_REMOTE: place.remote, BACKUP_NAME_TEMPLATE: "{db}-{timestamp}" },
  });
  expect(stderr).toBe("");
  expect(exitCode).toBe(0);
  const sizes = (JSON.parse(stdout) as { name: string; bytes: number }[]).map(
    ({ name, bytes }) => [name.slice(0, "app-20260101".length), bytes] as const,
  );
  const calls = fakes.calls("rclone").map((call) => (call.includes("--files-from-raw") ? "names" : "all"));
  return { sizes: Object.fromEntries(sizes), calls };
}

const three = { "app-20260103": 3000, "app-20260102": 200, "app-20260101": 10 };

describe("a folder of this machine that is crowded with others' files", () => {
  for (const name of ["rclone-current", "rclone-old"] as const)
    test(`is listed by names with ${name}, and by all of it where there is no crowd`, async () => {
      using crowded = placeAmong(crowd);
      using fakes = fakeTools({ rclone: noted(name) });
      expect(await listed(crowded, fakes)).toEqual({ sizes: three, calls: ["names"] });
      rmSync(join(crowded.remote, "other-0.sql"));
      expect(await listed(crowded, fakes)).toEqual({ sizes: three, calls: ["names", "all"] });
    });

  const day4 = "app-20260104T000000Z.sql";
  const strange: readonly (readonly [string, (folder: string) => void, readonly ("names" | "all")[]])[] = [
    ["a folder has a name of the job's", (folder) => mkdirSync(join(folder, day4)), ["all"]],
    ["a name of the job's is a link", (folder) => symlinkSync("/etc/passwd", join(folder, day4)), ["all"]],
    [
      "a name has a line's end in it",
      (folder) => writeFileSync(join(folder, "app-\n.sql"), "x"),
      ["names", "all"],
    ],
    [
      "a name is not of UTF-8",
      (folder) => writeFileSync(Buffer.concat([Buffer.from(`${folder}/app-`), Buffer.of(0xff)]), "x"),
      ["names", "all"],
    ],
  ];
  for (const [what, add, attempts] of strange)
    test(`is listed by all of it where ${what}`, async () => {
      using place = placeAmong(crowd);
      using fakes = fakeTools({ rclone: noted("rclone-current") });
      add(place.remote);
      expect(await listed(place, fakes)).toEqual({ sizes: three, calls: [...attempts] });
    });

  for (const [what, ls] of [
    ["fails", "exit 1"],
    ["knows no such flag", "echo 'ls: unrecognized option: file-type' >&2; exit 1"],
    ["says nothing", "exec sleep 60"],
  ] as const)
    test(`is listed by all of it where ls ${what}`, async () => {
      using place = placeAmong(crowd);
      using fakes = fakeTools({ rclone: noted("rclone-current"), ls });
      expect(await listed(place, fakes)).toEqual({ sizes: three, calls: ["all"] });
    });

  test("has nothing of the job", async () => {
    using place = placeAmong(crowd);
    using fakes = fakeTools({ rclone: noted("rclone-current") });
    for (const name of readdirSync(place.remote))
      if (name.startsWith("app-")) rmSync(join(place.remote, name));
    expect(await listed(place, fakes)).toEqual({ sizes: {}, calls: [] });
  });

  test("gets a backup, and loses the ones that are over", async () => {
    using place = placeAmong(crowd);
    using fakes = tools({ pg_dump: "echo backup" });
    const result = await startFaultRun({
      place,
      tools: fakes,
      env: { BACKUP_NAME_TEMPLATE: "{db}-{timestamp}", RETENTION_MAX_FILES: "2" },
    }).exited;
    expect(result.exitCode).toBe(0);
    const own = place.files().filter((name) => !name.startsWith("other-"));
    expect(own).toHaveLength(2);
    expect(own[0]).toBe("app-20260103T000000Z.sql");
    expect(place.files()).toHaveLength(crowd + 2);
  });
});
