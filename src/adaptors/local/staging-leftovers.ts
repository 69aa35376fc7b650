/** What a keeper that was killed while it staged files has left behind: at most one temporary file (docs/state.md, "Staging"). */
import { realpathSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';

import { encodeNative } from '../../saga/core/native-string.js';
import type { JobLine } from './job-line.js';
import { nativePath } from './paths.js';
import { stagingOf, temporariesOf } from './staging.js';

/** Removes the temporary files of a job whose keeper is dead. */
export function removeTemporaries(id: string, { description, cwd, base = cwd }: JobLine): void {
  if (description.fileTransfer === undefined) return;
  for (const { target, name } of temporariesOf(id, stagingOf(description, cwd, base))) {
    try {
      unlinkSync(Buffer.concat([folderOf(target), encodeNative(`/${name}`)]));
    } catch {
      // Not there, most often; or it is not ours to remove.
    }
  }
}

/** A target that is a link stays one: the temporary file is beside what it leads to. */
function folderOf(target: string): Buffer {
  try {
    const real = realpathSync.native(nativePath(target), 'buffer');
    return real.subarray(0, real.lastIndexOf(0x2f));
  } catch {
    return nativePath(dirname(target)); // not there yet
  }
}
