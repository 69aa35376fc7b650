/** The UUID helper of SAGA C++; `getId()` gives such strings. */
import { randomUUID } from 'node:crypto';

import { BadParameter } from './exceptions.js';

const FORM = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** A universally unique identifier (RFC 9562). */
export class UUID {
  readonly #text: string;

  /**
   * @param s - the 36 characters of a UUID, in either case; without it a new random one is made.
   * @throws BadParameter when `s` is not a UUID.
   */
  constructor(s?: string) {
    this.#text = s === undefined ? randomUUID() : checked(s);
  }

  /** The canonical form: 36 characters, lower case. */
  toString(): string {
    return this.#text;
  }

  toJSON(): string {
    return this.#text;
  }

  /** Negative, 0 or positive as this one sorts before, with or after `other`. */
  compare(other: UUID): number {
    const [mine, others] = [this.#text, other.toString()];
    if (mine === others) return 0;
    return mine < others ? -1 : 1;
  }
}

function checked(s: string): string {
  const text = s.toLowerCase();
  if (!FORM.test(text)) {
    throw new BadParameter(`'${text}' is not a UUID; write it like 123e4567-e89b-42d3-a456-426614174000`);
  }
  return text;
}
