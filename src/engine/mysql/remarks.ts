import type { Problem } from "../../errors.ts";
import type { Judgement } from "../engine.ts";

/** Errors and warnings of either dump tool. */
export const mysqlRemarks = /^(?:\S*(?:mysqldump|mariadb-dump): )?(?:-- )?\[?(?:error|warning)\b/i;

/** Warnings of what is in the backup all the same: settings of the tools, restores elsewhere, the order of rows. */
const harmless =
  /GTID|partial dump|deprecated|password on the command line|no verification of server certificate|insecure passwordless login|column statistics|World-writable|option '|unknown variable 'loose|cannot set (permissions|group)|read key|records are NOT sorted|--parallel|streams (is|are) left open|SQL_QUOTE_SHOW_CREATE|stand-in table|terminology mode|version string returned/i;

/** At exit 0 an error of the tool is something it went on without (tablespaces, masking policies). */
export function judgeRemarks(remarks: string): Judgement {
  const lines = remarks.split("\n").filter((line) => mysqlRemarks.test(line));
  const isHarmless = (line: string): boolean => !/^\S*: Error: /.test(line) && harmless.test(line);
  return {
    problems: [],
    warnings: lines.filter(isHarmless).map((line) => foreign("mysqldump warns", line)),
    leftOut: lines
      .filter((line) => !isHarmless(line))
      .map((line) => foreign(`left out${remedy(line)}`, line)),
  };
}

function foreign(sentence: string, line: string): Problem {
  const words = line.trim();
  return { message: `${sentence}: ${words}`, words };
}

/** What lets MySQL 9.7's client see the masking policies, which it looks for by default. */
function remedy(line: string): string {
  return line.includes("dump masking pol")
    ? " (GRANT SELECT ON performance_schema.* lets the user see them; DUMP_EXTRA_ARGS=--skip-masking-policies leaves them out without this warning)"
    : "";
}
