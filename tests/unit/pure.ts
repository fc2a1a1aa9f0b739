/** Files without effects: they import none, whichever way. */
export const pure: readonly RegExp[] = [
  /^(engine|catalog)\//,
  /^(errors|human|kinds|result)\.ts$/,
  /^config\/recipients\.ts$/,
  /^job\/(filters|layers)\.ts$/,
  /^pipeline\/(counted|judge-reading|signs)\.ts$/,
  /^daemon\/(carried|endings|http-request|metrics|monitor|pages|row)\.ts$/,
  /^config\/(selection|words)\.ts$/,
  /^notify\/(?!(notify|webhook|ping|telling|wrong-settings)\.ts$)/,
  /^remote\/(?!(rclone|rclone-runner|publish|target|look|config-source|completed-config)\.ts$)/,
];
