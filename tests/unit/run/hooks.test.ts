import { expect, test } from "bun:test";
import { hookVariables } from "../../../src/run/hooks.ts";
import { failed, stored } from "../notify/results.ts";

test.each([
  [
    stored,
    {
      DBSTASH_STATUS: "success",
      DBSTASH_FILE: "shop-20260207T020000Z.sql",
      DBSTASH_ENGINE: "pg",
      DBSTASH_DATABASE: "shop",
      DBSTASH_SIZE: "1610612736",
      DBSTASH_DURATION_MS: "192000",
      DBSTASH_ERROR: "",
    },
  ],
  [failed, { DBSTASH_STATUS: "failure", DBSTASH_SIZE: "", DBSTASH_ERROR: failed.error?.message ?? "" }],
  [{ ...failed, fileName: null }, { DBSTASH_FILE: "" }],
])("a post hook learns of the run by variables: %#", (result, variables) => {
  expect(hookVariables(result)).toMatchObject({ ...variables, DBSTASH_BACKUP_ID: result.backupId });
});
