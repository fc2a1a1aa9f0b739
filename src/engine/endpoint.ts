import type { Secret } from "../config/secret.ts";

/** One server address. A `host` that begins with `/` is the folder or path of a unix socket. */
export interface Host {
  readonly host: string;
  /** Null: the engine's default. */
  readonly port: number | null;
}

/** How to reach a database: a URI taken apart, or the separate settings. */
export interface Connection {
  /** The URI's scheme, lower case; null where separate settings were given. */
  readonly scheme: string | null;
  readonly hosts: readonly Host[];
  readonly user: string | null;
  readonly password: Secret | null;
  readonly database: string | null;
  /** The URI's query, decoded, in order, without secrets and without what the fields above hold. */
  readonly params: readonly (readonly [string, string])[];
  /** Query parameters that are secrets, other than the password itself. */
  readonly secretParams: readonly (readonly [string, Secret])[];
  /** The URI as it was given; null where separate settings were. */
  readonly uri: Secret | null;
}
