import { afterEach, beforeEach, expect } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { componentPath, needs } from "../support/components.ts";
import { type DbstashResult, runDbstash, startDbstash } from "../support/dbstash.ts";
import { type FakeTools, fakeTools } from "../support/fake-tools.ts";
import { waitUntilGone } from "../support/procs.ts";
import { parseExposition } from "../support/prometheus-text.ts";
import { freePort, run, waitFor } from "../support/run.ts";
import { startServer } from "../support/server.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";

const { describe, test } = needs("rclone-current", "promtool", "node-exporter");

describe("METRICS_FILE", () => {
  let folder: TempFolder;
  let tools: FakeTools;
  beforeEach(() => {
    folder = tempFolder("metrics");
    for (const name of ["out", "prom"]) mkdirSync(folder.file(name));
    tools = fakeTools({
      pg_dump: `case "$*" in *--version*) echo "pg_dump (PostgreSQL) 16.0"; exit ;; esac
[ ! -e "${folder.file("broken")}" ] || { echo boom >&2; exit 1; }
printf -- '--\\n-- PostgreSQL database dump\\n--\\n\\n--\\n-- PostgreSQL database dump complete\\n--\\n\\n'`,
    });
  });
  afterEach(() => {
    tools[Symbol.dispose]();
    folder.remove();
  });

  const settings = (more: Record<string, string>): Record<string, string> => ({
    DB_URI: "postgresql://joe@127.0.0.1:1/shop",
    RCLONE_REMOTE: folder.file("out"),
    BACKUP_NAME_TEMPLATE: "{db}-{timestamp}",
    METRICS_FILE: folder.file("prom/shop.prom"),
    ...more,
  });
  const runWith = (more: Record<string, string> = {}): Promise<DbstashResult> =>
    runDbstash("pg", { env: settings(more), path: [tools.dir] });
  const value = (name: string, labels: Record<string, string> = {}, file = "prom/shop.prom") => {
    const { samples = [] } =
      parseExposition(readFileSync(folder.file(file), "utf8")).get(`dbstash_${name}`) ?? {};
    return samples.find((each) => Object.entries(labels).every(([key, text]) => each.labels[key] === text))
      ?.value;
  };

  test("of a single run tells of it, and of the last success after a failure", async () => {
    const before = Date.now() / 1000 - 1;
    expect((await runWith()).exitCode).toBe(0);
    const bytes = statSync(folder.file(`out/${readdirSync(folder.file("out"))[0]}`)).size;
    expect(value("last_success_timestamp_seconds")).toBeGreaterThan(before);
    expect([value("last_backup_bytes"), value("last_run_success"), value("running")]).toEqual([bytes, 1, 0]);
    const success = value("last_success_timestamp_seconds");
    writeFileSync(folder.file("broken"), "");
    expect((await runWith()).exitCode).toBe(1);
    expect(value("last_success_timestamp_seconds")).toBe(success);
    expect([value("last_backup_bytes"), value("last_run_success")]).toEqual([bytes, 0]);
    expect(["success", "failure"].map((status) => value("runs_total", { status }))).toEqual([1, 1]);
    expect(value("last_run_timestamp_seconds")).toBeGreaterThan(success ?? 0);
  });

  test("tells of each place by itself: one that is out keeps its last success", async () => {
    const two = { RCLONE_EXTRA_REMOTES: folder.file("second") };
    expect((await runWith(two)).exitCode).toBe(0);
    const at = { place: folder.file("second") };
    const success = value("last_success_timestamp_seconds", at);
    rmSync(folder.file("second"), { recursive: true });
    writeFileSync(folder.file("second"), "no folder any more");
    expect((await runWith(two)).exitCode).toBe(3);
    expect(value("last_success_timestamp_seconds", at)).toBe(success);
    expect([value("last_run_success", at), value("last_run_success")]).toEqual([0, 1]);
    expect(value("last_success_timestamp_seconds")).toBeGreaterThan(success ?? Infinity);
  });

  test("tells of warnings, and that there never was a success", async () => {
    expect((await runWith({ HOOK_POST_BACKUP: "exit 7" })).exitCode).toBe(3);
    expect([value("last_run_warnings"), value("last_run_success")]).toEqual([1, 1]);
    writeFileSync(folder.file("broken"), "");
    expect((await runWith({ METRICS_FILE: folder.file("prom/new.prom") })).exitCode).toBe(1);
    expect(value("last_success_timestamp_seconds", {}, "prom/new.prom")).toBe(0);
  });

  test("is readable by all whatever the umask, and nothing else is left beside it", async () => {
    const own = process.umask(0o077);
    const started = runWith();
    process.umask(own);
    const { exitCode } = await started;
    expect(exitCode).toBe(0);
    expect(statSync(folder.file("prom/shop.prom")).mode & 0o777).toBe(0o644);
    expect(readdirSync(folder.file("prom"))).toEqual(["shop.prom"]);
  });

  test("that can't be written is a warning before the last line, and no exit code", async () => {
    const { exitCode, lines, lastLine } = await runWith({ METRICS_FILE: folder.file("nowhere/shop.prom") });
    expect([exitCode, lastLine?.msg]).toEqual([0, "backup stored"]);
    expect(lines.find(({ msg }) => msg.startsWith("METRICS_FILE"))).toMatchObject({
      level: "warn",
      msg: "METRICS_FILE (--metrics-file) could not be written",
      hint: expect.stringContaining("textfile.directory"),
    });
  });

  test("of another job, or of another program, is left as it is", async () => {
    expect((await runWith()).exitCode).toBe(0);
    const first = readFileSync(folder.file("prom/shop.prom"), "utf8");
    const other = { DB_URI: "postgresql://joe@127.0.0.1:1/crm" };
    const second = await runWith(other);
    expect(second.exitCode).toBe(0);
    expect(second.lines.find(({ msg }) => msg.startsWith("METRICS_FILE"))).toMatchObject({
      error: "the file that stands there is another job's",
      hint: expect.stringContaining("a file of its own"),
    });
    expect(readFileSync(folder.file("prom/shop.prom"), "utf8")).toBe(first);
    writeFileSync(folder.file("prom/apt.prom"), "apt_upgrades_pending 3\n");
    await runWith({ METRICS_FILE: folder.file("prom/apt.prom") });
    expect(readFileSync(folder.file("prom/apt.prom"), "utf8")).toBe("apt_upgrades_pending 3\n");
  });

  test("beside those of other jobs has no series in common with them", async () => {
    const jobs = [
      {},
      { DB_URI: "postgresql://joe@127.0.0.1:1/crm" },
      { RCLONE_REMOTE: folder.file("out/second") },
      { BACKUP_NAME_TEMPLATE: "{db}-hourly-{timestamp}" },
    ];
    for (const [at, job] of jobs.entries())
      expect((await runWith({ ...job, METRICS_FILE: folder.file(`prom/${at}.prom`) })).exitCode).toBe(0);
    for (const name of readdirSync(folder.file("prom"))) {
      const text = readFileSync(folder.file(`prom/${name}`), "utf8");
      const check = [componentPath("promtool"), "check", "metrics"];
      expect(await run(check, { stdin: text })).toMatchObject({ exitCode: 0, stdout: "", stderr: "" });
    }
    const port = await freePort();
    const flags = ["--collector.disable-defaults", "--collector.textfile", "--web.disable-exporter-metrics"];
    const exporter = await startServer({
      command: [
        componentPath("node-exporter"),
        ...flags,
        `--collector.textfile.directory=${folder.file("prom")}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      logFile: folder.file("exporter.log"),
      asRoot: true,
      isReady: (output) => output.includes("TLS is disabled"),
    });
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    const families = parseExposition(await response.text());
    expect(response.status).toBe(200);
    expect(families.get("node_textfile_scrape_error")?.samples[0]?.value).toBe(0);
    for (const name of ["dbstash_running", "dbstash_last_backup_bytes"])
      expect(families.get(name)?.samples).toHaveLength(jobs.length);
    await exporter.stop();
  }, 60_000);

  test("of a schedule is written after each run, and holds what /metrics serves", async () => {
    const port = await freePort();
    const more = { BACKUP_SCHEDULE: "* * * * * *", HEALTH_PORT: String(port) };
    const daemon = startDbstash("pg", { env: settings(more), path: [tools.dir] });
    await waitFor("two runs", () => {
      try {
        return (value("runs_total", { status: "success" }) ?? 0) >= 2;
      } catch {
        return false;
      }
    });
    const served = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const names = (text: string): string[] => [...parseExposition(text).keys()];
    expect(names(readFileSync(folder.file("prom/shop.prom"), "utf8"))).toEqual(names(served));
    expect(value("success_due_timestamp_seconds")).toBeGreaterThan(Date.now() / 1000);
    daemon.signal("SIGTERM");
    expect((await daemon.exited).exitCode).toBe(0);
    await waitUntilGone(daemon.id);
  });

  test("is not written by a run that is skipped or by a dry one", async () => {
    expect((await runWith({ DRY_RUN: "true" })).exitCode).toBe(0);
    expect(readdirSync(folder.file("prom"))).toEqual([]);
  });

  for (const path of ["shop.prom", "/var/lib/shop.txt", "/var/lib/.prom/", "/shop.prom.tmp"])
    test(`that is ${path} is an error`, async () => {
      const { exitCode, stderr } = await runWith({ METRICS_FILE: path });
      expect(exitCode).toBe(2);
      expect(stderr).toContain(`METRICS_FILE (--metrics-file) is "${path}", but must be an absolute path`);
    });
});
