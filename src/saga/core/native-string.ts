/**
 * Names, arguments and values of the operating system are bytes; those of JavaScript are text. This is the bridge,
 * exact for every byte string: what is not UTF-8 is written as lone surrogates U+DC80 to U+DCFF, one a byte, as
 * Python does it (PEP 383). So a name that was read can always be used again.
 */
import { Buffer as NodeBuffer, isUtf8 } from 'node:buffer';

import { BadParameter } from './exceptions.js';

const ENCODER = new TextEncoder();

// With the u flag these match surrogates only where they are not half of a pair.
const NOT_PLAIN = /[\0\ud800-\udfff]/u;
const NOT_NATIVE = /[\0\ud800-\udc7f\udd00-\udfff]/u;
const ESCAPED_BYTES = /([\udc80-\udcff]+)/u;

/**
 * The bytes of `text`: UTF-8, and the byte itself for each of U+DC80 to U+DCFF that stands alone.
 *
 * @param what - names the text in the error, for example `argument 2`.
 * @throws BadParameter when the text holds a NUL, which ends every string of the operating system, or any other lone
 *   surrogate, which no bytes stand for.
 */
export function encodeNative(text: string, what = 'text'): Uint8Array {
  if (!NOT_PLAIN.test(text)) return ENCODER.encode(text);

  const problem = NOT_NATIVE.exec(text);
  if (problem?.[0] === '\0') {
    throw new BadParameter(`${what} holds a NUL character, which ends every string of the operating system`);
  }
  if (problem) {
    const code = problem[0].charCodeAt(0).toString(16).toUpperCase();
    throw new BadParameter(`${what} holds half a surrogate pair (U+${code}): it is not well-formed text`);
  }
  // Splitting at a group keeps what it matched: every second piece is escaped bytes.
  return joined(text.split(ESCAPED_BYTES).map((piece, i) => (i % 2 ? lowBytes(piece) : ENCODER.encode(piece))));
}

/** The text for `bytes`; `encodeNative` gives exactly these bytes back. */
export function decodeNative(bytes: Uint8Array): string {
  const view = NodeBuffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isUtf8(bytes)) return view.toString('utf8');

  let text = '';
  let valid = 0;
  for (let at = 0; at < view.length;) {
    const length = sequenceLength(view, at);
    if (length > 0) {
      at += length;
      continue;
    }
    text += view.toString('utf8', valid, at) + String.fromCharCode(0xdc00 | view.readUInt8(at));
    at += 1;
    valid = at;
  }
  return text + view.toString('utf8', valid);
}

/** The length of the well-formed UTF-8 sequence at `at` (Unicode 15, table 3-7), 0 when there is none. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0;
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  // The second byte excludes overlong forms, surrogates and what lies beyond U+10FFFF.
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (!within(bytes[at + 1], low, high)) return 0;
  for (let i = 2; i < length; i++) if (!within(bytes[at + i], 0x80, 0xbf)) return 0;
  return length;
}

function within(byte: number | undefined, low: number, high: number): boolean {
  return byte !== undefined && byte >= low && byte <= high;
}

function lowBytes(escaped: string): Uint8Array {
  return Uint8Array.from(escaped, (c) => c.charCodeAt(0) & 0xff);
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
