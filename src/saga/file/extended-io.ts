/**
 * The modes of extended I/O (GFD.90 section 4.3): a named selection with parameters, as GridFTP has ERET and ESTO.
 *
 * All of them count from the start of the file, wherever the pointer is, and leave the pointer alone. How many bytes a
 * mode gives follows from its specification alone.
 */
import { BadParameter } from '../core/exceptions.js';
import { type Falls, type Run, selectedBytes, selectedRuns } from './falls.js';

/** Bytes of the file: read, and written. */
interface ExtendedSelection {
  readonly kind: 'selection';
  readonly size: number;
  runs(): Iterable<Run>;
}

/** The digest of bytes of the file: only read. */
export interface ExtendedDigest {
  readonly kind: 'digest';
  readonly size: number;
  readonly algorithm: string;
  readonly offset: number;
  /** Infinity: up to the end. */
  readonly length: number;
}

/** What a mode and its specification ask for. */
export type Extended = ExtendedSelection | ExtendedDigest;

interface Mode {
  /** For error messages. */
  readonly form: string;
  /** @throws what `refused` makes of a reason. */
  parse(spec: string, refused: (why: string) => BadParameter): Extended;
}

/** The algorithms of `digest`, and how many bytes each gives. */
const DIGESTS: ReadonlyMap<string, number> = new Map([
  ['md5', 16],
  ['sha1', 20],
  ['sha256', 32],
  ['sha512', 64],
]);

const MOST_DIMENSIONS = 32;

const MODES: ReadonlyMap<string, Mode> = new Map([
  ['partial', { form: 'OFFSET,LENGTH', parse: partial }],
  ['subarray', { form: 'ELEMENT;SHAPE;START;COUNT, for example 8;1000x1000;0x10;1000x1', parse: subarray }],
  ['digest', { form: `ALGORITHM or ALGORITHM,OFFSET,LENGTH with ${[...DIGESTS.keys()].join(', ')}`, parse: digest }],
]);

/** The names of the modes. */
export function extendedModes(): string[] {
  return [...MODES.keys()];
}

/**
 * - `partial`, `OFFSET,LENGTH`: so many bytes from there on (GridFTP's P).
 * - `subarray`, `ELEMENT;SHAPE;START;COUNT`: a part of an array in the file. Its elements have ELEMENT bytes; the other
 *   three have a number a dimension, joined by `x`. The last dimension is contiguous, as in C and HDF5.
 * - `digest`, `ALGORITHM` or `ALGORITHM,OFFSET,LENGTH`: the digest of the file, or of a part of it, in bytes.
 *
 * @throws BadParameter for an unknown mode, and for a specification that is none of the mode's; the message tells its form.
 */
export function parseExtended(emode: string, spec: string): Extended {
  const mode = MODES.get(emode);
  if (!mode) {
    throw new BadParameter(`there is no mode '${emode}' of extended I/O; the modes are ${extendedModes().join(', ')}`);
  }
  const refused = (why: string): BadParameter =>
    new BadParameter(`'${spec}' does not specify '${emode}': ${why}; give ${mode.form}`);
  if (typeof spec !== 'string') throw refused('a specification is text');
  return mode.parse(spec, refused);
}

function partial(spec: string, refused: (why: string) => BadParameter): Extended {
  const [offset, length, ...more] = numbers(spec, ',', refused);
  if (offset === undefined || length === undefined || more.length > 0) throw refused('it has two numbers');
  requireReachable(offset + length, refused);
  return { kind: 'selection', size: length, runs: () => [{ offset, length }] };
}

function digest(spec: string, refused: (why: string) => BadParameter): Extended {
  const [algorithm = '', ...range] = spec.split(',');
  const size = DIGESTS.get(algorithm);
  if (size === undefined) throw refused(`'${algorithm}' is no known algorithm`);
  if (range.length === 0) return { kind: 'digest', size, algorithm, offset: 0, length: Infinity };
  const [offset, length, ...more] = numbers(range.join(','), ',', refused);
  if (offset === undefined || length === undefined || more.length > 0) throw refused('a range has two numbers');
  requireReachable(offset + length, refused);
  return { kind: 'digest', size, algorithm, offset, length };
}

function subarray(spec: string, refused: (why: string) => BadParameter): Extended {
  const fields = spec.split(';');
  if (fields.length !== 4) throw refused('it has four fields');
  const [[element = 0, ...extra] = [], shape = [], start = [], count = []] = fields.map((f) =>
    numbers(f, 'x', refused),
  );
  const dimensions = shape.length;
  if (dimensions > MOST_DIMENSIONS) throw refused(`it has more than ${String(MOST_DIMENSIONS)} dimensions`);
  if (extra.length > 0 || element === 0) throw refused('ELEMENT is the size of one element');
  if (start.length !== dimensions || count.length !== dimensions) {
    throw refused('SHAPE, START and COUNT have as many numbers as there are dimensions');
  }

  // From the last dimension to the first: what is selected in one step of a dimension is nested in its family.
  let step = element;
  let falls: Falls | undefined;
  for (let d = dimensions - 1; d >= 0; d--) {
    const [extent = 0, first = 0, many = 0] = [shape[d], start[d], count[d]];
    if (many === 0) throw refused('COUNT has no zeros');
    if (first + many > extent) throw refused(`dimension ${String(d + 1)} ends at ${String(extent)}`);
    requireReachable(step * extent, refused);
    const from = first * step;
    // A family of whole steps of the last dimension is one block.
    falls = falls
      ? { from, to: from + step - 1, stride: step, repetition: many, nested: falls }
      : { from, to: from + many * step - 1, stride: many * step, repetition: 1 };
    step *= extent;
  }
  if (!falls) throw refused('it has no dimension');
  const selected = falls;
  return { kind: 'selection', size: selectedBytes(selected), runs: () => selectedRuns(selected) };
}

function numbers(text: string, separator: string, refused: (why: string) => BadParameter): number[] {
  return text.split(separator).map((field) => {
    const value = /^\s*\d+\s*$/.test(field) ? Number(field) : NaN;
    if (!Number.isSafeInteger(value)) throw refused(`'${field}' is no number of bytes or elements`);
    return value;
  });
}

function requireReachable(end: number, refused: (why: string) => BadParameter): void {
  if (!Number.isSafeInteger(end)) throw refused('it reaches beyond the largest file');
}
