import { describe, expect, test } from "bun:test";
import { mysql } from "../../../../src/engine/mysql/mysql.ts";

describe("what the dump tool says at exit 0", () => {
  const policies =
    "mysqldump: Error: 'SELECT command denied to user 'u'@'h'' when trying to dump masking policies";

  test.each([
    "mysqldump: Error: 'Access denied; you need (at least one of) the PROCESS privilege(s)' when trying to dump tablespaces",
    policies,
    "/usr/bin/mariadb-dump: Error: 'x' when trying to dump tablespaces",
    "-- Warning: Couldn't get status information for table t ()",
    "Warning! mysqldump being run against old server that does not",
    "mysqldump: [Warning] something nobody knows",
    "mysqldump: Error: 'no GTID' when trying to dump tablespaces",
  ])("leaves out: %s", (line) => {
    expect(line).toMatch(mysql.remarks ?? /$^/);
    const { problems, warnings, leftOut } = mysql.judge(`x\n${line}\ny`);
    expect([problems, warnings]).toEqual([[], []]);
    expect(leftOut).toEqual([{ message: expect.stringMatching(/^left out.*: /), words: line }]);
  });

  test("tells how masking policies get into the dump", () => {
    expect(JSON.stringify(mysql.judge(policies).leftOut)).toContain("GRANT SELECT ON performance_schema.* ");
  });

  test.each([
    "Warning: A partial dump from a server that has GTIDs will by default include the GTIDs of all transactions",
    "mysqldump: [Warning] Using a password on the command line interface can be insecure.",
    "WARNING: no verification of server certificate will be done. Use --ssl-mode=VERIFY_CA or VERIFY_IDENTITY.",
    "WARNING: --compress is deprecated and will be removed in a future version.",
    "Warning: World-writable config file '/x' is ignored",
    "-- Warning: column statistics not supported by the server.",
  ])("is told alone: %s", (line) => {
    const { warnings, leftOut } = mysql.judge(line);
    expect(leftOut).toEqual([]);
    expect(warnings).toEqual([{ message: `mysqldump warns: ${line}`, words: line }]);
  });

  test.each(["-- Connecting to h...", "mariadb-dump: Deprecated program name.", "Enter password:"])(
    "is nothing: %s",
    (line) => {
      expect(line).not.toMatch(mysql.remarks ?? /^/);
    },
  );
});
