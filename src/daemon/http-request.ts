/** More than any client of a health port says before its empty line. */
export const longestHead = 8192;

/** What has been found out about the bytes of a connection: a request, what is wrong with them, or that more must come. */
export type HeadReading =
  | { readonly kind: "request"; readonly method: string; readonly path: string }
  | { readonly kind: "refused"; readonly status: 400 | 431 | 505 }
  | { readonly kind: "more" };

const more: HeadReading = { kind: "more" };

/**
 * Reads the head of one HTTP/1 request, however it is cut in pieces (RFC 9112, 2.2 and 3). A body is of no use to a
 * health server and is not read; of the fields none is, either.
 */
export class RequestHead {
  #text = "";

  /** Takes the bytes that came, until it has said something else than `more`. */
  add(bytes: Uint8Array): HeadReading {
    const room = longestHead + 1 - this.#text.length;
    // One character a byte: what is no ASCII is in no path of ours.
    const piece = Buffer.from(bytes.subarray(0, room)).toString("latin1");
    this.#text += piece;
    if (piece.includes("\n")) {
      // "a server SHOULD ignore at least one empty line (CRLF) received prior to the request-line"
      const text = this.#text.replace(/^(\r?\n)+/, "");
      const end = /\r?\n\r?\n/.exec(text);
      if (end !== null) return request(text.slice(0, text.search(/\r?\n/)));
    }
    return this.#text.length > longestHead ? { kind: "refused", status: 431 } : more;
  }
}

function request(line: string): HeadReading {
  const [, method = "", target = "", major] =
    /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) HTTP\/(\d)\.\d$/.exec(line) ?? [];
  if (major === undefined) return { kind: "refused", status: 400 };
  if (major !== "1") return { kind: "refused", status: 505 };
  // A proxy is sent the whole URL, and may pass it on.
  const [path = ""] = target.replace(/^https?:\/\/[^/?#]*(?=\/)/i, "").split(/[?#]/);
  return { kind: "request", method, path };
}
