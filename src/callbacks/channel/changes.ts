/** Waiting for something to hold that can only change when {@link Changes.happened} is called. */

export interface Wait {
  readonly signal?: AbortSignal | undefined;
  /** What to say when the signal is aborted before. */
  readonly late?: (reason: unknown) => Error;
}

export class Changes {
  readonly #looks = new Set<() => void>();

  happened(): void {
    for (const look of [...this.#looks]) look();
  }

  /** Resolves as soon as `holds`; rejects when it throws, or the signal is aborted. */
  until(holds: () => boolean, { signal, late }: Wait = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      const finish = (error?: Error): void => {
        this.#looks.delete(look);
        signal?.removeEventListener('abort', abort);
        if (error === undefined) resolve();
        else reject(error);
      };
      const abort = (): void => {
        finish(late?.(signal?.reason) ?? (signal?.reason as Error));
      };
      const look = (): void => {
        try {
          if (holds()) finish();
          else if (signal?.aborted === true) abort();
        } catch (error) {
          finish(error as Error);
        }
      };
      this.#looks.add(look);
      signal?.addEventListener('abort', abort, { once: true });
      look();
    });
  }
}
