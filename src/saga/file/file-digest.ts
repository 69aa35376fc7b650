/** Digests of the content of files, for extended I/O. */
import { createHash } from 'node:crypto';

import type { Call } from '../engine/entry-service.js';
import type { ExtendedDigest } from './extended-io.js';
import type { OpenFile } from './open-file.js';

/** How much is read at once. */
const CHUNK = 1024 * 1024;

/** Puts the digest into `into`. @returns its length. */
export async function readDigest(
  file: OpenFile,
  { algorithm, offset, length }: ExtendedDigest,
  into: Uint8Array,
  call: Call,
): Promise<number> {
  const hash = createHash(algorithm);
  const chunk = new Uint8Array(Math.min(length, CHUNK));
  for (let done = 0; done < length;) {
    const count = await file.read(chunk.subarray(0, Math.min(chunk.length, length - done)), offset + done, call);
    if (count === 0) break;
    hash.update(chunk.subarray(0, count));
    done += count;
  }
  const result = hash.digest();
  into.set(result);
  return result.length;
}
