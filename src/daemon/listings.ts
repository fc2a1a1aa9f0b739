/** The listings of the places, one at a time: rclone may save to a configuration only once at a time. */
export class Listings {
  readonly #now: () => Date;
  readonly #stop: AbortSignal;
  readonly #read: (stop: AbortSignal) => Promise<unknown>;
  #ended: Promise<unknown> = Promise.resolve();
  #over = new AbortController();
  #begunAt: Date;

  /**
   * @param read lists the places once; ends early by its signal, and never rejects
   * @param stop ends all of them
   */
  constructor(read: (stop: AbortSignal) => Promise<unknown>, now: () => Date, stop: AbortSignal) {
    this.#read = read;
    this.#now = now;
    this.#stop = stop;
    this.#begunAt = now();
  }

  /** When the last one was asked for; before any, when the process came up. */
  get begunAt(): Date {
    return this.#begunAt;
  }

  /** The end of the last one. Never rejects. */
  get ended(): Promise<unknown> {
    return this.#ended;
  }

  /** One that is at work already, such as the look at the start: others come after it. */
  comeAfter(listing: Promise<unknown>): void {
    this.#ended = listing;
  }

  /** Lists the places, after whatever lists them now. Never rejects. */
  list(): Promise<unknown> {
    this.#begunAt = this.#now();
    const over = (this.#over = new AbortController());
    const either = AbortSignal.any([this.#stop, over.signal]);
    this.#ended = this.#ended.then(() => this.#read(either));
    return this.#ended;
  }

  /** Ends the last one. Resolves when it, and those before it, are over. */
  async end(reason: Error): Promise<void> {
    this.#over.abort(reason);
    await this.#ended;
  }
}
