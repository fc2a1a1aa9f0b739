/** A size as people read it: `999 B`, `1.5 KiB`, `12.0 GiB`. */
export function humanBytes(bytes: number): string {
  const units = ["KiB", "MiB", "GiB", "TiB", "PiB"];
  let [size, unit] = [bytes, "B"];
  for (const next of units) {
    // What would be rounded to 1024 belongs to the next unit.
    if (size < (unit === "B" ? 1023.5 : 1023.95)) break;
    [size, unit] = [size / 1024, next];
  }
  return `${size.toFixed(unit === "B" ? 0 : 1)} ${unit}`;
}

/** A duration as people read it: `850 ms`, `4.2 s`, `3m 12s`, `1h 0m 5s`. */
export function humanDuration(durationMs: number): string {
  if (durationMs < 1000) return `${Math.round(durationMs)} ms`;
  if (durationMs < 59_950) return `${(durationMs / 1000).toFixed(1)} s`;
  const seconds = Math.round(durationMs / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  return `${hours > 0 ? `${hours}h ` : ""}${minutes}m ${seconds % 60}s`;
}

/** An age in its one or two largest units: `45 s`, `12 min`, `5 h`, `3 d 4 h`. */
export function humanAge(ageMs: number): string {
  const seconds = Math.max(0, Math.floor(ageMs / 1000));
  const [minutes, hours, days] = [seconds / 60, seconds / 3600, seconds / 86_400].map(Math.floor) as [
    number,
    number,
    number,
  ];
  if (days > 0) return hours % 24 === 0 ? `${days} d` : `${days} d ${hours % 24} h`;
  if (hours > 0) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min` : `${seconds} s`;
}
