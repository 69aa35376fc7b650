/** What a keeper that was killed has left behind (docs/state.md, "Layout" and "Staging"). */
import { readlinkSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';

import { encodeNative } from '../../saga/core/native-string.js';
import type { JobLine } from './job-line.js';
import { nativePath } from './paths.js';
import { stagingOf, temporariesOf } from './staging.js';

const SLASH = 0x2f;

/** Endings of the files that only a living keeper needs: the FIFO of an interactive job, and the notes of a keeper of the sh launcher. */
const NOTES = ['stdin', 'alive', 'err', 'rank', 'ranks', 'staging'];

/** Removes what the dead keeper of job `n` needed. `segment`: the directory of its segment. */
export function removeNotes(segment: string, n: number): void {
  for (const ending of NOTES) {
    try {
      rmSync(join(segment, `${String(n)}.${ending}`), { force: true });
    } catch {
      // A disk that cannot be written to: they go with the segment.
    }
  }
}

/** Removes the temporary files of a job whose keeper is dead. */
export function removeTemporaries(id: string, { description, cwd, base = cwd }: JobLine): void {
  if (description.fileTransfer === undefined) return;
  for (const { target, name } of temporariesOf(id, stagingOf(description, cwd, base))) {
    try {
      unlinkSync(Buffer.concat([folderOf(target), encodeNative(name)]));
    } catch {
      // Not there, most often; or it is not ours to remove.
    }
  }
}

/** As many links as the system would follow. */
const MOST_LINKS = 40;

/**
 * A target that is a link stays one: the temporary file is beside what it leads to, there or not.
 * @throws when the links lead in a circle.
 */
function folderOf(target: string): Buffer {
  let path = nativePath(target);
  for (let links = 0; links <= MOST_LINKS; links++) {
    const folder = path.subarray(0, path.lastIndexOf(SLASH) + 1);
    const link = linkAt(path);
    if (!link) return folder;
    path = link[0] === SLASH ? link : Buffer.concat([folder, link]);
  }
  throw new Error('Too many levels of symbolic links');
}

function linkAt(path: Buffer): Buffer | undefined {
  try {
    return readlinkSync(path, 'buffer');
  } catch {
    return undefined; // no link
  }
}
