import type { Reading } from "../config/config.ts";
import { listingScope } from "../catalog/catalog.ts";
import { catalogueJob } from "../job/backups.ts";
import type { Job } from "../job/job.ts";
import type { Logger } from "../logger.ts";
import { formatName } from "../catalog/naming.ts";
import { findAuthorities } from "../process/ca-bundle.ts";
import { joinRemote } from "../remote/remote.ts";

/** Tells what a run would do: settings (secrets masked), command and target. Starts nothing. */
export function dryRun(
  job: Job,
  reading: Reading,
  log: Logger,
  now: Date,
  env: Readonly<Record<string, string>>,
): void {
  for (const { variable, value, from } of reading.shown) {
    log.info(`setting ${variable}`, {
      value: variable === "RCLONE_REMOTE" ? job.rclone.remote.shown : value,
      from,
    });
  }
  const outputDir = job.request.mode === "stream" ? null : `${job.settings.backupTempDir}/…`;
  const dump = job.engine.dumpCommand(job.request, { privateDir: "…", outputDir, ...findAuthorities(env) });
  const words = [dump, ...job.filters.commands].map((command) =>
    [command.tools[0] ?? "", ...command.args].map(shellWord).join(" "),
  );
  log.info("dump command", { command: words.join(" | ") });
  const stem = formatName(job.template, { ...job.naming, now, uuid: "00000000" });
  log.info("target", {
    remote_path: joinRemote(job.rclone.remote.shown, stem + job.naming.extension),
    place: job.rclone.remote.isLocal ? "local folder" : "remote",
    rclone_config:
      job.rclone.config.kind === "inPlace"
        ? job.rclone.config.path
        : job.rclone.config.kind === "none"
          ? job.rclone.remote.standsAlone
            ? "none"
            : "none but the environment"
          : "a private copy",
    retention_folder: joinRemote(
      job.rclone.remote.shown,
      listingScope(job.template, catalogueJob(job)).folder,
    ),
  });
  log.info("dry run: nothing was run");
}

function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
