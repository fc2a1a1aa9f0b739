import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import {
  errorReply,
  escaped,
  type S3Kind,
  type S3Question,
  type S3Reply,
  xmlReply,
} from "./small-s3-http.ts";

interface StoredObject {
  readonly bytes: Buffer;
  readonly etag: string;
  readonly modified: Date;
  /** Its type and its metadata, as they were sent. */
  readonly headers: Readonly<Record<string, string>>;
  /** How many looks still miss it. */
  looksLeft: number;
}

interface Upload {
  readonly bucket: string;
  readonly key: string;
  readonly headers: IncomingHttpHeaders;
  readonly parts: Map<number, Buffer>;
}

/** The buckets, objects and uploads of a small S3, and what each request does to them. */
export class S3Store {
  readonly buckets = new Map<string, Map<string, StoredObject>>();
  readonly uploads = new Map<string, Upload>();
  /** How many looks of which kinds miss an object that was just written. */
  hidden: { readonly looks: number; readonly from: readonly S3Kind[] } = { looks: 0, from: [] };
  /** The most entries one page of a listing has. */
  pageSize = 1000;

  /** Puts an object there that everyone sees at once. */
  put(bucket: string, key: string, bytes: Buffer, modified: Date): void {
    const object = { bytes, etag: etagOf(bytes), modified, headers: {}, looksLeft: 0 };
    this.buckets.get(bucket)?.set(key, object);
  }

  /** Does what is asked, and says how that went. */
  answer(question: S3Question): S3Reply {
    const { kind, bucket, key } = question;
    if (kind === "buckets") return this.#listBuckets();
    if (kind === "bucket-create") return this.#createBucket(bucket);
    const objects = this.buckets.get(bucket);
    if (objects === undefined) return errorReply(404, "NoSuchBucket");
    if (kind === "bucket-head") return { status: 200 };
    if (kind === "list") return this.#list(question, objects);
    if (kind === "head" || kind === "read") return this.#read(question, objects);
    if (kind === "put") return this.#put(question, objects);
    if (kind === "copy") return this.#copy(question, objects);
    if (kind === "delete") {
      objects.delete(key);
      return { status: 204 };
    }
    if (kind === "create") return this.#createUpload(question);
    return kind === "other" ? this.#other(question) : this.#continueUpload(question, objects);
  }

