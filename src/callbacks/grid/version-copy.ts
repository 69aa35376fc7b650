/** A copy of a version (docs/checkpoint-state.md, "Copies"): hidden until it is whole, and on the disk. */
import { constants } from 'node:fs';
import { copyFile, mkdir, open, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { encodeNative } from '../../saga/core/native-string.js';
import { FOR_READING, syncDirectory } from './durable.js';
import { readManifest } from './manifest.js';
import { listOf, nativePath, readPart } from './part.js';

/** @throws NoSuccess when the version is damaged. */
export async function copyVersion(from: string, to: string): Promise<void> {
  const found = await readManifest(from);
  if (!found) return;
  const hidden = join(dirname(to), `.${basename(to)}.copy`);
  await rm(hidden, { recursive: true, force: true });
  await mkdir(hidden, { mode: 0o700 });
  const directories = new Set<string>();
  for (const unit of found.manifest.units) {
    // Every byte: a copy of what is damaged would be another damaged one, and take the place of a good one.
    const { entries } = await readPart(from, unit, 'every byte');
    for (const entry of entries) {
      const target = nativePath(hidden, entry.path);
      if ('directory' in entry) {
        if (!directories.has(entry.path)) await mkdir(target, { mode: 0o700 });
        directories.add(entry.path);
      } else if ('link' in entry) {
        await symlink(Buffer.from(encodeNative(entry.link)), target);
      } else {
        await copyDurably(nativePath(from, entry.path), target);
      }
    }
    await copyDurably(join(from, listOf(unit.unit)), join(hidden, listOf(unit.unit)));
  }
  for (const path of [...directories].reverse()) await syncDirectory(nativePath(hidden, path));
  await copyDurably(join(from, 'manifest'), join(hidden, 'manifest'));
  await syncDirectory(hidden);
  await rename(hidden, to);
  await syncDirectory(dirname(to));
}

async function copyDurably(from: string | Buffer, to: string | Buffer): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  const file = await open(to, FOR_READING);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
