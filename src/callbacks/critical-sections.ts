/** Stretches of code in which no checkpoint begins (BLCR: cr_enter_cs, cr_leave_cs). */
import { Deferred } from './deferred.js';
import { currentScope, within } from './scope.js';

export class CriticalSections {
  #inside = 0;
  #gate: Deferred<void> | undefined;
  #quiet: Deferred<void> | undefined;

  /**
   * Waits while a checkpoint is made. Not so inside of another section or of a callback, for which the checkpoint
   * waits anyway.
   */
  async run<T>(f: () => T): Promise<Awaited<T>> {
    while (this.#gate !== undefined && currentScope() === undefined) await this.#gate.promise;
    this.#inside++;
    try {
      return await within({ where: 'a critical section' }, f);
    } finally {
      this.#inside--;
      if (this.#inside === 0) this.#quiet?.resolve();
    }
  }

  /** From now on sections wait. */
  close(): void {
    this.#gate ??= new Deferred();
  }

  open(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  /** Resolves when nobody is in a section. */
  async quiet(): Promise<void> {
    while (this.#inside > 0) {
      this.#quiet = new Deferred();
      await this.#quiet.promise;
    }
  }
}