  #store(
    objects: Map<string, StoredObject>,
    key: string,
    made: Pick<StoredObject, "bytes" | "etag" | "headers">,
  ): void {
    objects.set(key, { ...made, modified: new Date(), looksLeft: this.hidden.looks });
  }

  #isSeen(object: StoredObject, kind: S3Kind): boolean {
    if (object.looksLeft === 0 || !this.hidden.from.includes(kind)) return true;
    object.looksLeft -= 1;
    return false;
  }

  #listBuckets(): S3Reply {
    const names = [...this.buckets.keys()].map(
      (name) =>
        `<Bucket><Name>${escaped(name)}</Name><CreationDate>2026-01-01T00:00:00.000Z</CreationDate></Bucket>`,
    );
    return xmlReply("ListAllMyBucketsResult", `<Buckets>${names.join("")}</Buckets>`);
  }

  #createBucket(bucket: string): S3Reply {
    if (this.buckets.has(bucket)) return errorReply(409, "BucketAlreadyOwnedByYou");
    this.buckets.set(bucket, new Map());
    return { status: 200 };
  }

  #list({ query, bucket }: S3Question, objects: ReadonlyMap<string, StoredObject>): S3Reply {
    const [prefix, delimiter] = [query.get("prefix") ?? "", query.get("delimiter") ?? ""];
    const isV2 = query.get("list-type") === "2";
    const after = query.get("continuation-token") ?? query.get(isV2 ? "start-after" : "marker") ?? "";
    const limit = Math.min(Number(query.get("max-keys") ?? this.pageSize), this.pageSize);
    const entries = new Map<string, StoredObject | undefined>();
    for (const [key, object] of objects) {
      if (!key.startsWith(prefix) || !this.#isSeen(object, "list")) continue;
      const end = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
      if (end === -1) entries.set(key, object);
      else entries.set(key.slice(0, end + delimiter.length), undefined);
    }
    const names = [...entries.keys()].toSorted().filter((name) => name > after);
    const page = names.slice(0, limit);
    const shown = (name: string): string =>
      query.get("encoding-type") === "url" ? encodeURIComponent(name).replaceAll("%2F", "/") : escaped(name);
    const items = page.map((name) => {
      const object = entries.get(name);
      if (object === undefined) return `<CommonPrefixes><Prefix>${shown(name)}</Prefix></CommonPrefixes>`;
      const { etag, bytes, modified } = object;
      const facts = `<LastModified>${modified.toISOString()}</LastModified><ETag>${escaped(etag)}</ETag>`;
      return `<Contents><Key>${shown(name)}</Key>${facts}<Size>${bytes.length}</Size></Contents>`;
    });
    const isCut = names.length > page.length;
    const last = shown(page.at(-1) ?? "");
    const next = isV2
      ? `<NextContinuationToken>${last}</NextContinuationToken>`
      : `<NextMarker>${last}</NextMarker>`;
    const head = `<Name>${escaped(bucket)}</Name><Prefix>${shown(prefix)}</Prefix><KeyCount>${page.length}</KeyCount>`;
    return xmlReply(
      "ListBucketResult",
      `${head}<IsTruncated>${isCut}</IsTruncated>${isCut ? next : ""}${items.join("")}`,
    );
  }

  #read({ kind, key, headers }: S3Question, objects: ReadonlyMap<string, StoredObject>): S3Reply {
    const object = objects.get(key);
    if (object === undefined || !this.#isSeen(object, kind)) return errorReply(404, "NoSuchKey");
    const { bytes, etag, modified } = object;
    const facts = {
      ...object.headers,
      etag,
      "last-modified": modified.toUTCString(),
      "accept-ranges": "bytes",
    };
    const [, from = "", to = ""] = /^bytes=(\d*)-(\d*)$/.exec(headers.range ?? "") ?? [];
    if (from + to === "") return { status: 200, headers: facts, body: bytes };
    const start = from === "" ? Math.max(0, bytes.length - Number(to)) : Number(from);
    const end = from === "" || to === "" ? bytes.length : Math.min(bytes.length, Number(to) + 1);
    if (start >= end) return errorReply(416, "InvalidRange");
    const range = `bytes ${start}-${end - 1}/${bytes.length}`;
    return {
      status: 206,
      headers: { ...facts, "content-range": range },
      body: bytes.subarray(start, end),
    };
  }

  #put({ key, headers, body }: S3Question, objects: Map<string, StoredObject>): S3Reply {
    if (headers["if-none-match"] === "*" && objects.has(key)) return errorReply(412, "PreconditionFailed");
    const etag = etagOf(body);
    this.#store(objects, key, { bytes: body, etag, headers: kept(headers) });
    return { status: 200, headers: { etag } };
  }

  #copy({ key, headers }: S3Question, objects: Map<string, StoredObject>): S3Reply {
    const source = decodeURIComponent(String(headers["x-amz-copy-source"])).replace(/^\//, "");
    const slash = source.indexOf("/");
    const found = this.buckets.get(source.slice(0, slash))?.get(source.slice(slash + 1));
    if (found === undefined || !this.#isSeen(found, "read")) return errorReply(404, "NoSuchKey");
    const isReplaced = headers["x-amz-metadata-directive"] === "REPLACE";
    this.#store(objects, key, { ...found, headers: isReplaced ? kept(headers) : found.headers });
    const date = new Date().toISOString();
    return xmlReply(
      "CopyObjectResult",
      `<LastModified>${date}</LastModified><ETag>${escaped(found.etag)}</ETag>`,
    );
  }

  #createUpload({ bucket, key, headers }: S3Question): S3Reply {
    const id = crypto.randomUUID();
    this.uploads.set(id, { bucket, key, headers, parts: new Map() });
    const names = `<Bucket>${escaped(bucket)}</Bucket><Key>${escaped(key)}</Key>`;
    return xmlReply("InitiateMultipartUploadResult", `${names}<UploadId>${id}</UploadId>`);
  }

  #continueUpload({ kind, key, query, body }: S3Question, objects: Map<string, StoredObject>): S3Reply {
    const id = query.get("uploadId") ?? "";
    const upload = this.uploads.get(id);
    if (upload === undefined) return errorReply(404, "NoSuchUpload");
    if (kind === "part") {
      upload.parts.set(Number(query.get("partNumber")), body);
      return { status: 200, headers: { etag: etagOf(body) } };
    }
    if (kind === "abort") {
      this.uploads.delete(id);
      return { status: 204 };
    }
    const named = body.toString().matchAll(/<Part>.*?<\/Part>/gs);
    const parts = [...named].map(([part]) => {
      const number = Number(/<PartNumber>(\d+)</.exec(part)?.[1]);
      const etag = /<ETag>(?:"|&quot;|&#34;)?([0-9a-f]+)/.exec(part)?.[1];
      const bytes = upload.parts.get(number) ?? Buffer.alloc(0);
      return { bytes, sum: md5(bytes), etag };
    });
    if (parts.length === 0) return errorReply(400, "MalformedXML");
    if (parts.some(({ sum, etag }) => sum.toString("hex") !== etag)) return errorReply(400, "InvalidPart");
    this.uploads.delete(id);
    const sum = md5(Buffer.concat(parts.map((part) => part.sum))).toString("hex");
    const etag = `"${sum}-${parts.length}"`;
    const bytes = Buffer.concat(parts.map((part) => part.bytes));
    this.#store(objects, key, { bytes, etag, headers: kept(upload.headers) });
    return xmlReply(
      "CompleteMultipartUploadResult",
      `<Key>${escaped(key)}</Key><ETag>${escaped(etag)}</ETag>`,
    );
  }

  #other({ query, bucket }: S3Question): S3Reply {
    if (query.has("versioning")) return xmlReply("VersioningConfiguration", "");
    if (!query.has("uploads")) return errorReply(501, "NotImplemented");
    const uploads = [...this.uploads].filter(([, upload]) => upload.bucket === bucket);
    const shown = uploads.map(([id, { key }]) => `<Key>${escaped(key)}</Key><UploadId>${id}</UploadId>`);
    return xmlReply("ListMultipartUploadsResult", shown.map((text) => `<Upload>${text}</Upload>`).join(""));
  }
}

/** The headers of an upload that every later look at the object gives back. */
function kept(headers: IncomingHttpHeaders): Record<string, string> {
  const wanted = ([name]: readonly [string, unknown]): boolean =>
    name === "content-type" || name.startsWith("x-amz-meta-");
  return Object.fromEntries(
    Object.entries(headers)
      .filter(wanted)
      .map(([name, value]) => [name, String(value)]),
  );
}

function etagOf(bytes: Buffer): string {
  return `"${md5(bytes).toString("hex")}"`;
}

function md5(bytes: Buffer): Buffer {
  return createHash("md5").update(bytes).digest();
}
