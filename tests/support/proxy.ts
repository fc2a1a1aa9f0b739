import { connect, createServer, type Server, type Socket } from "node:net";
import { followRequests, type RequestHead } from "./http-requests.ts";

/** A request the proxy answers itself instead of passing it on. */
export interface ProxyAnswer {
  readonly method?: string;
  readonly path?: RegExp;
  readonly status: number;
  /** How many requests are answered so; all by default. */
  readonly times?: number;
}

/** A loopback TCP proxy that can break. */
export interface Proxy extends AsyncDisposable {
  readonly port: number;
  /** What was asked of an HTTP server so far, in order. */
  readonly requests: readonly RequestHead[];
  /** Connections open now. */
  readonly connections: number;
  /** How many requests had this method and matched this path. */
  count(method?: string, path?: RegExp): number;
  /** Forgets the requests so far. */
  clear(): void;
  /** Resets every connection and refuses new ones. */
  cut(): void;
  /** Keeps every connection, also new ones, and moves no byte. */
  stall(): void;
  /** Ends a cut or a stall. */
  resume(): void;
  answer(rule: ProxyAnswer): void;
  stop(): Promise<void>;
}

/** Starts a proxy in front of a loopback port; `http` makes it log requests and answer some. */
export async function startProxy(target: { readonly port: number; readonly http?: boolean }): Promise<Proxy> {
  const requests: RequestHead[] = [];
  const rules: { rule: ProxyAnswer; left: number }[] = [];
  const sockets = new Set<Socket>();
  let state: "open" | "cut" | "stalled" = "open";

  const accept = (client: Socket): void => {
    const upstream = connect({ port: target.port, host: "127.0.0.1", allowHalfOpen: true });
    const follow =
      target.http === true ? followRequests((head) => onHead(head, client)) : (chunk: Buffer) => chunk;
    join(client, upstream, follow);
    join(upstream, client, (chunk) => chunk);
    if (state === "stalled") for (const socket of [client, upstream]) socket.pause();
  };
  const join = (from: Socket, to: Socket, change: (chunk: Buffer) => Buffer): void => {
    sockets.add(from);
    from.setNoDelay(true);
    from.on("data", (chunk: Buffer) => {
      if (!to.writable) return;
      if (!to.write(change(chunk))) from.pause();
    });
    to.on("drain", () => {
      if (state !== "stalled") from.resume();
    });
    from.on("end", () => to.end());
    // One side's error is the end of both: what a peer sees of a broken connection is that it is reset.
    from.on("error", () => to.resetAndDestroy());
    from.on("close", () => {
      sockets.delete(from);
      to.end();
    });
  };
  const onHead = (head: RequestHead, client: Socket): boolean => {
    requests.push(head);
    const found = rules.find(({ rule, left }) => left > 0 && matches(head, rule.method, rule.path));
    if (found === undefined) return true;
    found.left -= 1;
    client.end(`HTTP/1.1 ${found.rule.status} Proxy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
    return false;
  };

  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (state === "cut") client.resetAndDestroy();
    else accept(client);
  });
  const port = await listen(server);
  const reset = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const stop = async (): Promise<void> => {
    reset();
    await new Promise((resolve) => server.close(resolve));
  };
  return {
    port,
    requests,
    get connections() {
      return sockets.size / 2;
    },
    count: (method, path) => requests.filter((head) => matches(head, method, path)).length,
    clear: () => requests.splice(0),
    cut: () => {
      state = "cut";
      reset();
    },
    stall: () => {
      state = "stalled";
      for (const socket of sockets) socket.pause();
    },
    resume: () => {
      state = "open";
      for (const socket of sockets) socket.resume();
    },
    answer: (rule) => void rules.push({ rule, left: rule.times ?? Number.POSITIVE_INFINITY }),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function matches(head: RequestHead, method: string | undefined, path: RegExp | undefined): boolean {
  return (method === undefined || head.method === method) && (path === undefined || path.test(head.path));
}

async function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (typeof address === "object" && address !== null) resolve(address.port);
    });
  });
}
