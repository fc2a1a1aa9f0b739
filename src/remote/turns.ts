/** Lets those who share a writable configuration take turns: rclone renames the file away while it saves. */
export class Turns {
  #queue: Promise<unknown> = Promise.resolve();

  /** Does something when all that asked before are done. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => undefined);
    return turn;
  }
}
