import { writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** How long to wait for a reader who is slower than we write. */
const retryMs = 10;

/** A stream of text to one of our own descriptors. */
export interface Output {
  write(text: string): void;
  /** Resolves when everything written so far is out, or has nowhere to go. */
  drained(): Promise<void>;
}

/**
 * Writes to a descriptor in order, without the 6 MB of `process.stdout`.
 * When the reader is gone what is left is dropped: a backup does not fail because nobody reads its log.
 */
export function openOutput(fd: number): Output {
  let rest: Uint8Array = new Uint8Array();
  let flushed: Promise<void> = Promise.resolve();
  const flush = async () => {
    while (rest.length > 0) {
      try {
        rest = rest.subarray(writeSync(fd, rest));
      } catch (error) {
        if ((error as { code?: string }).code !== "EAGAIN") rest = new Uint8Array();
        else await delay(retryMs);
      }
    }
  };
  return {
    write(text) {
      const waiting = rest.length > 0;
      rest = Buffer.concat([rest, Buffer.from(text)]);
      if (!waiting) flushed = flush();
    },
    async drained() {
      await flushed;
    },
  };
}
