import { join } from "node:path";
import { component, componentPath } from "../tests/support/components.ts";
import { run, systemPath } from "../tests/support/run.ts";

/** What the demo's database holds. */
export const sampleData = `
CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, joined date NOT NULL);
CREATE TABLE orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer bigint NOT NULL REFERENCES customers,
  amount numeric(10, 2) NOT NULL CHECK (amount > 0),
  details jsonb NOT NULL,
  receipt bytea
);
CREATE INDEX orders_by_customer ON orders (customer);
CREATE VIEW revenue AS SELECT customer, sum(amount) AS total FROM orders GROUP BY customer;
CREATE FUNCTION greet(who text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'नमस्ते, ' || who $$;
INSERT INTO customers (name, joined)
  SELECT 'customer № ' || n, date '2020-01-01' + n % 2000 FROM generate_series(1, 10000) n;
INSERT INTO orders (customer, amount, details, receipt)
  SELECT 1 + n * 7919 % 10000, 1 + n % 5000 / 100.0,
         jsonb_build_object('note', 'line one' || chr(10) || 'a \\ and a "', 'sku', md5(n::text)),
         CASE WHEN n % 3 = 0 THEN sha256(n::text::bytea) END
  FROM generate_series(1, 200000) n;
`;

/** Builds the real executable into a folder. @returns its path */
export async function buildExecutable(outdir: string): Promise<string> {
  const script = join(import.meta.dirname, "build.ts");
  const built = await run([process.execPath, script, "pg", "--outdir", outdir], {
    env: { PATH: systemPath, HOME: outdir },
  });
  if (built.exitCode !== 0) throw new Error(`the build failed: ${built.stdout}${built.stderr}`);
  return join(outdir, "dbstash-pg");
}

/** The newest rclone that is there. */
export function newestRclone(): string {
  const current = component("rclone-current");
  return "path" in current ? current.path : componentPath("rclone-old");
}
