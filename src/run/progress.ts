import { humanBytes } from "../human.ts";

/** Shows how far a run is. */
export interface Progress {
  /** The size of the previous backup, from which share and time left are estimated; null for none. */
  expect(bytes: number | null): void;
  moved(bytes: number): void;
  /** The run is over: the line goes. */
  end(): void;
  /** Makes room for another line on the same terminal; the next `moved` shows the progress again. */
  clear(): void;
}

/** What a progress line says. */
export interface ProgressState {
  readonly bytes: number;
  readonly elapsedMs: number;
  readonly expectedBytes: number | null;
}

/** `1.2 GiB  85.0 MiB/s  0:14  ~63 %  ~0:08 left`: the share and the time left are guesses from the previous backup. */
export function progressText({ bytes, elapsedMs, expectedBytes }: ProgressState): string {
  const rate = elapsedMs === 0 ? 0 : (bytes * 1000) / elapsedMs;
  const parts = [humanBytes(bytes), `${humanBytes(rate)}/s`, clock(elapsedMs)];
  if (expectedBytes !== null && expectedBytes > 0) {
    parts.push(`~${Math.min(99, Math.floor((100 * bytes) / expectedBytes))} %`);
    if (rate > 0 && bytes < expectedBytes)
      parts.push(`~${clock((1000 * (expectedBytes - bytes)) / rate)} left`);
  }
  return parts.join("  ");
}

/** No progress at all. */
export const noProgress: Progress = {
  expect: () => undefined,
  moved: () => undefined,
  end: () => undefined,
  clear: () => undefined,
};

/** A progress line, rewritten in place on a terminal. */
export function terminalProgress(write: (text: string) => void, nowMs: () => number): Progress {
  return progress(
    (text) => write(`\r\x1b[K${text}`),
    () => write("\r\x1b[K"),
    nowMs,
    0,
  );
}

/** Progress as a message every ten seconds, for where there is no terminal. */
export function loggedProgress(log: (text: string) => void, nowMs: () => number): Progress {
  return progress(log, () => undefined, nowMs, 10_000);
}

function progress(
  show: (text: string) => void,
  clear: () => void,
  nowMs: () => number,
  everyMs: number,
): Progress {
  let startMs = nowMs();
  let shownMs = startMs;
  let expectedBytes: number | null = null;
  return {
    expect(bytes) {
      expectedBytes = bytes;
      startMs = nowMs();
    },
    moved(bytes) {
      if (nowMs() - shownMs < everyMs) return;
      shownMs = nowMs();
      show(progressText({ bytes, elapsedMs: shownMs - startMs, expectedBytes }));
    },
    end: clear,
    clear,
  };
}

function clock(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (number: number) => String(number).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
