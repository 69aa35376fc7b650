/** Text that proves itself: JSON lines, and last one with the SHA-256 of all bytes before it. */
import { createHash } from 'node:crypto';

export function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function sealLines(values: readonly object[]): string {
  const text = values.map((value) => `${JSON.stringify(value)}\n`).join('');
  return `${text}${JSON.stringify({ sha256: sha256(text) })}\n`;
}

/** The values; undefined when a byte is missing or changed. */
export function unsealLines(bytes: Buffer): unknown[] | undefined {
  // The last line has a fixed length, whatever the others hold.
  const split = bytes.length - sealLines([]).length;
  const seal = Buffer.from(`${JSON.stringify({ sha256: sha256(bytes.subarray(0, Math.max(split, 0))) })}\n`);
  if (split < 0 || !seal.equals(bytes.subarray(split))) return undefined;
  const lines = bytes.toString('utf8', 0, split).split('\n').slice(0, -1);
  try {
    return lines.map((line): unknown => JSON.parse(line));
  } catch {
    return undefined;
  }
}
