import { afterAll, beforeAll, expect } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { componentPath, needs } from "../support/components.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { run, systemPath, waitFor } from "../support/run.ts";
import {
  canStartSystemd,
  notRun,
  sharedPath,
  startSystemd,
  type SystemdManager,
} from "../support/systemd.ts";
import { tempFolder } from "../support/temp.ts";

const { describe, test } = needs("systemd", "postgresql", "rclone-current");
const describeWithManager = canStartSystemd ? describe : notRun;

const root = join(import.meta.dirname, "../..");
const units = Object.fromEntries(
  readdirSync(join(root, "systemd")).map((name) => [name, readFileSync(join(root, "systemd", name), "utf8")]),
);
const services = Object.keys(units).filter((name) => name.endsWith(".service"));
const dist = process.env["DBSTASH_DIST"] ?? join(root, "dist");

const analyze = (...args: string[]) => run([join(componentPath("systemd"), "systemd-analyze"), ...args]);

describe("the units, looked at by systemd-analyze", () => {
  const verify = async (change: (text: string) => string) => {
    using copy = tempFolder("units");
    for (const [name, text] of Object.entries(units)) writeFileSync(copy.file(name), change(text));
    const jobs = Object.keys(units).map((name) => copy.file(name.replace("@.", "@shop.")));
    const { exitCode, stderr } = await analyze("--no-pager", "--man=no", "verify", ...jobs);
    return { exitCode, said: stderr.split("\n").filter((line) => line.includes("dbstash")) };
  };

  test("have nothing in them that systemd does not know or take", async () => {
    expect(await verify((text) => text)).toEqual({ exitCode: 0, said: [] });
  });

  test("nor in the example of what is started by a failure", async () => {
    const example = units["dbstash@.service"]?.match(/^#OnFailure=\S+$/gm) ?? [];
    expect(example).toEqual(["#OnFailure=tell@%n.service"]);
    expect(await verify((text) => text.replace("#OnFailure=", "OnFailure="))).toEqual({
      exitCode: 0,
      said: [],
    });
  });

  test("a setting that does not exist is found by that look", async () => {
    const { said } = await verify((text) => text.replace("KillMode=", "KilMode="));
    expect(said.join("\n")).toContain("Unknown key 'KilMode'");
  });

  for (const name of services) {
    test(`${name} is exposed by at most 2.0 of 10`, async () => {
      const { exitCode, stdout } = await analyze(
        "security",
        "--no-pager",
        "--offline=true",
        "--threshold=20",
        join(root, "systemd", name),
      );
      expect(stdout).toContain("Overall exposure level");
      expect(exitCode).toBe(0);
    });
  }

  test("what both services share is the same in both", () => {
    const [first, second] = services.map((name) =>
      units[name]?.split("# From here on both units are the same.\n")[1]?.replace(/\n\[Install\][^]*/, ""),
    );
    expect(first).toContain("KillMode=");
    expect(second).toBe(first);
  });
});

/** What the unit's own words say an administrator does for a local folder. */
const rootCommands = (units["dbstash@.service"]?.match(/^# {3}(useradd|install) .*$/gm) ?? []).map((line) =>
  line.replace(/^# {3}(\w+)/, (_, tool: string) => Bun.which(tool) ?? tool),
);

/** A commented setting of the unit, as a drop-in has it. */
function exampleOf(setting: string): string {
  const line = new RegExp(`^#(${setting}=.*)$`, "m").exec(units["dbstash@.service"] ?? "")?.[1];
  return `[Unit]\n${line}\n`;
}

/** A value with everything that a shell or systemd could take for something else, but a single quote. */
const odd = 'a b&c;d $HOME `id` %i "x" \\ #e |f *';

describeWithManager("the units, run by systemd", () => {
  let pg: PostgresServer;
  let manager: SystemdManager;
  beforeAll(async () => {
    pg = await startPostgres();
    await pg.createDatabase("shop");
    await pg.sql("CREATE TABLE goods AS SELECT generate_series(1, 1000) AS id", "shop");
    const shop = (name: string, ...more: string[]) =>
      ["ENGINE=pg", `RCLONE_REMOTE=${name}`, "LOG_FORMAT=json", ...more].join("\n");
    const uri = `DB_URI='${pg.uri("shop")}'`;
    manager = await startSystemd({
      units: {
        ...units,
        // As an administrator writes them, by the words of the units and the documentation.
        "dbstash@local.service.d/override.conf": "[Service]\nReadWritePaths=/srv/backups\n",
        "dbstash@c1.service.d/tell.conf": exampleOf("OnFailure"),
        "dbstash@c4.service.d/tell.conf": exampleOf("OnFailure"),
        "tell@.service": "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo told of %i'\n",
        "root.service": `[Service]\nType=oneshot\n${rootCommands.map((command) => `ExecStart=${command}`).join("\n")}\n`,
      },
      etc: {
        "shop.env": shop("store:shop"),
        "shop.secrets/DB_URI": `${pg.uri("shop")}\n`,
        // What lies about in such folders.
        "shop.secrets/README": "DB_URI and RCLONE_CONFIG\n",
        "shop.secrets/DB_URI.bak": "mysql://nobody@nowhere/none\n",
        "shop.secrets/DB_URI~": "mysql://nobody@nowhere/none\n",
        "shop.secrets/.DB_PASSWORD.swp": "x",
        "shop.secrets/db_password": "x",
        "shop.secrets/RCLONE_CONFIG": `[store]\ntype = alias\nremote = ${sharedPath}\n`,
        "plain.env": shop(`${sharedPath}/plain`, uri),
        "local.env": shop("/srv/backups/shop", uri),
        "closed.env": shop("/srv/backups/closed", uri),
        "slow.env": shop(`${sharedPath}/slow`, uri, "STALL=yes"),
        "left.env": shop(`${sharedPath}/left`, uri),
        "right.env": shop(`${sharedPath}/right`, uri),
        "late.env": shop(`${sharedPath}/late`, uri, "LATE=yes", "BACKUP_ON_START=true"),
        "wrong.env": shop(`${sharedPath}/wrong`),
        "bare.env": "RCLONE_REMOTE=/nowhere\n",
        "odd.env": `ENGINE=redis\nODD='${odd}'\n`,
        ...Object.fromEntries(
          [0, 1, 2, 3, 4].map((code) => [`c${code}.env`, `ENGINE=redis\nCODE=${code}\n`]),
        ),
      },
      programs: {
        "dbstash-pg": { link: join(dist, "dbstash-pg") },
        "dbstash-redis": `printf '%s' "$ODD"; exit "\${CODE:-0}"`,
        rclone: { link: componentPath("rclone-current") },
        pg_dump: `[ -z "$LATE" ] || sleep 1
          [ -z "$STALL" ] || { head -c 100000 /dev/zero; exec sleep 600; }
          exec "${componentPath("postgresql")}/pg_dump" "$@"`,
      },
    });
  }, 60_000);
  afterAll(async () => {
    await manager?.stop();
    await pg?.stop();
  });

  const stored = (name: string) =>
    existsSync(join(manager.shared, name))
      ? readdirSync(join(manager.shared, name)).filter((file) => !file.startsWith("."))
      : [];

  test("a job stores its backup by secrets that only root can read, as a user of its own", async () => {
    const { exitCode, stderr } = await manager.systemctl("start", "dbstash@shop.service");
    expect({ exitCode, stderr, log: manager.output("dbstash@shop") }).toMatchObject({ exitCode: 0 });
    const [name = "", ...others] = stored("shop");
    expect(others).toEqual([]);
    const file = join(manager.shared, "shop", name);
    expect(readFileSync(file, "utf8")).toContain("PostgreSQL database dump complete");
    expect(manager.output("dbstash@shop")).not.toMatch(/"level":"(warn|error)"/);
    // The range that systemd takes users from who exist only while a service runs.
    expect(statSync(file).uid).toBeGreaterThanOrEqual(61_184);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test("a job without a folder of secrets has its settings from the one file", async () => {
    await manager.systemctl("start", "dbstash@plain.service");
    expect(await manager.property("dbstash@plain.service", "Result")).toBe("success");
    expect(stored("plain")).toHaveLength(1);
  });

  test("a job without ENGINE ends as a configuration error that names the file", async () => {
    await manager.systemctl("start", "dbstash@bare.service");
    expect(manager.output("dbstash@bare")).toContain("ENGINE: is missing in /etc/dbstash/bare.env");
    expect(await manager.property("dbstash@bare.service", "ExecMainStatus")).toBe("2");
  });

  for (const [code, result] of [
    [0, "a success"],
    [1, "a failure"],
    [2, "a failure"],
    [3, "a failure"],
    [4, "a success"],
  ] as const)
    test(`exit code ${code} is ${result} to systemd`, async () => {
      const { exitCode } = await manager.systemctl("start", `dbstash@c${code}.service`);
      expect(exitCode).toBe(result === "a success" ? 0 : 1);
    });

  for (const [what, ...order] of [
    ["stopped", "stop"],
    ["killed", "kill", "--signal=KILL", "--kill-who=main"],
  ] as const)
    test(`a run that is ${what} stores nothing and leaves no process`, async () => {
      const unit = "dbstash@slow.service";
      await manager.systemctl("start", "--no-block", unit);
      await waitFor("the upload", () => runs(manager.processes(unit), "rcat"));
      await manager.systemctl(...order, unit);
      await waitFor("the end", async () => (await manager.property(unit, "ActiveState")) === "failed");
      await waitFor("the end of all processes", () => manager.processes(unit).length === 0);
      expect(stored("slow")).toEqual([]);
      expect(await manager.property(unit, "ExecMainStatus")).toBe(what === "stopped" ? "143" : "9");
      await manager.systemctl("reset-failed", unit);
    });

  test("two schedules run side by side, and end in good order", async () => {
    const both = ["left", "right"].map((name) => `dbstash-daemon@${name}.service`);
    await manager.systemctl("start", ...both);
    for (const unit of both)
      await waitFor("the schedule", () => manager.output(unit).includes("schedule started"));
    await manager.systemctl("stop", ...both);
    for (const unit of both) {
      expect(await manager.property(unit, "ExecMainStatus")).toBe("0");
      expect(await manager.property(unit, "Result")).toBe("success");
    }
  });

  test("a stop of a schedule lets the backup that is on finish", async () => {
    const unit = "dbstash-daemon@late.service";
    await manager.systemctl("start", unit);
    await waitFor("the dump", () => runs(manager.processes(unit), "sleep"));
    await manager.systemctl("stop", unit);
    expect(await manager.property(unit, "ExecMainStatus")).toBe("0");
    expect(stored("late")).toHaveLength(1);
  });

  test("a schedule that was killed starts again, one with wrong settings does not", async () => {
    const [killed, wrong] = ["dbstash-daemon@left.service", "dbstash-daemon@wrong.service"];
    await manager.systemctl("start", killed, wrong);
    await waitFor("the refusal", async () => (await manager.property(wrong, "ActiveState")) === "failed");
    expect(await manager.property(wrong, "ExecMainStatus")).toBe("2");
    expect(await manager.property(wrong, "NRestarts")).toBe("0");
    await manager.systemctl("kill", "--signal=KILL", "--kill-who=main", killed);
    await waitFor(
      "the wait before another start",
      async () => (await manager.property(killed, "SubState")) === "auto-restart",
    );
    await manager.systemctl("stop", killed);
  });

  test("the timer waits for the night", async () => {
    await manager.systemctl("start", "dbstash@shop.timer");
    expect(await manager.property("dbstash@shop.timer", "ActiveState")).toBe("active");
    expect(await manager.property("dbstash@shop.timer", "NextElapseUSecRealtime")).toMatch(
      / 02:(0\d|1[0-5]):/,
    );
  });

  test("a failed backup starts the unit that tells of it, a skipped one does not", async () => {
    await manager.systemctl("start", "dbstash@c1.service", "dbstash@c4.service");
    const told = (code: number) => manager.output(`tell@dbstash@c${code}.service.service`);
    await waitFor("the message", () => told(1) !== "");
    // Other tests fail that job, too.
    expect(new Set(told(1).trimEnd().split("\n"))).toEqual(new Set(["told of dbstash@c1.service"]));
    expect(told(4)).toBe("");
  });

  test("a local folder takes backups once it is allowed and its user stays, and is closed before", async () => {
    expect((await manager.systemctl("start", "root.service")).stderr).toBe("");
    expect(await manager.property("root.service", "Result")).toBe("success");
    await manager.systemctl("start", "dbstash@closed.service", "dbstash@local.service");
    expect(await manager.property("dbstash@closed.service", "ExecMainStatus")).toBe("1");
    expect({
      status: await manager.property("dbstash@local.service", "ExecMainStatus"),
      log: manager.output("dbstash@local"),
    }).toMatchObject({ status: "0", log: expect.stringContaining("backup stored") });
  });

  test("a value in single quotes is the same to systemd and to a shell that reads the file", async () => {
    await manager.systemctl("start", "dbstash@odd.service");
    expect(manager.output("dbstash@odd")).toBe(odd);
  });
});

describe("the line for cron in the documentation", () => {
  const documents = ["README.md", "docs/hosts.md"].map((name) => readFileSync(join(root, name), "utf8"));
  const lines = documents.flatMap((text) => [
    ...text.matchAll(/```cron\n\S+ \S+ \S+ \S+ \S+ (\S+) (.*)\n```/g),
  ]);

  test("is there, names a user, and has no percent sign, which cron takes for a line end", () => {
    expect(lines.length).toBeGreaterThan(0);
    for (const [, user, command] of lines) {
      expect(user).toMatch(/^[a-z]+$/);
      expect(command).not.toContain("%");
    }
  });

  test("hands over settings as they stand in the file, and runs once", async () => {
    for (const [, , command = ""] of lines) {
      using folder = tempFolder("cron");
      const settings = {
        ENGINE: "pg",
        DB_URI: "postgres://a@127.0.0.1:1/b",
        RCLONE_REMOTE: "/backups",
        BACKUP_SCHEDULE: "0 3 * * *",
        HOOK_PRE_BACKUP: odd,
        DRY_RUN: "true",
        LOG_FORMAT: "json",
      };
      const file = Object.entries(settings).map(([name, value]) => `${name}='${value}'\n`);
      writeFileSync(folder.file("shop.env"), file.join(""));
      writeFileSync(folder.file("logger"), `#!/bin/sh\nexec cat\n`, { mode: 0o755 });
      const here = command
        .replaceAll("/etc/dbstash/", `${folder.path}/`)
        .replaceAll("/usr/local/bin/", `${dist}/`);
      const { stdout } = await run(["/bin/sh", "-c", here], {
        env: { PATH: `${folder.path}:${systemPath}` },
      });
      const planned = JSON.parse(stdout) as {
        schedule: string;
        settings: { variable: string; value: string }[];
      };
      expect(planned.schedule).toBe("once");
      const hook = planned.settings.find(({ variable }) => variable === "HOOK_PRE_BACKUP");
      expect(hook?.value).toBe(odd);
    }
  });
});

/** Whether one of the processes has that word among its arguments. */
function runs(pids: readonly number[], word: string): boolean {
  return pids.some((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes(word);
    } catch {
      // Ended since.
      return false;
    }
  });
}
