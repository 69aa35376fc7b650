/** The links of the job checkpointer to the units of the job, one each. */
import type { FromJob, FromUnit, JobLink } from './coordination.js';

export class JobLinks {
  readonly #links = new Map<string, JobLink>();
  /** Set before the first is attached. */
  onMessage: (unit: string, message: FromUnit) => void = () => undefined;
  /** The unit is not connected any more; another link to it may follow at once. */
  onLost: (unit: string) => void = () => undefined;

  /** Units that are connected. */
  get units(): string[] {
    return [...this.#links.keys()];
  }

  /** A unit has connected. Another link of the same name is dead: the unit would not dial again otherwise. */
  attach(unit: string, link: JobLink): void {
    const before = this.#links.get(unit);
    if (before) {
      this.#links.delete(unit);
      before.close();
      this.onLost(unit);
    }
    this.#links.set(unit, link);
    link.onMessage = (message) => {
      if (this.#links.get(unit) === link) this.onMessage(unit, message);
    };
    link.onClose = () => {
      if (this.#links.get(unit) !== link) return;
      this.#links.delete(unit);
      this.onLost(unit);
    };
  }

  /** A unit that is not connected misses it, and asks when it is back. */
  tell(unit: string, message: FromJob): void {
    this.#links.get(unit)?.send(message);
  }

  tellAll(message: FromJob): void {
    for (const link of this.#links.values()) link.send(message);
  }

  close(): void {
    for (const link of this.#links.values()) link.close();
  }
}
