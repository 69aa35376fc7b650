/** Where the processes of a job find their agent: a path that follows from the state directory, and fits into a socket address. */
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { sha256 } from './sealed-lines.js';

/** Bytes: what macOS takes, and Linux takes more. */
const LONGEST = 103;

/** The path of the agent's socket, for `XOSAGA_CKPT_SOCKET`. */
export function socketPath(directory: string): string {
  const path = join(directory, 'socket');
  return Buffer.byteLength(path) <= LONGEST ? path : elsewhere(directory);
}

/** In a directory of the user's own: others may write to that of temporary files. */
function elsewhere(directory: string): string {
  const owner = `xosaga-${String(process.getuid?.() ?? 'user')}`;
  const name = sha256(directory).slice(0, 20);
  const path = join(tmpdir(), owner, name);
  return Buffer.byteLength(path) <= LONGEST ? path : join('/tmp', owner, name);
}

/** The directory that must be closed to others. */
export function socketDirectory(path: string): string {
  return dirname(path);
}
