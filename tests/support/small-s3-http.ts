import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";

/** What a request asks for. `other` is what no rclone command of ours needs: versioning, uploads, bucket deletion. */
export type S3Kind =
  | "buckets"
  | "list"
  | "bucket-head"
  | "bucket-create"
  | "read"
  | "head"
  | "put"
  | "copy"
  | "create"
  | "part"
  | "complete"
  | "abort"
  | "delete"
  | "other";

/** A request, with its body decoded. */
export interface S3Question {
  readonly kind: S3Kind;
  readonly bucket: string;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** An answer before it goes out. */
export interface S3Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

/** What a request to a path-style S3 asks, as far as its head says it. */
export function questionOf(request: IncomingMessage): Omit<S3Question, "body"> {
  const { method = "", headers } = request;
  const [, bucket = "", key = "", search = ""] =
    /^\/([^/?]*)\/?([^?]*)\??(.*)$/s.exec(request.url ?? "") ?? [];
  const names = { bucket: decodeURIComponent(bucket), key: decodeURIComponent(key) };
  const query = new URLSearchParams(search);
  return { kind: kindOf(method, names, query, headers), ...names, query, headers };
}

const bucketKinds: Readonly<Record<string, S3Kind>> = {
  GET: "list",
  HEAD: "bucket-head",
  PUT: "bucket-create",
};

function kindOf(
  method: string,
  { bucket, key }: { readonly bucket: string; readonly key: string },
  query: URLSearchParams,
  headers: IncomingHttpHeaders,
): S3Kind {
  if (bucket === "") return method === "GET" ? "buckets" : "other";
  if (key === "") {
    if (["versioning", "uploads", "location", "delete"].some((name) => query.has(name))) return "other";
    return bucketKinds[method] ?? "other";
  }
  const isOfUpload = query.has("uploadId");
  if (method === "POST") return query.has("uploads") ? "create" : isOfUpload ? "complete" : "other";
  if (method === "DELETE") return isOfUpload ? "abort" : "delete";
  if (method === "GET") return isOfUpload ? "other" : "read";
  if (method === "HEAD") return "head";
  if (method !== "PUT") return "other";
  if (isOfUpload) return "part";
  return headers["x-amz-copy-source"] === undefined ? "put" : "copy";
}

/** The access key a request is signed with, in its header or its address. */
export function accessKeyOf({ headers, query }: Pick<S3Question, "headers" | "query">): string | undefined {
  const inHeader = /(?:Credential=|^AWS )([^/:]+)/.exec(headers.authorization ?? "")?.[1];
  return inHeader ?? query.get("X-Amz-Credential")?.split("/")[0];
}

/** The whole body, out of the chunks that a signed stream comes in; undefined where its client broke off. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  try {
    for await (const part of request) parts.push(part as Buffer);
  } catch {
    // The connection is gone: what came of the body is worth nothing.
    return undefined;
  }
  const sent = Buffer.concat(parts);
  const announced = request.headers["content-length"];
  if (announced !== undefined && sent.length < Number(announced)) return undefined;
  const isStream = String(request.headers["x-amz-content-sha256"]).startsWith("STREAMING-");
  return isStream ? unchunked(sent) : sent;
}

/** A chunk is a line with its size and signature, its bytes and a line end; the last, of size 0, has trailers after it. */
function unchunked(sent: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; ;) {
    const end = sent.indexOf("\r\n", at);
    const size = Number.parseInt(sent.subarray(at, end).toString("latin1"), 16);
    if (end === -1 || Number.isNaN(size)) return undefined;
    if (size === 0) return Buffer.concat(parts);
    parts.push(sent.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
}

/** Sends an answer, or half of it and then breaks the connection. */
export function send(
  request: IncomingMessage,
  response: ServerResponse,
  reply: S3Reply,
  isCut: boolean,
): void {
  const { status, headers, body = Buffer.alloc(0) } = reply;
  const hasBody = request.method !== "HEAD" && body.length > 0;
  if (isCut && !hasBody) {
    request.socket.destroy();
    return;
  }
  // The body of a HEAD's error is left out with its length, as S3 does.
  const length =
    status === 204 || (request.method === "HEAD" && status >= 400) ? {} : { "content-length": body.length };
  response.writeHead(status, { "x-amz-request-id": "SMALL", ...headers, ...length });
  if (isCut) response.write(body.subarray(0, body.length / 2), () => request.socket.destroy());
  else response.end(hasBody ? body : undefined);
}

/** The answer that says what went wrong, as S3 does. */
export function errorReply(status: number, code: string, message = `small S3: ${code}`): S3Reply {
  const text = `<Code>${code}</Code><Message>${message}</Message><RequestId>SMALL</RequestId>`;
  const body = Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n<Error>${text}</Error>`);
  return { status, headers: { "content-type": "application/xml" }, body };
}

/** An answer with XML in it. */
export function xmlReply(root: string, content: string): S3Reply {
  const xmlns = "http://s3.amazonaws.com/doc/2006-03-01/";
  const text = `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="${xmlns}">${content}</${root}>`;
  return { status: 200, headers: { "content-type": "application/xml" }, body: Buffer.from(text) };
}

/** Text for XML. */
export function escaped(text: string): string {
  return text.replaceAll(/[&<>"\p{Cc}]/gu, (character) => `&#${character.codePointAt(0)};`);
}
