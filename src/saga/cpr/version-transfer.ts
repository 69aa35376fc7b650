/**
 * Copies of a job's checkpoints (docs/checkpoint-state.md, "Versions") outside of the job's own directory. A copy is made
 * under a hidden name, of files that were read and compared with their checksums, and renamed when it is whole.
 */
import { lstat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { readManifest, type Manifest } from '../../callbacks/grid/manifest.js';
import { openPrivateDirectory } from '../../callbacks/grid/private-directory.js';
import { copyVersion } from '../../callbacks/grid/version-copy.js';
import { AlreadyExists, DoesNotExist, NoSuccess, PermissionDenied, SagaException } from '../core/exceptions.js';

/** A version that stands in some directory. */
export interface FoundVersion {
  readonly manifest: Manifest;
  /** Of the manifest: two versions with the same one are the same. */
  readonly sha256: string;
}

/** @throws DoesNotExist when the directory holds no version, NoSuccess when its manifest is damaged. */
export async function findVersion(directory: string): Promise<FoundVersion> {
  const found = await readManifest(directory);
  if (found) return found;
  throw new DoesNotExist(`there is no complete checkpoint in ${directory}: it has no manifest`);
}

/** @throws AlreadyExists when there is something at the path; DoesNotExist when it would stand in no directory. */
export async function requireFree(target: string): Promise<void> {
  if (await exists(target))
    throw new AlreadyExists(`${target} exists; give the copy of a checkpoint a name of its own`);
  if (!(await exists(dirname(target))))
    throw new DoesNotExist(`there is no directory ${dirname(target)}; make it first`);
}

/** @throws as `findVersion` and `requireFree`, and NoSuccess naming the file that is damaged. */
export async function copyOut(version: string, target: string): Promise<void> {
  await findVersion(version);
  await requireFree(target);
  await copy(version, target);
}

/**
 * Takes a version among those of a job, under the number that it was made with. One that is there already is left as it is.
 * @param store - The directory of the job's versions.
 * @returns its number.
 * @throws as `findVersion`; NoSuccess naming the file that is damaged; AlreadyExists when the job has another one of that number.
 */
export async function copyIn(version: string, store: string): Promise<number> {
  const { manifest, sha256 } = await findVersion(version);
  const target = join(store, String(manifest.generation));
  if ((await readManifest(target))?.sha256 === sha256) return manifest.generation;
  if (await exists(target)) {
    throw new AlreadyExists(`the job has another checkpoint ${String(manifest.generation)}, in ${target}`);
  }
  await openPrivateDirectory(store);
  await copy(version, target);
  return manifest.generation;
}

async function copy(from: string, to: string): Promise<void> {
  try {
    await copyVersion(from, to);
  } catch (cause) {
    if (SagaException.is(cause)) throw cause;
    const { code = '', message } = cause as NodeJS.ErrnoException;
    const detail = `the checkpoint ${from} cannot be copied to ${to}: ${message}`;
    if (['EACCES', 'EPERM', 'EROFS'].includes(code)) throw new PermissionDenied(detail, { cause });
    if (['EEXIST', 'ENOTEMPTY'].includes(code)) throw new AlreadyExists(detail, { cause });
    throw new NoSuccess(detail, { cause });
  }
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}
