import { closeSync, existsSync, readFileSync, writeSync } from "node:fs";
import { DbstashError, toProblem } from "../errors.ts";
import type { Libc } from "./libc.ts";

/**
 * The shell script that outlives a killed dbstash by a moment. It reads its standard input, the life line,
 * whose write end dbstash holds, and keeps copies of the held write ends as descriptors 3 and up. When the life line
 * ends without a word of farewell, dbstash is dead: the uploader is stopped first and waited for, then the producers
 * are killed, and only then the gate is let go, so that the uploader never sees an end of input; one that may not be
 * killed, since it runs as another user, or does not end though it was, is waited for however long it takes.
 * Signals go to whole process groups, so that children of children end too. A zombie counts as ended: who inherits
 * our children may be slow to reap them.
 * The number of a child that has ended may be another process's by then: it is ours only while it began when ours did
 * (proc_pid_stat(5), `starttime`), or while its group outlives it, for so long keeps the number.
 * The product's name does not stand in it in one piece: `pkill -9 -f` with that name kills dbstash and the dump, and
 * would kill the guard with them.
 */
const script = `
sinks= producers=
born() { read -r stat <"/proc/$1/stat" || return 1; set -- \${stat##*) }; born=\${20}; }
mine() { born "$1" || return 0; eval "was=\\$born$1"; [ -z "$was" ] || [ "$was" = "$born" ]; }
alive() { mine "$1" && read -r stat <"/proc/$1/stat" || return 1; case $stat in *") Z "*) return 1 ;; esac; }
denied() {
  mine "$1" || return 1
  for f in /proc/[0-9]*/stat; do
    read -r stat <"$f" || continue
    r=\${stat##*) }; case $r in Z*) continue ;; esac
    r=\${r#* }; r=\${r#* }; [ "\${r%% *}" = "$1" ] || continue
    m=\${f#/proc/}; kill -0 "\${m%/stat}" || return 0
  done
  return 1
}
while read -r word rest; do
  case $word in sink|producer) born "$rest" && eval "born$rest=$born" ;; esac
  case $word in
    sink) sinks="$sinks $rest" ;;
    producer) producers="$producers $rest" ;;
    gone) g=; for p in $sinks; do [ "$p" = "$rest" ] || g="$g $p"; done; sinks=$g
          g=; for p in $producers; do [ "$p" = "$rest" ] || g="$g $p"; done; producers=$g ;;
    folder) case $rest in */db"stash-"??????) set -- "$@" "$rest" ;; esac ;;
    release) eval "exec $rest>&-" ;;
    farewell) exit 0 ;;
  esac
done
for p in $sinks; do mine "$p" && { kill -TERM -"$p" || kill -TERM "$p"; }; done
for p in $sinks; do
  n=0
  while alive "$p" && [ "$n" -lt 100 ]; do sleep 0.05; n=$((n+1)); done
  mine "$p" && kill -KILL -"$p"
  while alive "$p" && [ "$n" -lt 120 ]; do sleep 0.05; n=$((n+1)); done
done 2>/dev/null
for p in $producers; do mine "$p" && { kill -KILL -"$p" || kill -KILL "$p"; }; done
for p in $sinks; do
  while alive "$p" || denied "$p"; do sleep 0.5; done
done 2>/dev/null
[ $# -eq 0 ] || rm -rf -- "$@"
`;

/** How long the guard gets to end by itself: nothing but somebody's SIGSTOP makes it late. */
const farewellMs = 5_000;

/** What a child is to the guard: sinks are stopped first and gently, producers after them and at once. */
export type Role = "sink" | "producer";

/**
 * Ends what a run has started when dbstash itself is killed (SIGKILL, out of memory).
 * A signal on the parent's death (PR_SET_PDEATHSIG) would reach producer and uploader at the same moment, a race
 * that an uploader who sees the end of input first decides for a truncated object; nor would it reach grandchildren.
 */
export class Guard {
  readonly #libc: Libc;
  #lifeFd: number;
  #shell: Bun.Subprocess;
  #open = true;
  readonly #folders: string[] = [];
  readonly #outliving = new Set<number>();
  readonly #left = new Set<string>();

