import { afterAll, expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../support/components.ts";
import { startDbstash } from "../support/dbstash.ts";
import { expectNothingStored, localPlace, Places, rcloneExcept, startFaultRun, tools } from "./places.ts";

const { test } = needs("rclone-current", "rclone-old", "s3-server");
const places = new Places();
afterAll(() => places.stop());

/** A dump in pg_dump's form, its end included. */
const whole = `printf -- '--\\n-- PostgreSQL database dump\\n--\\n\\n'
head -c 300000 /dev/zero | tr '\\0' 'x'
printf -- '\\n--\\n-- PostgreSQL database dump complete\\n--\\n\\n'`;

for (const rclone of ["current", "old"] as const) {
  test(`a whole backup is compared by its size and its end, by the ${rclone} rclone`, async () => {
    using place = localPlace();
    using fakes = tools({ pg_dump: whole });
    const result = await startFaultRun({ place, tools: fakes, rclone }).exited;
    expect(result.exitCode).toBe(0);
    const verified = result.lines.find((line) => line.msg === "backup verified");
    expect(verified?.["compared"]).toBe("size and end of a plain pg_dump file");
    expect(place.files()).toHaveLength(1);
  });

  for (const kind of ["a local folder", "S3"] as const) {
    test(`a backup that lost its last bytes on the way into ${kind} is removed, by the ${rclone} rclone`, async () => {
      using place = await places.make(kind);
      const cut =
        'cat >"$FAKE_DIR/all"; size=$(wc -c <"$FAKE_DIR/all"); head -c $((size - 10)) "$FAKE_DIR/all" | "$REAL" "$@"; exit';
      using fakes = tools({ pg_dump: whole, rclone: rcloneExcept("rcat", cut, rclone) });
      const result = await startFaultRun({ place, tools: fakes, rclone }).exited;
      await expectNothingStored(result, place, { error: /^the stored backup is not whole: / });
    });

    test(`a backup in ${kind} that can't be read back is kept, with a warning, by the ${rclone} rclone`, async () => {
      using place = await places.make(kind);
      const refuse = 'echo "error 503: come back later" >&2; exit 1';
      using fakes = tools({ pg_dump: whole, rclone: rcloneExcept("cat", refuse, rclone) });
      const result = await startFaultRun({ place, tools: fakes, rclone }).exited;
      expect(result.exitCode).toBe(3);
      expect(result.lastLine).toMatchObject({
        level: "warn",
        msg: "backup stored, with warnings",
        exit_code: 3,
      });
      const warning = result.lines.find((line) => line.msg.includes("could not be checked"));
      expect(warning?.msg).toContain("503");
      expect(place.published()).toHaveLength(1);
      expect(place.files()).toHaveLength(1);
    });
  }
}

test("a dump without its own end is removed, though pg_dump exited 0", async () => {
  using place = localPlace();
  using fakes = tools({ pg_dump: whole.split("\n").slice(0, 2).join("\n") });
  const result = await startFaultRun({ place, tools: fakes }).exited;
  await expectNothingStored(result, place, {
    error: /^the stored backup is not whole: its end is not the end of a plain pg_dump file/,
  });
});

test("a stored backup that has vanished is a failure", async () => {
  using place = localPlace();
  using fakes = tools({ pg_dump: whole, rclone: rcloneExcept("rcat", '"$REAL" "$@" && rm -f "$2"; exit') });
  const result = await startFaultRun({ place, tools: fakes }).exited;
  expect(result.exitCode).not.toBe(0);
  expect(place.files()).toEqual([]);
});

test("BACKUP_VERIFY=false reads nothing back", async () => {
  using place = localPlace();
  using fakes = tools({ pg_dump: whole, rclone: rcloneExcept("none", ":") });
  const result = await startFaultRun({ place, tools: fakes, env: { BACKUP_VERIFY: "false" } }).exited;
  expect(result.exitCode).toBe(0);
  expect(result.lines.map(({ msg }) => msg)).toContain("backup not verified");
  expect(fakes.calls("rclone").map(([verb]) => verb)).not.toContain("cat");
});

for (const [tool, engine, env] of [
  ["pg_dump", "pg", {}],
  ["pg_dumpall", "pg", { BACKUP_ALL_DATABASES: "true", DB_NAME: "" }],
  ["mysqldump", "mysql", {}],
  ["mariadb-dump", "mariadb", {}],
  ["mongodump", "mongo", {}],
] as const)
  test(`what is no dump of ${tool}'s is kept, with a warning and without retention`, async () => {
    using place = localPlace();
    const old = `${"DB_NAME" in env ? "all" : "app"}-20200101T000000Z.${engine === "mongo" ? "archive" : "sql"}`;
    writeFileSync(join(place.remote, old), "older");
    const says =
      'case "$*" in *--version*) echo "Ver 10.13 Distrib 9.7.4" ;; *) echo "nothing like a dump at all." ;; esac';
    using fakes = tools({ [tool]: says });
    const result = await startDbstash(engine, {
      path: [fakes.dir],
      env: {
        DB_HOST: "127.0.0.1",
        DB_NAME: "app",
        RCLONE_REMOTE: place.remote,
        RETENTION_MAX_FILES: "1",
        ...env,
      },
    }).exited;
    expect(result.exitCode).toBe(3);
    const warnings = result.lines.filter(({ level }) => level === "warn").map(({ msg }) => msg);
    expect(warnings).toContainEqual(
      expect.stringMatching(
        /^the stored backup could not be checked: it has neither the beginning nor the end of a /,
      ),
    );
    expect(place.files()).toContain(old);
    expect(place.files()).toHaveLength(2);
  });

test("a database that MongoDB does not know is told as that, and nothing is stored", async () => {
  using place = localPlace();
  // The magic, a header of one field and the terminator (mongo-tools, common/archive/spec.md).
  const nothing = "\\155\\342\\231\\201\\014\\0\\0\\0\\020v\\0\\001\\0\\0\\0\\0\\377\\377\\377\\377";
  using fakes = tools({ mongodump: `printf '${nothing}'` });
  const env = { DB_HOST: "127.0.0.1", DB_NAME: "nosuch", RCLONE_REMOTE: place.remote };
  const result = await startDbstash("mongo", { path: [fakes.dir], env }).exited;
  await expectNothingStored(result, place, {
    error: /^the database nosuch does not exist or holds no collection$/,
  });
  expect(result.lastLine?.["hint"]).toContain("upper and lower case count");
});

test("a format that extra arguments chose is compared by size alone, and the log says so", async () => {
  using place = localPlace();
  using fakes = tools({ pg_dump: "printf PGDMP; head -c 3000 /dev/zero" });
  const result = await startFaultRun({ place, tools: fakes, env: { DUMP_EXTRA_ARGS: "-Fc" } }).exited;
  expect(result.exitCode).toBe(0);
  const verified = result.lines.find((line) => line.msg === "backup verified");
  expect(String(verified?.["compared"])).toBe("size");
});
