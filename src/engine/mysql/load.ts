import type { Command, DumpPaths, DumpRequest } from "../engine.ts";
import { type Client, sqlCommand } from "./client.ts";

/** Of the folder: one line for each table, which loads its data from the client's standard input. */
export const loadFile = "dbstash-load.sql";

/**
 * Types that refuse bytes without a character set, or take them for something else, so that each value is named its
 * own. All other values have to stay bytes: in any character set binary columns lose some of theirs.
 */
const worded = "data_type IN ('enum', 'set', 'json', 'uuid', 'inet4', 'inet6')";

const isGenerated = "COALESCE(generation_expression, '') <> ''";

/**
 * What a session needs to take values as they were dumped: tables in any order, times in UTC (as `--tz-utc` has the
 * dump write them), a 0 as a 0.
 */
const session = "SET foreign_key_checks=0, time_zone='+00:00', sql_mode='NO_AUTO_VALUE_ON_ZERO'";

const variable = "CONCAT('@c', ordinal_position)";
const column = quotedName("column_name");
const value = `IF(${worded}, CONCAT('CONVERT(', ${variable}, ' USING ', COALESCE(character_set_name, 'utf8mb4'), ')'), ${variable})`;
// All by variables: in a LOAD DATA with SET, MariaDB gives an AUTO_INCREMENT column that is read directly a new value for 0.
const variables = list(variable);
const assignments = list(`IF(${isGenerated}, NULL, CONCAT(${column}, ' = ', ${value}))`);

// By their bytes: two names that differ by case are the same to a comparison in this schema's collation. The plain
// comparison beside it keeps the server from opening the tables of every other database.
const tables =
  "SELECT CAST(table_name AS BINARY) AS of_table FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')";
const name = "CAST(table_name AS BINARY)";

const sql = [
  "SET SESSION group_concat_max_len = 16777216",
  `SELECT CONCAT('${session.replaceAll("'", "''")}; LOAD DATA LOCAL INFILE ''/dev/stdin'' INTO TABLE ', ${quotedName("table_name")}, ' CHARACTER SET binary (', ${variables}, ') SET ', ${assignments}, ';') FROM information_schema.columns JOIN (${tables}) AS own ON ${name} = of_table WHERE table_schema = DATABASE() AND CAST(table_schema AS BINARY) = CAST(DATABASE() AS BINARY) GROUP BY ${name}, table_name`,
].join("; ");

/** Asks the server for its columns, in the form of the statements that load what `--tab` has written of them. */
export function loadCommand(request: DumpRequest, paths: DumpPaths, client: Client): Command {
  return sqlCommand(request, paths, client, "load", sql, ["--raw"]);
}

function quotedName(name: string): string {
  return `CONCAT('\`', REPLACE(${name}, '\`', '\`\`'), '\`')`;
}

function list(expression: string): string {
  return `GROUP_CONCAT(${expression} ORDER BY ordinal_position SEPARATOR ', ')`;
}
