/** The head of an HTTP/1.1 request. */
export interface RequestHead {
  readonly method: string;
  readonly path: string;
}

/**
 * Follows the requests of one client connection: feed it the bytes as they come, it calls `onHead` once per request
 * and returns the bytes to pass on. When `onHead` returns false, that request and all after it are left out.
 */
export function followRequests(onHead: (head: RequestHead) => boolean): (chunk: Buffer) => Buffer {
  let waiting = Buffer.alloc(0);
  let bodyBytesLeft = 0;
  let isChunked = false;
  let isCutOff = false;

  /** Takes as much as is complete from the front of `waiting`; returns how many bytes that was, 0 when it needs more. */
  function take(): number {
    if (bodyBytesLeft > 0) {
      const taken = Math.min(bodyBytesLeft, waiting.length);
      bodyBytesLeft -= taken;
      return taken;
    }
    if (isChunked) return takeChunkLine();
    const end = waiting.indexOf("\r\n\r\n");
    if (end === -1) return 0;
    const head = waiting.subarray(0, end).toString("latin1");
    const [method = "", path = ""] = head.split("\r\n", 1)[0]?.split(" ") ?? [];
    isCutOff = !onHead({ method, path });
    bodyBytesLeft = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
    isChunked = /^transfer-encoding:.*chunked/im.test(head);
    return end + 4;
  }

  /** A chunk is its size in a line, that many bytes and a line end; the last has size 0 (trailers are not expected). */
  function takeChunkLine(): number {
    const end = waiting.indexOf("\r\n");
    if (end === -1) return 0;
    const size = Number.parseInt(waiting.subarray(0, end).toString("latin1"), 16);
    isChunked = size !== 0;
    bodyBytesLeft = size + 2;
    return end + 2;
  }

  return (chunk) => {
    waiting = Buffer.concat([waiting, chunk]);
    const passed: Buffer[] = [];
    while (waiting.length > 0 && !isCutOff) {
      const taken = take();
      if (taken === 0) break;
      if (!isCutOff) passed.push(waiting.subarray(0, taken));
      waiting = waiting.subarray(taken);
    }
    if (isCutOff) waiting = Buffer.alloc(0);
    return Buffer.concat(passed);
  };
}
