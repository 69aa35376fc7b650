/** Where a participant's state stands in a checkpoint (docs/checkpoint-protocol.md, "save"). */
import { join } from 'node:path';

/** Bytes: file systems take 255. */
const LONGEST_NAME = 200;

/** The directory of the participant below that of its rank. */
export function directoryOf(participant: string, rank: string): string {
  return join(rank, encoded(participant));
}

/** @throws RangeError when no directory could have the name of the participant. */
export function checkName(participant: string): void {
  const { length } = encoded(participant);
  if (length > 0 && length <= LONGEST_NAME) return;
  throw new RangeError(
    `the name of a participant must not be empty or take more than ${LONGEST_NAME} bytes as the name of a directory; ` +
      `"${participant}" takes ${length}`,
  );
}

/** Upper and lower case stay apart: on file systems where they are the same, so are such names. */
function encoded(participant: string): string {
  return [...Buffer.from(participant)]
    .map((byte, at) => (isPlain(byte, at) ? String.fromCharCode(byte) : escape(byte)))
    .join('');
}

function isPlain(byte: number, at: number): boolean {
  const character = String.fromCharCode(byte);
  return /[A-Za-z0-9_-]/.test(character) || (character === '.' && at > 0);
}

function escape(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}
