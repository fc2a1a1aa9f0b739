import { writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** How long to wait for a reader who is slower than we write. */
const retryMs = 10;
/** What a pipe that can take anything takes at once (PIPE_BUF, pipe(7)). */
const pieceBytes = 4_096;
/** More lines than these are not kept for a reader who does not come. */
const keptBytes = 1_048_576;
/** How long the end of the program waits for a reader who takes nothing. */
const patienceMs = 5_000;

/** A stream of text to one of our own descriptors. */
export interface Output {
  /** Writes lines of a log: where nobody reads them in time the oldest are left out. */
  write(text: string): void;
  /** Writes what somebody asked for: nothing of it is left out, and its reader is waited for. */
  print(text: string): void;
  /** From here on, how to say how many texts were left out. */
  onDropped(say: (count: number) => string): void;
  /**
   * Resolves when everything written so far is out, or has nowhere to go.
   * @param stop when it is aborted, a reader of what was asked for is not waited for much longer either
   */
  drained(stop: AbortSignal): Promise<void>;
}

interface Text {
  bytes: Uint8Array;
  readonly isAnswer: boolean;
}

/**
 * Writes to a descriptor in order, without the 6 MB of `process.stdout`, and never waits within a write: a reader
 * who stands still must not hold up a run. When the reader is gone what is left is dropped: a backup does not fail
 * because nobody reads its log.
 * @param canWrite whether the descriptor would take a piece at once
 */
export function openOutput(fd: number, canWrite: () => boolean): Output {
  let texts: Text[] = [];
  let waitingBytes = 0;
  let dropped = 0;
  let lastMs = 0;
  let isFlushing = false;
  let say = (count: number) => `${count} lines were left out, since nobody read them in time\n`;

  const add = (text: string, isAnswer: boolean) => {
    const bytes = Buffer.from(text);
    texts.push({ bytes, isAnswer });
    waitingBytes += bytes.length;
    while (waitingBytes > keptBytes) {
      // The first may be out in part, and the last is what came of it all.
      const index = texts.findIndex((old, at) => at > 0 && at < texts.length - 1 && !old.isAnswer);
      if (index < 0) break;
      waitingBytes -= texts[index]?.bytes.length ?? 0;
      texts.splice(index, 1);
      dropped += 1;
    }
    if (!isFlushing) void flush();
  };

  const flush = async () => {
    isFlushing = true;
    for (let text = texts[0]; text !== undefined; text = texts[0]) {
      if (!canWrite()) {
        await delay(retryMs);
        continue;
      }
      try {
        const count = writeSync(fd, text.bytes.subarray(0, pieceBytes));
        text.bytes = text.bytes.subarray(count);
        waitingBytes -= count;
        lastMs = performance.now();
      } catch (error) {
        if ((error as { code?: string }).code === "EAGAIN") await delay(retryMs);
        else [texts, waitingBytes, dropped] = [[], 0, 0];
        continue;
      }
      if (text.bytes.length > 0) continue;
      texts.shift();
      if (dropped === 0) continue;
      const note = Buffer.from(say(dropped));
      dropped = 0;
      texts.unshift({ bytes: note, isAnswer: false });
      waitingBytes += note.length;
    }
    isFlushing = false;
  };

  return {
    write: (text) => add(text, false),
    print: (text) => add(text, true),
    onDropped(next) {
      say = next;
    },
    async drained(stop) {
      let sinceMs = performance.now();
      while (texts.length > 0) {
        const isAwaited = texts.some(({ isAnswer }) => isAnswer) && !stop.aborted;
        if (isAwaited) sinceMs = performance.now();
        else if (performance.now() - Math.max(lastMs, sinceMs) > patienceMs) return;
        await delay(retryMs);
      }
    },
  };
}
