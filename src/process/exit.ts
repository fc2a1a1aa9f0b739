/** How a child ended. */
export interface Exit {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: string | null;
}

/** Whether a child ended as it should. */
export function succeeded(exit: Exit): boolean {
  return exit.code === 0;
}

/** `exit code 1`, `killed by SIGKILL`. */
export function describeExit(exit: Exit): string {
  return exit.signal === null ? `exit code ${exit.code}` : `killed by ${exit.signal}`;
}
