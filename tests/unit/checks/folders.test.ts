import { expect, test } from "bun:test";
import { readdirSync, symlinkSync } from "node:fs";
import { lookAtLockFolder, lookAtMetricsFile } from "../../../src/checks/folders.ts";
import { lockKeyOf } from "../../../src/job/job.ts";
import { openLibc } from "../../../src/process/libc.ts";
import { takeLock } from "../../../src/process/lock.ts";
import { tempFolder } from "../../support/temp.ts";
import { resolve, uri } from "../job/jobs.ts";

const libc = openLibc();
const job = resolve(uri);

test("this job's lock is taken, and released at once", () => {
  using folder = tempFolder("lock");
  const look = () => lookAtLockFolder(job, libc, [folder.path]);
  expect([look().ending, look().ending]).toEqual(["well", "well"]);
  expect(readdirSync(folder.path)).toEqual([]);
});

test("a lock that another run holds keeps a run now from its work", () => {
  using folder = tempFolder("lock");
  const lock = takeLock(libc, [folder.path], lockKeyOf(job, job.places[0]));
  expect(lookAtLockFolder(job, libc, [folder.path])).toMatchObject({ ending: "open", isUntried: true });
  if (lock.kind === "locked") lock.release();
});

test("a lock that can't be had is told with its reason", () => {
  const { ending, found } = lookAtLockFolder(job, libc, ["/no/such"]);
  expect(ending).toBe("open");
  expect(found.message).toStartWith("this job's lock can't be had, so other processes");
  expect(found.words).toContain("/no/such");
});

test("a lock file that can't be opened is told, though another folder has one", () => {
  using folder = tempFolder("lock");
  using closed = tempFolder("lock");
  const lock = takeLock(libc, [closed.path], lockKeyOf(job, job.places[0]));
  const [name = ""] = readdirSync(closed.path);
  if (lock.kind === "locked") lock.release();
  // A link is not followed: nobody may open it, root neither.
  symlinkSync("/dev/null", closed.file(name));
  const { ending, found } = lookAtLockFolder(job, libc, [folder.path, closed.path]);
  expect([ending, found.words?.includes(name)]).toEqual(["open", true]);
});

test("a metrics file whose folder is missing, or may not be written to, is told, and costs a run nothing", () => {
  using folder = tempFolder("metrics");
  const look = (path: string) => lookAtMetricsFile(resolve({ ...uri, METRICS_FILE: path }));
  expect(look(folder.file("shop.prom"))).toMatchObject([{ topic: "metrics", ending: "well" }]);
  for (const [path, why] of [
    [folder.file("no/shop.prom"), "/no does not exist"],
    // Where root may not write either.
    ["/proc/self/shop.prom", "/proc/self can't be written to"],
  ] as const) {
    const [line] = look(path);
    expect(line?.ending).toBe("open");
    expect(line?.found.message).toEndWith(why);
  }
  expect(lookAtMetricsFile(job)).toEqual([]);
});
