import type { ListingEntry } from "../../src/catalog/catalog.ts";
import type { RemoteFeatures } from "../../src/remote/features.ts";
import type { Rclone } from "../../src/remote/rclone.ts";

type Verb =
  | "features"
  | "list"
  | "find"
  | "size"
  | "read"
  | "readAll"
  | "move"
  | "remove"
  | "removeAll"
  | "removeFolder"
  | "removeEmptyFolder"
  | "write";

/** The features of a remote that can do everything, and proves nothing by a hash. */
export const features: RemoteFeatures = {
  move: true,
  putStream: true,
  hashIsEmpty: true,
  kind: "other",
  duplicates: false,
  wraps: false,
  foldsCase: false,
};

/** A remote in memory, by complete paths; and what was asked of it. */
export interface FakeRemote {
  readonly rclone: Rclone;
  readonly files: Map<string, string>;
  /** One line a call: the verb, and what it was about. */
  readonly calls: readonly string[];
}

/** How a fake remote differs from one that can do everything. */
export interface FakeRemoteParts {
  /** The place's own path; left out: `s3:b`. */
  readonly root?: string;
  readonly features?: Partial<RemoteFeatures>;
  /** What these calls throw. */
  readonly fails?: Partial<Record<Verb, Error>>;
  /** These calls are said to have worked, and have not. */
  readonly does?: (verb: Verb) => boolean;
}

/** An rclone over files in memory: it answers as the real one does, without a process. */
export function fakeRclone(content: Record<string, string> = {}, parts: FakeRemoteParts = {}): FakeRemote {
  const files = new Map(Object.entries(content));
  const calls: string[] = [];
  const call = (verb: Verb, ...about: readonly string[]): boolean => {
    calls.push([verb, ...about].join(" "));
    const failure = parts.fails?.[verb];
    if (failure !== undefined) throw failure;
    return parts.does?.(verb) ?? true;
  };
  const fake: Pick<Rclone, Verb | "recover" | "root" | "shown"> = {
    root: parts.root ?? "s3:b",
    recover() {},
    shown: (path) => path,
    async features(folder) {
      call("features", folder);
      return { ...features, ...parts.features };
    },
    async list(folder, flags) {
      call("list", folder);
      return entriesBelow(files, folder, flags.includes("--recursive"));
    },
    async find(path) {
      call("find", path);
      const at = path.lastIndexOf("/");
      const entries = entriesBelow(files, path.slice(0, at), false);
      return entries.find((entry) => !entry.isFolder && entry.path === path.slice(at + 1)) ?? null;
    },
    async size(path) {
      call("size", path);
      return files.get(path)?.length ?? null;
    },
    async read(path, flags) {
      call("read", path, ...flags);
      const text = files.get(path);
      if (text === undefined) throw new Error(`no such file: ${path}`);
      return new TextEncoder().encode(part(text, flags));
    },
    async readAll(folder, names) {
      call("readAll", folder, ...names);
      const texts = names.map((name) => files.get(`${folder}/${name}`) ?? "");
      return new TextEncoder().encode(texts.join(""));
    },
    async move(from, to) {
      if (!call("move", from, to)) return;
      files.set(to, files.get(from) ?? "");
      files.delete(from);
    },
    async remove(path) {
      if (call("remove", path)) files.delete(path);
    },
    async removeAll(folder, names) {
      if (names.length === 0) return;
      call("removeAll", folder, ...names);
      for (const name of names) files.delete(`${folder}/${name}`);
    },
    async removeFolder(path) {
      call("removeFolder", path);
      for (const name of files.keys()) if (name.startsWith(`${path}/`)) files.delete(name);
    },
    async removeEmptyFolder(path) {
      call("removeEmptyFolder", path);
    },
    async write(path, text) {
      if (call("write", path)) files.set(path, text);
    },
  };
  return { rclone: fake as Rclone, files, calls };
}

function entriesBelow(
  files: ReadonlyMap<string, string>,
  folder: string,
  recursive: boolean,
): ListingEntry[] {
  const entries = new Map<string, ListingEntry>();
  for (const [path, text] of files) {
    if (!path.startsWith(`${folder}/`)) continue;
    const words = path.slice(folder.length + 1).split("/");
    for (let depth = 1; depth <= (recursive ? words.length : 1); depth++) {
      const name = words.slice(0, depth).join("/");
      const isFolder = depth < words.length;
      entries.set(name, { path: name, bytes: isFolder ? -1 : text.length, isFolder, modTimeMs: null });
    }
  }
  return [...entries.values()];
}

function part(text: string, flags: readonly string[]): string {
  const number = (flag: string) => (flags.includes(flag) ? Number(flags[flags.indexOf(flag) + 1]) : null);
  const tail = number("--tail");
  if (tail !== null) return text.slice(-tail);
  const offset = number("--offset") ?? 0;
  return text.slice(offset, offset + (number("--count") ?? text.length));
}
