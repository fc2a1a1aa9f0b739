import { expect } from "bun:test";
import { knownFeatures, parseFeatures } from "../../src/remote/features.ts";
import { componentPath, needs } from "../support/components.ts";
import { runOk, systemPath } from "../support/run.ts";
import { startS3 } from "../support/s3.ts";
import { tempFolder } from "../support/temp.ts";

for (const name of ["rclone-old", "rclone-current"] as const) {
  const features = async (folder: string, env: Readonly<Record<string, string>> = {}) => {
    const command = [componentPath(name), "backend", "features", folder, "--config", ""];
    return parseFeatures(await runOk(command, { env: { PATH: systemPath, ...env } }));
  };

  needs(name).test(`what is known of a local path is what ${name} says of one`, async () => {
    using folder = tempFolder("local");
    expect(knownFeatures("local")).toEqual(await features(`${folder.path}/`));
  });

  needs(name, "s3-server").test(`what is known of S3 is what ${name} says of it`, async () => {
    await using s3 = await startS3();
    expect(knownFeatures("s3")).toEqual(await features(`store:${s3.bucket}/`, s3.remoteEnv("store")));
  });
}
