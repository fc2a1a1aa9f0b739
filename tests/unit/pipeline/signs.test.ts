import { expect, test } from "bun:test";
import { mongo } from "../../../src/engine/mongo/mongo.ts";
import { postgres } from "../../../src/engine/postgres/postgres.ts";
import { signsOf } from "../../../src/pipeline/signs.ts";
import { requestOf } from "../engine/dump-request.ts";

const encrypted = requestOf("mongodb://h/app", { recipients: ["age1x"] });

test.each([
  ["2026-11-30T02:31:03.825+0000\tarchive prelude app.orders", true],
  ["2026-11-30T02:31:03.825+0000\twriting app.orders to archive on stdout", true],
  ["2026-11-30T02:31:03.829+0000\tdone dumping app.orders (1 document)", true],
  ["2026-11-30T02:31:03.825+0000\tdumping up to 0 collections in parallel", false],
  ["", false],
])("%j of an encrypted dump of mongodump says that there is something in it: %p", (line, isSign) => {
  const signs = signsOf(mongo, encrypted);
  signs.add("2026-11-30T02:31:03.825+0000\tinitializing mongodump object");
  signs.add(line);
  expect(signs.missing()?.message ?? null).toBe(
    isSign ? null : "the database app does not exist or holds no collection",
  );
});

test("nothing has to be said where the stored bytes tell, or nothing does", () => {
  expect(signsOf(mongo, { ...encrypted, recipients: null }).missing()).toBeNull();
  expect(signsOf(postgres, encrypted).missing()).toBeNull();
});
