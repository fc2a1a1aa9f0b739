import { type S3Right, startSmallS3 } from "../support/small-s3.ts";
import { runCheck } from "../support/check.ts";
import { runDbstash } from "../support/dbstash.ts";
import { answeringTools } from "./check-tools.ts";
import { tools } from "./places.ts";
import { wholeDump } from "./whole-dump.ts";
const s3 = startSmallS3({ buckets: ["b"], name: "small" });
const fakes = tools({ ...answeringTools, pg_dump: `[ "$1" != --version ] || { echo 'pg_dump (PostgreSQL) 15.3'; exit; }\n${wholeDump(60_000)}` });
const rights = ["list", "read", "head", "write", "delete"] as const;
let off = 0, n = 0;
for (const rclone of ["current", "old"] as const) for (let bits = 0; bits < 32; bits++) for (const more of [{}, { BACKUP_COMPRESS: "zstd" }, { RETENTION_MAX_FILES: "1" }]) {
  const denied = rights.filter((_, i) => bits & (1 << i)) as S3Right[];
  if (denied.includes("write") && denied.length > 2) continue;
  s3.change({ denied: [], faults: {}, buckets: [] }); s3.change({ buckets: ["b"], denied: [...denied, "bucket-head", "bucket-create"] });
  for (const d of [1, 2, 3]) s3.put(`shop/app-2026010${d}T000000Z.sql`, "old");
  const env = { ...s3.env, DB_HOST: "127.0.0.1", DB_NAME: "app", RCLONE_REMOTE: "small:b/shop", ...more };
  const c = await runCheck("pg", { path: [fakes.dir], rclone, env });
  const before = s3.objects("b").size;
  const r = await runDbstash("pg", { path: [fakes.dir], rclone, env });
  n++;
  if (c.exitCode !== r.exitCode) { off++; console.log(`DIFFERS ${rclone} ${denied} ${JSON.stringify(more)}: check ${c.exitCode} run ${r.exitCode}\n  ${c.failed.join("\n  ")}\n  run: ${r.lastLine?.["error"]} left ${before}`); }
}
console.log(`${n} compared, ${off} differ`);
fakes.remove(); await s3.stop();
