/** The names under which the processes of a job find each other (docs/checkpoint-protocol.md, `publish` and `resolve`). */
import type { FromUnit } from './coordination.js';
import type { JobLinks } from './job-links.js';

type Publish = Extract<FromUnit, { type: 'publish' }>;
type Resolve = Extract<FromUnit, { type: 'resolve' }>;

interface Waiting {
  readonly unit: string;
  readonly message: Resolve;
}

/** Bytes of an address (docs/checkpoint-protocol.md), and of a name. */
const LONGEST = 4096;
/** Names, and those who wait for one: some for each process of a large job. */
const MOST = 100_000;

export class Names {
  readonly #links: JobLinks;
  readonly #addresses = new Map<string, string>();
  /** By unit and id, so that one that asks again is told once. */
  readonly #waiting = new Map<string, Waiting>();

  constructor(links: JobLinks) {
    this.#links = links;
  }

  publish(unit: string, { id, name, address }: Publish): void {
    const flaw = flawIn('name', name) ?? flawIn('address', address);
    if (flaw !== undefined) {
      this.#refuse(unit, id, flaw);
    } else if (this.#addresses.size >= MOST && !this.#addresses.has(name)) {
      this.#refuse(unit, id, `${String(MOST)} names are published already`);
    } else {
      this.#addresses.set(name, address);
      for (const [key, waiting] of [...this.#waiting]) {
        if (waiting.message.name !== name) continue;
        this.#waiting.delete(key);
        this.#found(waiting, address);
      }
      this.#links.tell(unit, { type: 'ok', id });
    }
  }

  /** Tells the address as soon as it is known. */
  resolve(unit: string, message: Resolve): void {
    const { id, name } = message;
    const flaw = flawIn('name', name);
    const address = this.#addresses.get(name);
    if (flaw !== undefined) this.#refuse(unit, id, flaw);
    else if (address !== undefined) this.#found({ unit, message }, address);
    else if (this.#waiting.size < MOST) this.#waiting.set(keyOf(unit, id), { unit, message });
    else this.#refuse(unit, id, `${String(MOST)} names are waited for already`);
  }

  cancel(unit: string, id: string): void {
    this.#waiting.delete(keyOf(unit, id));
  }

  /** All names: what they lead to is closed for a checkpoint. Those that wait are told the new ones. */
  forget(): void {
    this.#addresses.clear();
  }

  #found({ unit, message: { id, name } }: Waiting, address: string): void {
    this.#links.tell(unit, { type: 'endpoint', id, name, address });
  }

  #refuse(unit: string, id: string, reason: string): void {
    this.#links.tell(unit, { type: 'refused', id, reason });
  }
}

function keyOf(unit: string, id: string): string {
  return `${unit} ${id}`;
}

/** Why it is too long; undefined when it is not. */
function flawIn(what: string, text: string): string | undefined {
  const length = Buffer.byteLength(text);
  return length > LONGEST ? `the ${what} has ${String(length)} bytes, more than ${String(LONGEST)}` : undefined;
}
