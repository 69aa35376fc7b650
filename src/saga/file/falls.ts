/**
 * The patterns of pattern I/O (GFD.90 section 4.3): FALLS, families of line segments.
 *
 * A pattern selects blocks of bytes at equal distances: `(from,to,stride,repetition)` are the bytes `from` to `to`
 * inclusive, and again `stride` bytes further on, `repetition` times in all. A fifth element, a pattern itself, selects
 * within each block, counted from the start of the block: `(0,17,36,6,(0,0,2,6))` are 36 bytes.
 */
import { BadParameter } from '../core/exceptions.js';

/** One family of segments. */
export interface Falls {
  /** The first byte of the first block. */
  readonly from: number;
  /** The last byte of the first block. */
  readonly to: number;
  /** From the start of a block to the start of the next one, in bytes. */
  readonly stride: number;
  /** How many blocks there are. */
  readonly repetition: number;
  /** What is selected within each block; all of it when absent. */
  readonly nested?: Falls;
}

/** Bytes that lie together. */
export interface Run {
  readonly offset: number;
  readonly length: number;
}

/** Deeper than any array has dimensions; the parser recurses. */
const DEEPEST = 32;

const TOKEN = /\s*([(),]|\d+)\s*/y;

/**
 * @throws BadParameter when the text is no pattern, its blocks overlap, a nested pattern does not fit into its block, or
 *   it reaches beyond 2^53 bytes.
 */
export function parseFalls(pattern: string): Falls {
  if (typeof pattern !== 'string') throw refused(String(pattern), 'a pattern is text');
  const tokens = tokenized(pattern);
  let next = 0;

  const expect = (kind: string): void => {
    const token = tokens[next++];
    if (token !== kind) throw refused(pattern, `'${kind}' is expected ${token ? `before '${token}'` : 'at its end'}`);
  };
  const number = (what: string): number => {
    const token = tokens[next++];
    const value = Number(token);
    if (token === undefined || !/^\d+$/.test(token)) throw refused(pattern, `a number is expected for ${what}`);
    if (!Number.isSafeInteger(value)) throw refused(pattern, `${what} is too large`);
    return value;
  };
  const family = (depth: number): Falls => {
    if (depth > DEEPEST) throw refused(pattern, `it is nested more than ${String(DEEPEST)} deep`);
    expect('(');
    const from = number('from');
    expect(',');
    const to = number('to');
    expect(',');
    const stride = number('stride');
    expect(',');
    const repetition = number('repetition');
    let nested: Falls | undefined;
    if (tokens[next] === ',') {
      next += 1;
      nested = family(depth + 1);
    }
    expect(')');
    return { from, to, stride, repetition, ...(nested && { nested }) };
  };

  const falls = family(1);
  if (next < tokens.length) throw refused(pattern, `'${String(tokens[next])}' follows its end`);
  check(falls, pattern);
  return falls;
}

/** How many bytes the pattern selects. */
export function selectedBytes(falls: Falls): number {
  return falls.repetition * (falls.nested ? selectedBytes(falls.nested) : blockLength(falls));
}

/** What the pattern selects, in order, runs that touch joined. `base` is added to every offset. */
export function* selectedRuns(falls: Falls, base = 0): Generator<Run> {
  let pending: Run | undefined;
  for (const run of blocksOf(falls, base)) {
    if (pending?.offset !== undefined && pending.offset + pending.length === run.offset) {
      pending = { offset: pending.offset, length: pending.length + run.length };
    } else {
      if (pending) yield pending;
      pending = run;
    }
  }
  if (pending) yield pending;
}

function* blocksOf(falls: Falls, base: number): Generator<Run> {
  const { from, stride, repetition, nested } = falls;
  const length = blockLength(falls);
  if (!nested && stride === length) {
    yield { offset: base + from, length: length * repetition };
    return;
  }
  for (let i = 0; i < repetition; i++) {
    const offset = base + from + i * stride;
    if (nested) yield* blocksOf(nested, offset);
    else yield { offset, length };
  }
}

function blockLength({ from, to }: Falls): number {
  return to - from + 1;
}

/** One more than the last byte that the family reaches. */
function endOf(falls: Falls): number {
  return falls.to + 1 + (falls.repetition - 1) * falls.stride;
}

function check(falls: Falls, pattern: string): void {
  const { from, to, stride, repetition, nested } = falls;
  if (to < from) throw refused(pattern, `its blocks end (${String(to)}) before they begin (${String(from)})`);
  if (repetition === 0) throw refused(pattern, 'a repetition of 0 selects nothing');
  if (repetition > 1 && stride < blockLength(falls)) {
    throw refused(pattern, `blocks of ${String(blockLength(falls))} bytes overlap at a stride of ${String(stride)}`);
  }
  if (!Number.isSafeInteger(endOf(falls))) throw refused(pattern, 'it reaches beyond the largest file');
  if (!nested) return;
  check(nested, pattern);
  if (endOf(nested) > blockLength(falls)) {
    throw refused(
      pattern,
      `a nested pattern of ${String(endOf(nested))} bytes does not fit into a block of ${String(blockLength(falls))}`,
    );
  }
}

function tokenized(pattern: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  for (let at = 0; at < pattern.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(pattern)?.[1];
    if (token === undefined) throw refused(pattern, `'${pattern.slice(at, at + 1)}' means nothing in it`);
    tokens.push(token);
  }
  return tokens;
}

function refused(pattern: string, why: string): BadParameter {
  const shown = pattern.length > 80 ? `${pattern.slice(0, 80)}...` : pattern;
  return new BadParameter(
    `'${shown}' is no pattern: ${why}; a pattern is (from,to,stride,repetition), or with another one nested in it (from,to,stride,repetition,(from,to,stride,repetition))`,
  );
}
