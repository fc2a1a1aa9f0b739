import { expect } from "bun:test";
import { localFeatures, parseFeatures } from "../../src/remote/log.ts";
import { componentPath, needs } from "../support/components.ts";
import { runOk } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";

for (const name of ["rclone-old", "rclone-current"] as const) {
  needs(name).test(`what is known of a local path is what ${name} says of one`, async () => {
    using folder = tempFolder("local");
    const said = await runOk([componentPath(name), "backend", "features", `${folder.path}/`, "--config", ""]);
    expect(parseFeatures(said)).toEqual(localFeatures);
  });
}
