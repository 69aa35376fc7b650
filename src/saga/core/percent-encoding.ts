/**
 * Percent-encoding (RFC 3986 section 2) of the parts of a URL.
 *
 * A part is kept in its canonical form: ASCII, every escape in capitals, nothing escaped that need not be. Text is
 * encoded by its native bytes (native-string.ts), so that every byte string can be a path.
 */
import { decodeNative, encodeNative } from './native-string.js';

const UNRESERVED = 'A-Za-z0-9\\-._~';
const SUB_DELIMS = "!$&'()*+,;=";
const RESERVED = /[:/?#[\]@!$&'()*+,;=%]/;

/** What may stand in one part of a URL. */
interface Part {
  /** The name for error messages. */
  readonly name: string;
  /** A text that is canonical as it stands. */
  readonly plain: RegExp;
  /** An escape, a percent sign that begins none, or a run of what must be escaped. */
  readonly notPlain: RegExp;
  /** A run of what must be escaped where no escape is expected. */
  readonly illegal: RegExp;
  /** Characters whose escape means the same as the character. */
  readonly needless: RegExp;
  /** Characters whose escape stays in the readable form, because without it they mean something else. */
  readonly telling: RegExp;
}

function part(name: string, legal: string, needless: string, telling: RegExp): Part {
  return {
    name,
    plain: new RegExp(`^[${legal}]*$`),
    notPlain: new RegExp(`%[0-9A-Fa-f]{2}|%|[^${legal}%]+`, 'gu'),
    illegal: new RegExp(`[^${legal}]+`, 'gu'),
    needless: new RegExp(`[${needless}]`),
    telling,
  };
}

const PCHAR = `${UNRESERVED}${SUB_DELIMS}:@`;

/** The parts of a URL that can be escaped. A path is a list of names: only its slashes are delimiters. */
export const USERINFO: Part = part('the userinfo', `${UNRESERVED}${SUB_DELIMS}:`, UNRESERVED, RESERVED);
// An ASCII character that is escaped in a host could not stand there as it is.
export const HOST: Part = part('the host', UNRESERVED + SUB_DELIMS, UNRESERVED, /[^]/);
export const PATH: Part = part('the path', `${PCHAR}/`, PCHAR, /[/?#]/);
export const QUERY: Part = part('the query', `${PCHAR}/?`, UNRESERVED, RESERVED);
export const FRAGMENT: Part = part('the fragment', `${PCHAR}/?`, UNRESERVED, RESERVED);

const ESCAPES: readonly string[] = Array.from(
  { length: 256 },
  (_, byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
);

/**
 * The canonical form of text that may hold escapes; a percent sign that begins none is literal.
 * @throws BadParameter when it holds a NUL or half a surrogate pair.
 */
export function canonical(text: string, { name, plain, notPlain, needless }: Part): string {
  if (plain.test(text)) return text;
  return text.replace(notPlain, (found) => {
    if (found.length !== 3 || !found.startsWith('%')) return escaped(found, name);
    const char = String.fromCharCode(parseInt(found.slice(1), 16));
    if (char === '\0') return escaped(char, name);
    return needless.test(char) ? char : found.toUpperCase();
  });
}

/**
 * The canonical form of text that holds no escapes: a percent sign is literal.
 * @throws BadParameter when it holds a NUL or half a surrogate pair.
 */
export function encoded(text: string, { name, plain, illegal }: Part): string {
  return plain.test(text) ? text : text.replace(illegal, (run) => escaped(run, name));
}

/** The text of a canonical part. */
export function decoded(text: string): string {
  return text.replace(/(?:%[0-9A-F]{2})+/g, (run) => decodeNative(bytesOf(run)));
}

/**
 * A canonical part for reading: decoded, but for escapes without which it would mean something else. `canonical`
 * leads back to the same part.
 */
export function readable(text: string, { telling }: Part): string {
  if (!text.includes('%')) return text;
  const decodedRuns = text.replace(/(?:%[0-9A-F]{2})+/g, (run) =>
    run.replace(/%([0-7][0-9A-F])|(?:%[89A-F][0-9A-F])+/g, (found, ascii: string | undefined) => {
      if (ascii === undefined) return decodeNative(bytesOf(found));
      const char = String.fromCharCode(parseInt(ascii, 16));
      return char === '%' || telling.test(char) ? found : char;
    }),
  );
  // A percent sign needs its escape only where it would begin another one.
  return telling.test('%') ? decodedRuns : decodedRuns.replace(/%25(?![0-9A-Fa-f]{2})/g, '%');
}

function escaped(text: string, name: string): string {
  let all = '';
  for (const byte of encodeNative(text, name)) all += ESCAPES[byte] ?? '';
  return all;
}

function bytesOf(escapes: string): Uint8Array {
  const bytes = new Uint8Array(escapes.length / 3);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(escapes.slice(3 * i + 1, 3 * i + 3), 16);
  return bytes;
}
