/** Hearing that a journal has grown: by the events of the system, and by looking, where it has none left to give. */
import { watch, type FSWatcher } from 'node:fs';

/** Milliseconds between looks for what sends no event: keepers that were killed. */
const LIVENESS_INTERVAL = 1000;
/** Milliseconds between looks where the system gives no file events (out of inotify watches, odd file systems). */
const POLL_INTERVAL = 100;

export class EventsWatch {
  readonly #path: string;
  readonly #onGrowth: () => void;
  readonly #onLook: () => void;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `onGrowth` is called when something was appended, `onLook` when it is time to look at what sends no event. */
  constructor(path: string, onGrowth: () => void, onLook: () => void) {
    this.#path = path;
    this.#onGrowth = onGrowth;
    this.#onLook = onLook;
  }

  /** Those who wait keep the process alive; watching does not. */
  start(): void {
    if (this.#timer) return;
    this.#watcher = this.#watchFile();
    this.#timer = setInterval(this.#onLook, this.#watcher ? LIVENESS_INTERVAL : POLL_INTERVAL);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #watchFile(): FSWatcher | undefined {
    try {
      const watcher = watch(this.#path, this.#onGrowth);
      watcher.unref();
      watcher.on('error', () => {
        watcher.close();
      });
      return watcher;
    } catch {
      return undefined;
    }
  }
}
