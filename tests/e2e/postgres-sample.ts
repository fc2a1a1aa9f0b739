import { expect } from "bun:test";
import { componentPath } from "../support/components.ts";
import type { PostgresServer } from "../support/postgres.ts";
import { runOk, systemPath } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";
import { pageCode, restoreCommand, runDocumented } from "./readme.ts";

/** A name that has to be quoted everywhere. */
export const database = `my "shop" & it's db`;

/** One of each kind of thing a database holds, with a value of 20 MB. */
const sample = `
CREATE SCHEMA "my schema";
CREATE TYPE mood AS ENUM ('ok', 'it''s "fine" 🙂');
CREATE TABLE "big ""one""" (id serial PRIMARY KEY, title text, raw bytea, large text, feeling mood,
  double int GENERATED ALWAYS AS (id * 2) STORED);
INSERT INTO "big ""one""" (title, raw, feeling) VALUES ('gr🙂n', '\\x00ff5c0a'::bytea, 'it''s "fine" 🙂'),
  (E'tab\\tline\\r\\n\\\\.', NULL, 'ok');
INSERT INTO "big ""one""" (title, large) VALUES ('large', repeat('0123456789', 2000000));
CREATE TABLE "my schema"."it's" (id int GENERATED ALWAYS AS IDENTITY, parent int REFERENCES "big ""one""", day date)
  PARTITION BY RANGE (day);
CREATE TABLE "my schema".later PARTITION OF "my schema"."it's" DEFAULT;
INSERT INTO "my schema"."it's" (parent, day) VALUES (1, '2026-02-07'), (NULL, '0044-03-15 BC');
COMMENT ON TABLE "my schema"."it's" IS 'a comment; with ''quotes''';
CREATE VIEW titles AS SELECT id, upper(title) AS title FROM "big ""one""";
CREATE MATERIALIZED VIEW "kept titles" AS SELECT id, title FROM titles;
CREATE UNIQUE INDEX ON "kept titles" (id);
CREATE SEQUENCE counter START 41; SELECT nextval('counter');
CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.title := NEW.title || '!'; RETURN NEW; END $$;
CREATE TRIGGER shouts BEFORE INSERT ON "big ""one""" FOR EACH ROW EXECUTE FUNCTION shout();
CREATE PROCEDURE refill(n int) LANGUAGE sql AS $$ DELETE FROM "my schema"."it's" WHERE id > n $$;
CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM 1; END $$;
CREATE EVENT TRIGGER noted ON ddl_command_end EXECUTE FUNCTION note();
SELECT lo_from_bytea(4711, '\\x00ff0a');
`;

/** Makes the sample database on a server. */
export async function createSample(server: PostgresServer): Promise<void> {
  await server.createDatabase(database);
  await server.sql(sample, database);
}

/** All that a copy of the sample must have in common with it, as text. */
export async function content(server: PostgresServer, name: string): Promise<string> {
  const schema = await server.run("pg_dump", ["--schema-only", "-d", name]);
  if (schema.exitCode !== 0) throw new Error(schema.stderr);
  // The key that newer releases put there is another one each time.
  return `${await rows(server, name)}\n${schema.stdout.replace(/^\\(un)?restrict .*$/gm, "")}`;
}

/** The part of it that no release writes in its own way. */
export function rows(server: PostgresServer, name: string): Promise<string> {
  return server.sql(
    `SELECT id, title, encode(raw, 'hex'), md5(large), length(large), feeling, double FROM "big ""one""" ORDER BY id;
     SELECT * FROM "my schema"."it's" ORDER BY id; SELECT * FROM titles ORDER BY id; SELECT * FROM "kept titles" ORDER BY id;
     SELECT last_value, is_called FROM counter; SELECT proname, prokind, prosrc FROM pg_proc p JOIN pg_namespace n
       ON n.oid = pronamespace WHERE nspname = 'public' ORDER BY 1;
     SELECT tgname FROM pg_trigger WHERE NOT tgisinternal; SELECT evtname, evtenabled FROM pg_event_trigger;
     SELECT encode(lo_get(4711), 'hex')`,
    name,
  );
}

/** A remote that holds one backup, and the variables that define it. */
export interface Place {
  readonly remote: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** How to restore, and to look at what came of it. */
interface Restoring {
  readonly read?: (server: PostgresServer, name: string) => Promise<string>;
  /** Changes the documents' command. */
  readonly change?: (command: string) => string;
}

/**
 * Restores the one backup of a remote into a new database, by the documents' commands for what is stored in this form,
 * and returns what it then holds.
 */
export async function restoredContent(
  server: PostgresServer,
  place: Place,
  storedAs: string,
  { read = content, change = (command) => command }: Restoring = {},
): Promise<string> {
  using folder = tempFolder("restore");
  const env = { ...server.env, ...place.env, HOME: folder.path };
  const rclone = componentPath("rclone-current");
  const clean = { env: { ...env, PATH: systemPath } };
  const names = (await runOk([rclone, "lsf", place.remote, "--config", ""], clean)).trim().split("\n");
  expect(names).toHaveLength(1);
  const name = (names[0] ?? "").replace(/\/$/, "");

  const command = restoreCommand("PostgreSQL", storedAs);
  const [extension = ""] = /FILE(\.[.a-z]+)?/.exec(command)?.slice(1) ?? [];
  expect(name).toEndWith(extension ?? "");
  const file = name.slice(0, name.length - (extension ?? "").length);
  const fetches = command.includes("REMOTE");
  if (!fetches) await runOk([rclone, "copy", place.remote, folder.path, "--config", ""], clean);
  const words = { FILE: file, ...(fetches ? { REMOTE: place.remote } : {}) };
  const path = [server.binDir, rclone.replace(/\/[^/]*$/, ""), componentPath("zstd").replace(/\/[^/]*$/, "")];
  const options = { path, env, cwd: folder.path };
  await runDocumented(pageCode("PostgreSQL", "createdb"), { ...options, words: {} });
  try {
    await runDocumented(change(command), { ...options, words });
    return await read(server, "new");
  } finally {
    await server.sql("DROP DATABASE new");
  }
}
