/** The content of one file into another one, through this program. */
import { createHash } from 'node:crypto';

import { NoSuccess } from '../core/exceptions.js';
import { type Call, READ } from '../engine/entry-service.js';
import type { FileHandles } from '../engine/file-handles.js';
import { type Location, urlAt } from './location.js';

/** Bytes that are read and written at once. */
const CHUNK = 1024 * 1024;

/**
 * Copies all of `input` and closes `output`. While one part is written the next is read, in two buffers of one size
 * whatever the size of the file.
 * @param copied - Told of the bytes that were written.
 * @returns the SHA-256 digest of what was read, when it is wanted.
 */
export async function pump(
  input: FileHandles,
  output: FileHandles,
  wantsDigest: boolean,
  call: Call,
  copied: (bytes: number) => void,
): Promise<string | undefined> {
  const hash = wantsDigest ? createHash('sha256') : undefined;
  let [filling, draining] = [new Uint8Array(CHUNK), new Uint8Array(CHUNK)];
  let writing = Promise.resolve();
  try {
    for (let position = 0; ;) {
      const length = await input.read(filling, position, call);
      await writing;
      if (length === 0) break;
      const part = filling.subarray(0, length);
      hash?.update(part);
      writing = output.write(part, position, call).then(() => {
        copied(length);
      });
      writing.catch(() => undefined); // it is looked at when the next part has been read
      position += length;
      [filling, draining] = [draining, filling];
    }
  } catch (error) {
    await writing.catch(() => undefined);
    await output.close({ operation: call.operation }).catch(() => undefined);
    throw error;
  }
  // What a service could not store it may say only now.
  await output.close(call);
  return hash?.digest('hex');
}

/**
 * Reads a file that was written, and compares.
 * @throws NoSuccess when it is not what was read.
 */
export async function verify({ service, path }: Location, digest: string, call: Call): Promise<void> {
  const hash = createHash('sha256');
  const buffer = new Uint8Array(CHUNK);
  const file = await service.openFile(path, READ, {}, call);
  try {
    for (let position = 0; ;) {
      const length = await file.read(buffer, position, call);
      if (length === 0) break;
      hash.update(buffer.subarray(0, length));
      position += length;
    }
  } finally {
    await file.close({ operation: call.operation });
  }
  if (hash.digest('hex') === digest) return;
  const url = urlAt(service.url, path).toString();
  throw new NoSuccess(`what was written to ${url} is not what was read: the SHA-256 digests differ; copy it again`, {
    url,
  });
}
