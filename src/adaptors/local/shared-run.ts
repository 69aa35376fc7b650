/** Group commit as an object: callers that wait for the same kind of work share one run of it. */
export class SharedRun {
  readonly #work: () => Promise<void>;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** Resolves after a run that began no earlier than this call. */
  call(): Promise<void> {
    if (!this.#running) return this.#start();
    // The run under way began before this call and may have missed what the caller wants to be in it.
    this.#next ??= this.#running.then(
      () => this.#start(),
      () => this.#start(),
    );
    return this.#next;
  }

  #start(): Promise<void> {
    this.#next = undefined;
    // The work may call callers back before its first wait: they must find it running.
    const run = Promise.resolve()
      .then(this.#work)
      .finally(() => {
        if (this.#running === run && !this.#next) this.#running = undefined;
      });
    this.#running = run;
    return run;
  }
}
