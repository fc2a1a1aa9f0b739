import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { certificate } from "./certificate.ts";
import { componentPath } from "./components.ts";
import { runOk } from "./run.ts";
import { type ServerProcess, startServer } from "./server.ts";
import { tempFolder } from "./temp.ts";

export interface MongoOptions {
  /** With both, every command needs this login; the account lies in the database admin, and may do everything. */
  readonly user?: string;
  readonly password?: string;
  /** With it the server speaks TLS alone. */
  readonly tls?: boolean;
  /** The name of a replica set whose only member the server is. */
  readonly replicaSet?: string;
  /** The one database that clients see and may read. */
  readonly onlyDatabase?: string;
}

/** A server that speaks MongoDB's protocol, of the test's own. It has no views, and roles only as far as `onlyDatabase` goes. */
export interface MongoServer extends ServerProcess, AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** The certificate authority, with `tls`. */
  readonly caFile: string | undefined;
  /** mongodump and mongorestore. */
  readonly binDir: string;
  uri(database?: string, other?: { readonly port?: number; readonly password?: string }): string;
  insert(database: string, collection: string, documents: readonly object[]): Promise<void>;
  /** All documents, sorted by `_id`, as relaxed extended JSON. */
  find(database: string, collection: string): Promise<unknown[]>;
  collections(database: string): Promise<string[]>;
  databases(): Promise<string[]>;
  drop(database: string): Promise<void>;
  /** Makes an index over one field, named `FIELD_1`. */
  index(database: string, collection: string, field: string): Promise<void>;
}

/** Starts FerretDB with SQLite on a free loopback port, with its data in a temporary folder. */
export async function startMongo({
  user,
  password,
  tls,
  replicaSet,
  onlyDatabase,
}: MongoOptions = {}): Promise<MongoServer> {
  const folder = tempFolder("mongo");
  const data = folder.file("data");
  mkdirSync(data);
  const address = /^mongodb:\/\/127\.0\.0\.1:(\d+)\/(\?tls=true)?$/m;
  const own = tls === true ? await certificate(folder.path) : undefined;
  const server = await startServer({
    command: [componentPath("ferretdb"), data, ...(user === undefined ? [] : [user])],
    env: {
      ...(password === undefined ? {} : { PASSWORD: password }),
      ...(replicaSet === undefined ? {} : { REPLICA_SET: replicaSet }),
      ...(onlyDatabase === undefined ? {} : { ONLY_DATABASE: onlyDatabase }),
      ...(own === undefined ? {} : { CERTIFICATE: own.certFile, KEY: own.keyFile }),
    },
    logFile: folder.file("log"),
    cwd: folder.path,
    asRoot: true,
    stopSignal: "SIGKILL",
    isReady: (output) => address.test(output),
  });
  const port = Number(address.exec(server.output())?.[1]);
  const binDir = componentPath("mongo-tools");
  const uri: MongoServer["uri"] = (database = "", other = {}) => {
    const login =
      user === undefined ? "" : `${user}:${encodeURIComponent(other.password ?? password ?? "")}@`;
    const params = [
      ...(user === undefined ? [] : ["authSource=admin"]),
      ...(own === undefined ? [] : ["tls=true", `tlsCAFile=${encodeURIComponent(own.certFile)}`]),
    ].join("&");
    const path = encodeURIComponent(database) + (params === "" ? "" : `?${params}`);
    return `mongodb://${login}127.0.0.1:${other.port ?? port}/${path}`;
  };
  const client = (words: readonly string[], stdin = ""): Promise<string> =>
    runOk([join(binDir, "mongo-client"), uri(), ...words], { stdin });
  const lines = (text: string): string[] => text.split("\n").filter((line) => line !== "");
  const stop = async (): Promise<void> => {
    await server.stop();
    folder.remove();
  };
  return {
    ...server,
    host: "127.0.0.1",
    port,
    caFile: own?.certFile,
    binDir,
    uri,
    insert: async (database, collection, documents) => {
      await client(
        ["insert", database, collection],
        documents.map((document) => JSON.stringify(document)).join("\n"),
      );
    },
    find: async (database, collection) =>
      lines(await client(["find", database, collection])).map((line): unknown => JSON.parse(line)),
    collections: async (database) => lines(await client(["collections", database])),
    databases: async () => lines(await client(["databases"])),
    drop: async (database) => {
      await client(["drop", database]);
    },
    index: async (database, collection, field) => {
      await client(["index", database, collection, field]);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
