import { describe, expect, test } from "bun:test";
import { docsAddress } from "../../../src/commands/address.ts";
import { helpOfWord, helpText, restoreText } from "../../../src/commands/help.ts";
import { commandNames } from "../../../src/commands/words.ts";
import { options } from "../../../src/config/options.ts";
import { mongo } from "../../../src/engine/mongo/mongo.ts";
import { postgres } from "../../../src/engine/postgres/postgres.ts";
import { redis } from "../../../src/engine/redis.ts";

describe("help", () => {
  test("names every setting of the engine, and none of another's", () => {
    const text = helpText(postgres);
    for (const row of Object.values(options)) {
      if ("engines" in row && row.engines !== undefined) expect(text).not.toContain(row.variable);
      else expect(text).toContain(`${row.variable}`);
    }
    expect(helpText(mongo)).toContain("--db-auth-source, DB_AUTH_SOURCE");
  });

  test("prints the exit codes", () => {
    expect(helpText(postgres)).toMatch(/ {2}143 {2}stopped by SIGTERM/);
  });

  test.each([
    ["pg", postgres, 5432, "postgres://app:secret@db.example.com:5432/shop"],
    ["mongo", mongo, 27_017, "mongodb://app:secret@db.example.com:27017/shop"],
    ["redis", redis, 6379, "redis://app:secret@db.example.com:6379"],
  ] as const)("of %s has the engine's port, and an example", (_, engine, port, uri) => {
    const text = helpText(engine);
    expect(text).toContain(`--db-port, DB_PORT\n      port (default: ${port})\n`);
    expect(text).toContain(`  DB_URI='${uri}' dbstash-${engine.name} backup --rclone-remote /backups\n`);
  });

  test("names every word and where the documentation is", () => {
    const text = helpText(postgres);
    for (const name of commandNames) expect(text).toMatch(new RegExp(`^  dbstash-pg ${name}\\b`, "m"));
    expect(text).toContain(docsAddress);
  });

  test.each(commandNames.map((name) => [name] as const))("%s has a help of its own", (name) => {
    const text = helpOfWord(name, postgres);
    expect(text).toStartWith(`dbstash-pg ${name}: `);
    expect(text).toContain("\nUsage:\n");
    expect(text).toMatch(/\nExit codes:\n +0 {2}/);
    expect(text).not.toContain("BACKUP_MODE");
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(120);
  });

  test("of list tells its flag and its own exit codes", () => {
    const text = helpOfWord("list", postgres);
    expect(text).toContain("  --json     print an array");
    expect(text).toContain("  1  the place could not be listed; of several, none could\n");
    expect(text).not.toContain("stopped by SIGTERM");
  });
});

test("restore says whose work it is and where it is written down", () => {
  const text = restoreText(postgres);
  expect(text).toContain("PostgreSQL, whose own tools restore it");
  expect(text).toContain(`${docsAddress}/restore.md\n`);
});
