import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  accessKeyOf,
  bodyOf,
  errorReply,
  questionOf,
  type S3Kind,
  type S3Question,
  type S3Reply,
  send,
} from "./small-s3-http.ts";
import { waitFor } from "./run.ts";
import { S3Store } from "./small-s3-store.ts";

export type { S3Kind } from "./small-s3-http.ts";

/** A kind of request; `write` stands for all that write an object: put, copy, create, part, complete, abort. */
export type S3Right = S3Kind | "write";

/** What is wrong with the answers to one kind of request. */
export interface S3Fault {
  /** How long the answer takes; what was asked is done at once all the same. */
  readonly delayMs?: number | "never";
  /** The connection breaks in the middle of the answer (or before it, where it has no body); what was asked is done. */
  readonly cut?: boolean;
  /** 503 SlowDown, and nothing is done. */
  readonly unavailable?: boolean;
  /** How many requests of the kind go well before; 0 by default. */
  readonly skip?: number;
  /** How many requests of the kind it happens to; all by default. */
  readonly times?: number;
}

/** What a test may change while the server runs; what it leaves out stays as it is. */
export interface SmallS3Settings {
  /** The buckets that exist, also after a change: in all others everything answers NoSuchBucket. */
  readonly buckets?: readonly string[];
  /** What answers 403 AccessDenied. As with AWS, a missing object is a 403 too where `list` is denied. */
  readonly denied?: readonly S3Right[];
  /** By kind; one kind by itself is stronger than `write`. A change counts anew. */
  readonly faults?: Readonly<Partial<Record<S3Right, S3Fault>>>;
  /**
   * How many looks miss an object written from now on. One look is a listing that would name it, a HEAD or a GET;
   * `from` says which of these count and miss it, all by default.
   */
  readonly hidden?: { readonly looks: number; readonly from?: readonly ("list" | "head" | "read")[] };
  /** The one access key that is let in; signatures are never looked at. Any by default. */
  readonly requiredKey?: string | undefined;
  /** The most entries in one page of a listing. */
  readonly pageSize?: number;
}

export interface SmallS3Options extends SmallS3Settings {
  /** The remote's name in `env`; `small` by default. */
  readonly name?: string;
  /** What rclone takes it for; `Other` by default. */
  readonly provider?: string;
}

/** A request it got. */
export interface S3Request {
  readonly kind: S3Kind;
  readonly method: string;
  /** With its query, as it was sent. */
  readonly path: string;
  /** The object, decoded; empty where the request is about a bucket. */
  readonly key: string;
  /** What was answered; undefined as long as nothing was. */
  readonly status: number | undefined;
}

/** A small S3 in this process's memory, whose every right and answer is the test's to break. */
export interface SmallS3 extends AsyncDisposable {
  readonly endpoint: string;
  /** The variables that define the remote for every rclone: `small:bucket/path`. */
  readonly env: Readonly<Record<string, string>>;
  /** In the order they came. */
  readonly requests: readonly S3Request[];
  /** How many requests there were of a kind; of all kinds by default. */
  count(right?: S3Right): number;
  /** Waits until there were so many requests of a kind. */
  waitForRequests(right: S3Right, count?: number): Promise<void>;
  /** Forgets the requests so far. */
  clear(): void;
  /** What lies in a bucket (by default the first) whatever may be seen of it, by key, sorted. */
  objects(bucket?: string): ReadonlyMap<string, Buffer>;
  /** The keys of the multipart uploads that were begun and neither completed nor aborted. */
  uploads(): string[];
  /** Puts an object there past all rights and faults, as old as it says. */
  put(key: string, bytes: string | Buffer, modified?: Date): void;
  change(settings: SmallS3Settings): void;
  stop(): Promise<void>;
}

const writing: readonly S3Kind[] = ["put", "copy", "create", "part", "complete", "abort"];

