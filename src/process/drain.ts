import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";

/** Reading goes on for so long before timers and signals get their turn: rclone writes a long listing line by line. */
const longestTurnMs = 5;

/** Without a byte for so long after a child's end, its output is over: something in the background may hold it open. */
const idleMs = 500;

/** After a pause of the whole process its timers may come first: for so long what lies in the pipe still counts. */
const lastLookMs = 20;

/** What the background goes on saying is cut off after so many times `idleMs`. */
const mostRounds = 6;

/** A child's output, as it is read. */
export interface Drain {
  /**
   * The child has ended: resolves when all that it has written was handed on. Others that hold the pipe open are not
   * waited for once nothing comes any more.
   */
  finish(): Promise<void>;
}

/** Reads a stream to its end. @param onBytes takes it piece by piece */
export function drain(stream: ReadableStream<Uint8Array>, onBytes: (bytes: Uint8Array) => void): Drain {
  const reader = stream.getReader();
  let [pieces, isOver] = [0, false];
  const read = async (): Promise<void> => {
    let turnMs = performance.now();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      pieces += 1;
      onBytes(piece.value);
      if (performance.now() - turnMs < longestTurnMs) continue;
      // Where there is always more to read, timers and signals would never get their turn.
      await nextTurn();
      turnMs = performance.now();
    }
  };
  const done = read()
    .catch(() => undefined)
    .then(() => {
      isOver = true;
    });
  return {
    async finish() {
      for (let round = 0; round < mostRounds && !isOver; round++) {
        const before = pieces;
        await unlessFirst(done, idleMs);
        if (!isOver) await unlessFirst(done, lastLookMs);
        if (pieces === before) break;
      }
      if (!isOver) await reader.cancel().catch(() => undefined);
      await done;
    },
  };
}

/** Waits for so long, or until the promise is there. */
async function unlessFirst(done: Promise<void>, ms: number): Promise<void> {
  const over = new AbortController();
  const waited = delay(ms, undefined, { signal: over.signal }).catch(() => undefined);
  await Promise.race([done, waited]);
  over.abort();
}
