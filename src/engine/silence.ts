import type { Problem } from "../errors.ts";
import type { Connection } from "./connection.ts";
import { probeLimitMs } from "./engine.ts";

/** What is wrong where a server says nothing. Dump tools have no limit for that, and would wait for ever. */
export function silentServer(connection: Connection, defaultPort: number, hint: string): Problem {
  const { host, port } = connection.hosts[0] ?? { host: "", port: null };
  const name = host === "" ? "localhost" : host.includes(":") ? `[${host}]` : host;
  const address = host.startsWith("/") ? host : `${name}:${port ?? defaultPort}`;
  return { message: `the server at ${address} gave no answer within ${probeLimitMs / 1000} s`, hint };
}
