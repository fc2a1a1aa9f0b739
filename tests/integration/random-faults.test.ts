import { afterAll, expect } from "bun:test";
import { makeKeys } from "../support/age.ts";
import { needs } from "../support/components.ts";
import { startS3 } from "../support/s3.ts";
import { startSftp } from "../support/sftp.ts";
import { scenarioOf, tryFault } from "./random-fault.ts";

const { test, available } = needs("rclone-current", "s3-server", "sshd", "zstd", "age");

/** `bun run faults 1000` asks for more. */
const count = Number(process.env["FAULTS"] ?? 60);
const seed = Number(process.env["TEST_SEED"] ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const atOnce = 4;
/** Each may wait for a stall clock, an abort and a guard. */
const limitMs = 60_000 + count * 30_000;

const grounds = available ? { s3: await startS3(), sftp: await startSftp(), keys: await makeKeys() } : null;
afterAll(async () => {
  await grounds?.s3.stop();
  await grounds?.sftp.stop();
  grounds?.keys[Symbol.dispose]();
});

console.log(`random faults: TEST_SEED=${seed}`);

test(
  `whatever ends at whatever moment, nothing but whole backups stand there, and the run tells the truth (${count} times)`,
  async () => {
    if (grounds === null) throw new Error("not set up");
    const { s3, sftp, keys } = grounds;
    const wrong: string[] = [];
    const seeds = Array.from({ length: count }, (_, index) => (seed + index) >>> 0).values();
    const worker = async (): Promise<void> => {
      for (const each of seeds)
        wrong.push(...(await tryFault(scenarioOf(each), { s3, sftp, key: keys.own })));
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    expect(wrong).toEqual([]);
  },
  limitMs,
);
