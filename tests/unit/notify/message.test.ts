import { describe, expect, test } from "bun:test";
import { clip } from "../../../src/notify/message.ts";
import { failed, message, stored, warned } from "./results.ts";

describe("a notification", () => {
  test("names the engine, database, host, size, duration, time and remote path", () => {
    expect(message(stored)).toEqual({
      ending: "success",
      title: "✅ backup of shop (pg) stored",
      error: null,
      finishedAt: new Date("2026-02-07T02:03:12.000Z"),
      fields: [
        { label: "Engine", value: "pg", short: true },
        { label: "Database", value: "shop", short: true },
        { label: "Host", value: "backup-host", short: true },
        { label: "Size", value: "1.5 GiB", short: true },
        { label: "Duration", value: "3m 12s", short: true },
        { label: "Finished", value: "2026-02-07T02:03:12Z", short: true },
        { label: "Remote path", value: "s3:backups/shop-20260207T020000Z.sql", short: false },
        { label: "Backup id", value: "019c3589-3e00-7abc-8def-0123456789ab", short: false },
      ],
    });
  });

  test("of a failure has the error and its hint, and no size", () => {
    const { title, error, fields } = message(failed, null);
    expect(title).toBe("❌ backup of shop (pg) failed");
    expect(error).toBe('pg_dump failed: relation "a<b>" & more\nhint: look at `the` server');
    expect(fields.map((field) => field.label)).not.toContain("Size");
    expect(fields.map((field) => field.label)).not.toContain("Host");
  });

  test("of a stored backup with warnings has them all", () => {
    const { title, ending, fields } = message(warned);
    expect([title, ending]).toEqual(["⚠️ backup of shop (pg) stored, with warnings", "warning"]);
    expect(fields.find((field) => field.label === "Warnings")?.value).toBe(
      "retention failed: no such bucket\npost hook failed",
    );
  });
});

test("a clipped text ends with a mark and never with half a character", () => {
  expect(clip("abcdef", 6)).toBe("abcdef");
  expect(clip("abcdefg", 6)).toBe("abcde…");
  expect(clip("abcd✅😀😀", 7)).toBe("abcd✅…");
});
