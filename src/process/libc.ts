import { dlopen, type Pointer, read } from "bun:ffi";
import { DbstashError } from "../errors.ts";

const O_CLOEXEC = 0o2000000;
const F_SETPIPE_SZ = 1031;
const FIONREAD = 0x541b;
const TCGETS = 0x5401;
/** More than any libc's struct termios. */
const termiosBytes = 128;
const POLLOUT = 4;
const LOCK_EX = 2;
const LOCK_NB = 4;
const EWOULDBLOCK = 11;
const ENFILE = 23;
const EMFILE = 24;

/** glibc first, then musl by architecture: the names the dynamic linkers know them by. */
const libraries = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];

/** The few kernel calls Bun has no binding for; numbers are Linux's, the same on x86-64 and arm64. */
export interface Libc {
  /** Both ends of a new pipe, closed on exec. @throws DbstashError when no descriptors are left */
  pipe(): { readFd: number; writeFd: number };
  /** Asks for a pipe buffer of `bytes`; the size stays as it is where the kernel refuses (fcntl(2), F_SETPIPE_SZ). */
  setPipeSize(fd: number, bytes: number): void;
  /** Bytes that lie in a pipe, unread (ioctl_tty(2), FIONREAD). */
  readableBytes(fd: number): number;
  /** Whether a descriptor is a terminal (ioctl_tty(2), TCGETS). */
  isTerminal(fd: number): boolean;
  /** Whether a write would not wait: there is room, or the error of a reader who is gone (poll(2), POLLOUT). */
  canWrite(fd: number): boolean;
  /** Takes the exclusive lock of an open file without waiting: `held` when another one has it (flock(2)). */
  tryLock(fd: number): "locked" | "held" | "unsupported";
}

/**
 * Opens the C library of this system.
 * @throws DbstashError where none is found
 */
export function openLibc(): Libc {
  const { symbols } = load();
  const errno = () => {
    const place = symbols.__errno_location();
    return place === null ? 0 : read.i32(place as Pointer);
  };
  return {
    pipe() {
      const fds = new Int32Array(2);
      if (symbols.pipe2(fds, O_CLOEXEC) !== 0) throw pipeFailure(errno());
      return { readFd: fds[0] ?? -1, writeFd: fds[1] ?? -1 };
    },
    setPipeSize(fd, bytes) {
      symbols.fcntl(fd, F_SETPIPE_SZ, bytes);
    },
    readableBytes(fd) {
      const count = new Int32Array(1);
      return symbols.ioctl(fd, FIONREAD, count) === 0 ? (count[0] ?? 0) : 0;
    },
    isTerminal(fd) {
      return symbols.ioctl(fd, TCGETS, new Uint8Array(termiosBytes)) === 0;
    },
    canWrite(fd) {
      // struct pollfd: int fd; short events; short revents.
      const asked = new Int32Array([fd, POLLOUT]);
      return symbols.poll(asked, 1, 0) > 0;
    },
    tryLock(fd) {
      if (symbols.flock(fd, LOCK_EX | LOCK_NB) === 0) return "locked";
      return errno() === EWOULDBLOCK ? "held" : "unsupported";
    },
  };
}

/** What a limit on open files does to a run is met first where pipes are made. */
function pipeFailure(errno: number): DbstashError {
  if (errno !== EMFILE && errno !== ENFILE) return new DbstashError(`can't make a pipe (errno ${errno})`);
  return new DbstashError(
    "can't make a pipe: too many files are open",
    "raise the limit on open files (ulimit -n, LimitNOFILE=), or lower BACKUP_PARALLEL (--backup-parallel)",
  );
}

function load() {
  const reasons: string[] = [];
  for (const library of libraries) {
    try {
      return dlopen(library, {
        pipe2: { args: ["ptr", "i32"], returns: "i32" },
        fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
        ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" },
        poll: { args: ["ptr", "u64", "i32"], returns: "i32" },
        flock: { args: ["i32", "i32"], returns: "i32" },
        __errno_location: { args: [], returns: "ptr" },
      });
    } catch (error) {
      reasons.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new DbstashError(`can't open the C library: ${reasons.join("; ")}`);
}