/** Starts one with a bucket `b`, in which everything is allowed and goes well until told otherwise. */
export function startSmallS3(options: SmallS3Options = {}): SmallS3 {
  const { name = "small", provider = "Other" } = options;
  const store = new S3Store();
  const requests: { -readonly [Field in keyof S3Request]: S3Request[Field] }[] = [];
  let settings: SmallS3Settings = {};
  let seen = new Map<S3Right, number>();

  const change = (given: SmallS3Settings): void => {
    settings = { ...settings, ...given };
    if (given.faults !== undefined) seen = new Map();
    if (given.pageSize !== undefined) store.pageSize = given.pageSize;
    if (given.hidden !== undefined) store.hidden = { from: ["list", "head", "read"], ...given.hidden };
    if (given.buckets === undefined) return;
    for (const bucket of store.buckets.keys())
      if (!given.buckets.includes(bucket)) store.buckets.delete(bucket);
    for (const bucket of given.buckets) if (!store.buckets.has(bucket)) store.buckets.set(bucket, new Map());
  };
  change({ buckets: ["b"], ...options });

  /** The fault that this request meets: the count is of all requests that the fault's name stands for. */
  const faultOf = (kind: S3Kind): S3Fault => {
    const right = settings.faults?.[kind] === undefined && writing.includes(kind) ? "write" : kind;
    const fault = settings.faults?.[right] ?? {};
    const before = seen.get(right) ?? 0;
    seen.set(right, before + 1);
    const { skip = 0, times = Number.POSITIVE_INFINITY } = fault;
    return before >= skip && before < skip + times ? fault : {};
  };
  const isDenied = (kind: S3Kind): boolean => settings.denied?.some((right) => stands(right, kind)) === true;
  const replyTo = (question: S3Question, fault: S3Fault): S3Reply => {
    if (settings.requiredKey !== undefined && accessKeyOf(question) !== settings.requiredKey)
      return errorReply(403, "InvalidAccessKeyId");
    if (fault.unavailable === true) return errorReply(503, "SlowDown", "Please reduce your request rate.");
    const isThere =
      store.buckets.has(question.bucket) || ["buckets", "bucket-create"].includes(question.kind);
    if (isThere && isDenied(question.kind)) return errorReply(403, "AccessDenied", "Access Denied");
    const reply = store.answer(question);
    const isSecret = reply.status === 404 && isThere && ["head", "read"].includes(question.kind);
    return isSecret && isDenied("list") ? errorReply(403, "AccessDenied", "Access Denied") : reply;
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = "", url: path = "" } = request;
    const asked = questionOf(request);
    const entry = { kind: asked.kind, method, path, key: asked.key, status: undefined as number | undefined };
    requests.push(entry);
    const body = await bodyOf(request);
    // A client that went away in the middle of its request gets no answer and changed nothing.
    if (body === undefined) return;
    const fault = faultOf(asked.kind);
    const reply = replyTo({ ...asked, body }, fault);
    if (fault.delayMs === "never") return;
    await Bun.sleep(fault.delayMs ?? 0);
    if (request.socket.destroyed) return;
    entry.status = reply.status;
    send(request, response, reply, fault.cut === true);
  };
  const server = createServer((request, response) => {
    void serve(request, response);
  });
  // Bun's listen has the port when it returns.
  server.listen(0, "127.0.0.1");
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const count = (right?: S3Right): number =>
    requests.filter(({ kind }) => right === undefined || stands(right, kind)).length;
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  const prefix = `RCLONE_CONFIG_${name.toUpperCase()}`;
  return {
    endpoint,
    env: {
      [`${prefix}_TYPE`]: "s3",
      [`${prefix}_PROVIDER`]: provider,
      [`${prefix}_ENDPOINT`]: endpoint,
      [`${prefix}_ACCESS_KEY_ID`]: "AKIASMALL",
      [`${prefix}_SECRET_ACCESS_KEY`]: "s3cr3t+Small/Key=",
      [`${prefix}_REGION`]: "us-east-1",
      [`${prefix}_FORCE_PATH_STYLE`]: "true",
    },
    requests,
    count,
    waitForRequests: async (right, wanted = 1) => {
      await waitFor(`${wanted} ${right} requests`, () => count(right) >= wanted);
    },
    clear: () => void requests.splice(0),
    objects: (bucket = settings.buckets?.[0] ?? "") => {
      const found = [...(store.buckets.get(bucket) ?? [])].map(([key, { bytes }]) => [key, bytes] as const);
      return new Map(found.toSorted(([a], [b]) => (a < b ? -1 : 1)));
    },
    uploads: () => [...store.uploads.values()].map(({ key }) => key).toSorted(),
    put: (key, bytes, modified = new Date()) =>
      store.put(settings.buckets?.[0] ?? "", key, Buffer.from(bytes), modified),
    change,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function stands(right: S3Right, kind: S3Kind): boolean {
  return right === kind || (right === "write" && writing.includes(kind));
}
