/** The secret by which the agents of a job know each other: a file that only the user can read. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

import { BadParameter, PermissionDenied } from '../../saga/core/exceptions.js';
import { codeOf, FOR_READING } from './durable.js';

/** Bytes. */
const SHORTEST = 32;
const LONGEST = 4096;

/** Makes the secret, unless it is there. */
export async function makeSecret(path: string): Promise<void> {
  try {
    const file = await open(
      path,
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      0o600,
    );
    try {
      await file.writeFile(`${randomBytes(SHORTEST).toString('hex')}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

/** @throws PermissionDenied when others could know it, BadParameter when it is too short to be one. */
export async function readSecret(path: string): Promise<Buffer> {
  const file = await open(path, FOR_READING);
  try {
    const found = await file.stat();
    if (process.getuid && found.uid !== process.getuid()) {
      throw new PermissionDenied(`${path} belongs to user ${String(found.uid)}, not to you`);
    }
    if ((found.mode & 0o077) !== 0) {
      throw new PermissionDenied(
        `${path} can be read by others; run: chmod 600 '${path}', and let nobody use what was in it`,
      );
    }
    const text = found.isFile() && found.size <= LONGEST ? (await file.readFile('latin1')).trim() : '';
    const secret = /^[0-9a-f]*$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.alloc(0);
    if (secret.length < SHORTEST) {
      throw new BadParameter(`${path} must hold ${String(SHORTEST)} bytes or more, as hexadecimal digits`);
    }
    return secret;
  } finally {
    await file.close();
  }
}
