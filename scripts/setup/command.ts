/** What one command of the set-up may be given. */
export interface CommandOptions {
  readonly cwd?: string;
  /** Added to the environment of the set-up. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a command to its end and returns its stdout; throws its last lines of stderr when it fails. */
export async function command(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  const child = Bun.spawn([...argv], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (exitCode !== 0) {
    const said = (stderr.trim() || stdout.trim()).split("\n").slice(-5).join(" | ");
    throw new Error(`${argv.slice(0, 3).join(" ")} … ended with ${exitCode}: ${said}`);
  }
  return stdout;
}

/** The same, for a command whose absence or failure only means "not there". */
export async function tryCommand(argv: readonly string[]): Promise<string | undefined> {
  try {
    return await command(argv);
  } catch {
    // Absent and broken are one thing to the caller: it has another way, or notes the component as missing.
    return undefined;
  }
}
