/** How a child ended. */
export interface Exit {
  /** Null when a signal ended it, or nothing did. */
  readonly code: number | null;
  readonly signal: string | null;
}

/** The end of waiting for a child that was stopped and did not end, for it may not be killed. */
export const unstoppable: Exit = { code: null, signal: null };

/** The end of waiting for a child that was killed and does not end: it hangs in the kernel. */
export const stuck: Exit = { code: null, signal: "SIGKILL" };

/** Whether a child ended as it should. */
export function succeeded(exit: Exit): boolean {
  return exit.code === 0;
}

/** `exit code 1`, `killed by SIGKILL`. */
export function describeExit(exit: Exit): string {
  if (exit === unstoppable) return "it could not be stopped, since it runs as another user";
  if (exit === stuck)
    return "it was killed and does not end: it waits in the kernel, as for a network file system that is gone";
  return exit.signal === null ? `exit code ${exit.code}` : `killed by ${exit.signal}`;
}