  private constructor(libc: Libc, heldFds: readonly number[]) {
    this.#libc = libc;
    ({ lifeFd: this.#lifeFd, shell: this.#shell } = startShell(libc, heldFds));
  }

  /**
   * Starts the guard.
   * @param heldFds write ends of pipes that it holds besides us, until they are released; at most seven, since dash
   * knows no descriptor above 9
   * @throws DbstashError where there is no shell
   */
  static start(libc: Libc, heldFds: readonly number[]): Guard {
    return new Guard(libc, heldFds);
  }

  /** The descriptor on which a child registers itself before it becomes the tool. */
  get lifeFd(): number {
    return this.#lifeFd;
  }

  /** Resolves when the guard has ended, which before `farewell` means that it was killed. */
  get exited(): Promise<number> {
    return this.#shell.exited;
  }

  /** Whether it was killed: from then on no child is started, since none would end with dbstash. */
  get isLost(): boolean {
    return this.#open && !isAlive(this.#shell.pid);
  }

  /** What a run fails of whose guard was killed. */
  lossOf(): DbstashError {
    return new DbstashError("the process that guards this run's processes was killed");
  }

  /**
   * After a loss starts another guard, so that children may be started to clean up. It holds no pipe: a stream whose
   * guard was lost has been given up by then. Without a loss nothing happens.
   * @throws DbstashError where it can't be started
   */
  recover(): void {
    if (!this.isLost) return;
    closeSync(this.#lifeFd);
    ({ lifeFd: this.#lifeFd, shell: this.#shell } = startShell(this.#libc, []));
    for (const path of this.#folders) this.#say(`folder ${path}`);
  }

  /** A folder that must not outlive dbstash; only one that `claimFolder` may have made is taken. */
  ownFolder(path: string): void {
    this.#folders.push(path);
    this.#say(`folder ${path}`);
  }

  /** A child has ended and its number may be given to another process. */
  gone(pid: number): void {
    // Of a group that lives on, the number stays taken.
    if (!this.#outliving.has(pid)) this.#say(`gone ${pid}`);
  }

  /** A child could not be ended. @param sentence which, and why */
  outlives(sentence: string): void {
    this.#left.add(sentence);
  }

  /** What is told of the children that could not be ended, a sentence each. */
  get left(): readonly string[] {
    return [...this.#left];
  }

  /** A sink that can't be ended lives on: the guard holds its gate until it is gone, also when dbstash is. */
  outlive(sink: number): void {
    this.#outliving.add(sink);
    this.#say(`sink ${sink}`);
  }

  /** The guard lets go of its copy of the pipe that was the `index`-th of `heldFds`. */
  release(index: number): void {
    this.#say(`release ${index + 3}`);
  }

  /** Ends the guard; resolves when it is gone, or has to outlive us. */
  async farewell(): Promise<void> {
    if (this.#outliving.size === 0) this.#say("farewell");
    if (this.#open) closeSync(this.#lifeFd);
    this.#open = false;
    if (this.#outliving.size > 0) return;
    const killer = setTimeout(() => this.#shell.kill("SIGKILL"), farewellMs);
    await this.#shell.exited;
    clearTimeout(killer);
  }

  #say(line: string): void {
    if (!this.#open) return;
    try {
      writeSync(this.#lifeFd, `${line}\n`);
    } catch {
      // The guard was killed: its end is watched by `exited`, and a run fails by that.
    }
  }
}

/** Starts the shell, which holds these write ends, at the other end of a new life line. */
function startShell(libc: Libc, heldFds: readonly number[]): { lifeFd: number; shell: Bun.Subprocess } {
  const life = libc.pipe();
  try {
    const shell = Bun.spawn(["sh", "-c", script], {
      stdio: [life.readFd, "ignore", "ignore", ...heldFds],
      env: { PATH: "/usr/local/bin:/usr/bin:/bin" },
      // Its own session: what stops dbstash's process group must not stop the guard.
      detached: true,
    });
    return { lifeFd: life.writeFd, shell };
  } catch (error) {
    closeSync(life.writeFd);
    throw new DbstashError("can't start sh", undefined, toProblem(error).message);
  } finally {
    closeSync(life.readFd);
  }
}

/** Asked of the kernel: Bun learns of the end of a child only when it next waits. A zombie has ended. */
function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat[stat.lastIndexOf(") ") + 2] !== "Z";
  } catch (error) {
    // No such process, for Bun has taken its end; unless there is no /proc to ask, or no descriptor left to ask with.
    const { code } = error as { code?: string };
    return (code !== "ENOENT" && code !== "ESRCH") || !existsSync("/proc/self/stat");
  }
}
