/** The flags of name spaces and files (GFD.90 sections 4.2 and 4.3); they combine by bitwise or. */
import { BadParameter } from '../core/exceptions.js';

/** `None` also switches off the flags that an operation has by default. */
export const Flags = {
  None: 0,
  /** Replace what is at the target. */
  Overwrite: 1,
  /** With everything beneath a directory. */
  Recursive: 2,
  /** Work on what a link leads to, in place of the link. */
  Dereference: 4,
  /** Make what is missing. */
  Create: 8,
  /** With Create: it must be missing. */
  Exclusive: 16,
  /** Lock against others who lock, until closed. */
  Lock: 32,
  /** Make missing parents. */
  CreateParents: 64,
  Truncate: 128,
  Append: 256,
  Read: 512,
  Write: 1024,
  ReadWrite: 1536,
  Binary: 2048,
} as const;
export type Flags = (typeof Flags)[keyof typeof Flags];

/** Whether `flag` is among `flags`. */
export function has(flags: number, flag: Flags): boolean {
  return (flags & flag) !== 0;
}

const SINGLE = Object.entries(Flags).filter(([name, bits]) => bits !== 0 && name !== 'ReadWrite');

/**
 * The flags of a call, checked.
 * @param given - Undefined: the default ones.
 * @throws BadParameter when a flag is not for this operation; the message names it and those that are.
 */
export function checkedFlags(given: number | undefined, allowed: number, operation: string, defaults = 0): number {
  if (given === undefined) return defaults;
  if (!Number.isInteger(given) || given < 0) {
    throw new BadParameter(`${operation}: flags are numbers combined with |, such as saga.Flags.Overwrite`);
  }
  const foreign = given & ~allowed;
  if (foreign === 0 && given <= 0xfff) return given;
  const named = namesOf(foreign) || String(given);
  const usable = allowed === 0 ? 'none' : namesOf(allowed);
  throw new BadParameter(`${operation} does not take the flags ${named}; it takes ${usable}`, { operation });
}

function namesOf(bits: number): string {
  return SINGLE.filter(([, bit]) => (bits & bit) !== 0)
    .map(([name]) => name)
    .join(', ');
}
