import { describe, expect, test } from "bun:test";
import { parseClientVersion } from "../../../../src/engine/mysql/client.ts";
import { mariadb, mysql } from "../../../../src/engine/mysql/mysql.ts";
import { outcomeOf as outcome, requestOf, streamPaths as paths } from "../dump-request.ts";
import { uri } from "./parts.ts";

describe("the client's version", () => {
  test.each([
    ["mysqldump  Ver 9.7.4-2 for Linux on x86_64 ((Debian))", "oracle", 9, 7],
    ["mysqldump  Ver 8.0.36 for Linux on x86_64 (MySQL Community Server - GPL)", "oracle", 8, 0],
    ["mysqldump  Ver 10.13 Distrib 5.7.44, for Linux (x86_64)", "oracle", 5, 7],
    ["mysqldump  Ver 10.19 Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)", "mariadb", 10, 11],
    ["mariadb-dump from 11.8.9-MariaDB, client 10.19 for debian-linux-gnu (x86_64)", "mariadb", 11, 8],
  ])("%s", (line, flavour, major, minor) => {
    expect(parseClientVersion(line)).toEqual({ flavour, major, minor } as ReturnType<
      typeof parseClientVersion
    >);
  });

  test("is the first thing asked, and once", () => {
    const probe = mariadb.nextProbe(requestOf(uri), paths, {});
    expect(probe?.command).toEqual({
      tools: ["mariadb-dump", "mysqldump"],
      args: ["--version"],
      env: {},
      files: [],
    });
    const finding = probe?.interpret(outcome({ stdout: "mysqldump  Ver 9.7.4 for Linux" }));
    expect(finding).toEqual({ problems: [], warnings: [], leftOut: [], facts: { client: "oracle 9 7" } });
    expect(mariadb.nextProbe(requestOf(uri), paths, { ...finding?.facts, answer: "true" })).toBeNull();
  });

  test.each([
    [mysql, "oracle 8 4"],
    [mariadb, "mariadb 11 8"],
  ])("is the engine's own where the tool gives none (%#)", (engine, expected) => {
    const finding = engine.nextProbe(requestOf(uri), paths, {})?.interpret(outcome({ exitCode: null }));
    expect(finding?.facts).toEqual({ client: expected });
  });
});
