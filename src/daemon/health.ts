import type { Socket, SocketHandler } from "bun";
import { DbstashError } from "../errors.ts";
import { type HeadReading, RequestHead } from "./http-request.ts";
import type { Page } from "./pages.ts";

/** So many clients at a time: whoever opens more of them takes no descriptor that a backup needs. */
const mostConnections = 32;

/** A request must be whole in this time, and its answer taken in as long again. */
const patienceMs = 5000;

/** A running health server. */
export interface HealthServer {
  readonly port: number;
  /** Closes it and its connections. */
  readonly stop: () => void;
}

/** What a health server takes. */
export interface HealthParts {
  /** The address to listen at; null for all of this machine, IPv4 and IPv6. */
  readonly address: string | null;
  /** 0 takes a free one. */
  readonly port: number;
  /**
   * What stands at a path; asked at every request. Null where nothing does.
   * @param isLook whether somebody is to see it, and not to be told that this method is not for it
   */
  readonly page: (path: string, isLook: boolean) => Promise<Page | null>;
  readonly now: () => Date;
}

/** What is known of a connection. */
interface Connection {
  readonly head: RequestHead;
  timer: Timer;
  /** Whether its request is whole: what comes after it is not read. */
  hasAsked: boolean;
  /** What of the answer is still to be sent; null before there is one. */
  unsent: Uint8Array | null;
}

/**
 * Starts the health server: HTTP/1.1, one request a connection. `Bun.serve` has no limit of its own for clients who
 * connect and say nothing, or one letter a second.
 * @throws DbstashError when the address or the port can't be had
 */
export function startHealthServer({ address, port, page, now }: HealthParts): HealthServer {
  // In the order in which they came.
  const open = new Set<Socket<Connection>>();
  const forget = (socket: Socket<Connection>): void => {
    clearTimeout(socket.data.timer);
    open.delete(socket);
  };
  const drop = (socket: Socket<Connection>): void => {
    forget(socket);
    socket.terminate();
  };
  const again = (socket: Socket<Connection>): void => {
    clearTimeout(socket.data.timer);
    socket.data.timer = setTimeout(() => drop(socket), patienceMs);
  };
  const flush = (socket: Socket<Connection>): void => {
    const { unsent } = socket.data;
    if (unsent === null) return;
    const rest = unsent.subarray(Math.max(0, socket.write(unsent)));
    socket.data.unsent = rest;
    // Who is cut off while the answer is on its way may lose it: the other end closes.
    if (rest.length === 0) socket.shutdown();
  };
  const respond = async (
    socket: Socket<Connection>,
    reading: Exclude<HeadReading, { readonly kind: "more" }>,
  ): Promise<void> => {
    const isRequest = reading.kind === "request";
    const answer = isRequest ? await answerTo(reading, page) : plain(reading.status, "can't be read");
    if (!open.has(socket)) return;
    again(socket);
    socket.data.unsent = written(answer, isRequest && reading.method === "HEAD", now());
    flush(socket);
  };
  const handler: SocketHandler<Connection> = {
    open(socket) {
      const timer = setTimeout(() => drop(socket), patienceMs);
      socket.data = { head: new RequestHead(), timer, hasAsked: false, unsent: null };
      open.add(socket);
      const [longest] = open;
      if (open.size > mostConnections && longest !== undefined) drop(longest);
    },
    data(socket, bytes) {
      if (socket.data.hasAsked) return;
      const reading = socket.data.head.add(bytes);
      if (reading.kind === "more") return;
      socket.data.hasAsked = true;
      again(socket);
      void respond(socket, reading);
    },
    // Who has said all may still listen.
    end(socket) {
      if (!socket.data.hasAsked) drop(socket);
    },
    drain: flush,
    close: forget,
    error: drop,
  };
  const listener = listen(address, port, handler);
  return {
    port: listener.port,
    stop() {
      listener.stop(true);
      for (const socket of open) drop(socket);
    },
  };
}

interface Answer extends Page {
  readonly allow?: string;
}

async function answerTo(
  { method, path }: { readonly method: string; readonly path: string },
  page: HealthParts["page"],
): Promise<Answer> {
  const isLook = method === "GET" || method === "HEAD";
  // A page that can't be drawn is an answer too: nothing else must suffer by it, least of all a run.
  const found = await page(path, isLook).catch(() => plain(500, "this page can't be drawn"));
  if (found === null) return plain(404, "not found");
  if (isLook) return found;
  return { ...plain(405, "method not allowed"), allow: "GET, HEAD" };
}

function plain(status: number, words: string): Page {
  return { status, type: "text/plain; charset=utf-8", body: `${words}\n` };
}

const reasons: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  500: "Internal Server Error",
  431: "Request Header Fields Too Large",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
};

function written(
  { status, type, body, headers = {}, allow }: Answer,
  isHead: boolean,
  now: Date,
): Uint8Array {
  const bytes = Buffer.from(body);
  const head = [
    `HTTP/1.1 ${status} ${reasons[status] ?? ""}`,
    `date: ${now.toUTCString()}`,
    `content-type: ${type}`,
    `content-length: ${bytes.length}`,
    "cache-control: no-store",
    "connection: close",
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(allow === undefined ? [] : [`allow: ${allow}`]),
  ];
  const start = Buffer.from(`${head.join("\r\n")}\r\n\r\n`);
  return isHead ? start : Buffer.concat([start, bytes]);
}

function listen(
  address: string | null,
  port: number,
  socket: SocketHandler<Connection>,
): Bun.TCPSocketListener<Connection> {
  const at = (hostname: string) => Bun.listen<Connection>({ hostname, port, socket, allowHalfOpen: true });
  try {
    if (address !== null) return at(address);
    try {
      return at("::");
    } catch (thrown) {
      // A machine without IPv6.
      if (codeOf(thrown) !== "EAFNOSUPPORT" && codeOf(thrown) !== "EADDRNOTAVAIL") throw thrown;
      return at("0.0.0.0");
    }
  } catch (thrown) {
    throw listenProblem(address, port, thrown);
  }
}

function listenProblem(address: string | null, port: number, thrown: unknown): unknown {
  const hint = "choose another port, or 0 for no health server";
  const message = `HEALTH_PORT (--health-port): port ${port}`;
  switch (codeOf(thrown)) {
    case "EADDRINUSE":
      return new DbstashError(`${message} is in use${address === null ? "" : ` at ${address}`}`, hint);
    case "EACCES":
      return new DbstashError(`${message} may not be opened by this user`, hint);
    case "EADDRNOTAVAIL":
    case "EAFNOSUPPORT":
    case "EINVAL":
      return new DbstashError(
        `HEALTH_ADDRESS (--health-address): ${address} is no address of this machine`,
        "write one that `ip address` shows; without it the server listens at all of them",
      );
    default:
      return thrown;
  }
}

function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
}
