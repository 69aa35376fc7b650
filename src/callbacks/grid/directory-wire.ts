/**
 * A wire through a directory that both nodes see, for nodes that cannot connect to each other: a file a message, hidden until it is
 * whole, removed by who has read it. The unit makes the directory of the wire, the job checkpointer removes it: then it has ended.
 */
import { constants } from 'node:fs';
import { mkdir, open, readdir, rename, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';

import { FOR_READING } from './durable.js';
import { BEFORE_PROOF, type Wire } from './wire.js';

/** Milliseconds between looks. */
const LOOK = 100;
/** What the unit leaves when it ends the wire. */
const CLOSED = 'closed';

type Side = 'unit' | 'job';

/** Makes the directory of a new wire below `meeting`. */
export async function dialDirectory(meeting: string, name: string): Promise<Wire> {
  const path = join(meeting, name);
  await mkdir(path, { mode: 0o700 });
  return directoryWire(path, 'unit');
}

function directoryWire(path: string, side: Side): Wire {
  const other: Side = side === 'unit' ? 'job' : 'unit';
  let isOpen = true;
  let sent = 0;
  let received = 0;
  let sending = Promise.resolve();
  const end = (): void => {
    if (!isOpen) return;
    isOpen = false;
    clearTimeout(timer);
    void sending
      .then(() =>
        side === 'job' ? rm(path, { recursive: true, force: true }) : writeFile(path, CLOSED, Buffer.alloc(0)),
      )
      .catch(() => undefined)
      .then(() => {
        wire.onClose();
      });
  };
  const wire: Wire = {
    longest: BEFORE_PROOF,
    onMessage: () => undefined,
    onClose: () => undefined,
    send: (message) => {
      const name = `${other}.${String(sent++)}`;
      sending = sending.then(async () => {
        if (isOpen) await writeFile(path, name, message).catch(end);
      });
    },
    close: end,
  };
  const look = async (): Promise<void> => {
    try {
      // The list of a directory is asked for anew where the answer to a name may be an old one (NFS).
      const names = new Set(await readdir(path));
      for (let name: string; isOpen && names.has((name = `${side}.${String(received)}`)); received++) {
        const message = await readFile(join(path, name), wire.longest);
        await unlink(join(path, name));
        wire.onMessage(message);
      }
      if (names.has(CLOSED)) end();
    } catch {
      end();
    }
    if (isOpen) timer = setTimeout(() => void look(), LOOK);
  };
  let timer = setTimeout(() => void look(), 0);
  return wire;
}

async function writeFile(path: string, name: string, bytes: Buffer): Promise<void> {
  const hidden = join(path, `.${name}`);
  const file = await open(
    hidden,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    0o600,
  );
  try {
    await file.writeFile(bytes);
  } finally {
    await file.close();
  }
  await rename(hidden, join(path, name));
}

async function readFile(path: string, longest: number): Promise<Buffer> {
  const file = await open(path, FOR_READING);
  try {
    const found = await file.stat();
    if (!found.isFile() || found.size > longest) throw new Error(`${path} is no message`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

const NAME = /^[0-9a-f]{32}$/;

/**
 * Finds wires that units make below `meeting`, until it is told to stop. Those that are there are of an agent before this one: their
 * units notice that they are gone, and make others.
 */
export async function watchDirectory(meeting: string, found: (wire: Wire) => void): Promise<() => void> {
  for (const name of await readdir(meeting)) {
    if (NAME.test(name)) await rm(join(meeting, name), { recursive: true, force: true });
  }
  const known = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let isOpen = true;
  const look = async (): Promise<void> => {
    // A file system that does not answer now may do so later.
    const names = await readdir(meeting).catch((): string[] => []);
    for (const name of known) if (!names.includes(name)) known.delete(name);
    for (const name of names) {
      if (!isOpen || known.has(name) || !NAME.test(name)) continue;
      known.add(name);
      found(directoryWire(join(meeting, name), 'job'));
    }
    if (isOpen) timer = setTimeout(() => void look(), LOOK);
  };
  void look();
  return () => {
    isOpen = false;
    clearTimeout(timer);
  };
}
