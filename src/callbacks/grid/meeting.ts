/** Where the agents of a job meet (docs/checkpoint-state.md, "Links"): unix socket, TCP, or a directory that all nodes see. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createConnection, createServer, type AddressInfo, type Server } from 'node:net';
import { dirname } from 'node:path';

import { NoSuccess } from '../../saga/core/exceptions.js';
import type { Meeting, Rendezvous } from './config.js';
import { dialDirectory, watchDirectory } from './directory-wire.js';
import { FOR_READING, writeDurably } from './durable.js';
import { openPrivateDirectory } from './private-directory.js';
import { socketWire } from './socket-wire.js';
import type { Wire } from './wire.js';

/** Links that have not proven anything yet count, too. */
const MOST_WIRES = 4096;
/** Bytes of the file that has an address. */
const LONGEST_ADDRESS = 4096;

/**
 * Accepts wires. @param address - the file in which others find the address of a TCP port.
 * @returns what ends that; wires that are there go on.
 */
export async function listenAt(place: Meeting, address: string, accept: (wire: Wire) => void): Promise<() => void> {
  if ('directory' in place) {
    await openPrivateDirectory(place.directory);
    return watchDirectory(place.directory, accept);
  }
  const server = createServer((socket) => {
    accept(socketWire(socket));
  });
  server.maxConnections = MOST_WIRES;
  if ('unix' in place) {
    await openPrivateDirectory(dirname(place.unix));
    rmSync(place.unix, { force: true });
    await listening(server, { path: place.unix });
    chmodSync(place.unix, 0o600);
  } else {
    const { host, port } = place;
    await listening(server, { host, port });
    await writeDurably(address, `${JSON.stringify({ host, port: (server.address() as AddressInfo).port })}\n`);
  }
  return () => {
    server.close();
  };
}

/** @throws when nobody is there, yet. */
export async function dialAt(place: Rendezvous): Promise<Wire> {
  if ('directory' in place) return dialDirectory(place.directory, randomBytes(16).toString('hex'));
  const target = 'unix' in place ? { path: place.unix } : 'address' in place ? await readAddress(place.address) : place;
  const socket = createConnection(target);
  try {
    await once(socket, 'connect');
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return socketWire(socket);
}

async function listening(server: Server, where: { path: string } | { host: string; port: number }): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new NoSuccess(`cannot listen for the units of the job: ${cause.message}`, { cause }));
    });
    server.listen(where, resolve);
  });
  server.on('error', () => undefined);
}

async function readAddress(path: string): Promise<{ host: string; port: number }> {
  const file = await open(path, FOR_READING);
  try {
    const found = await file.stat();
    const text = found.isFile() && found.size <= LONGEST_ADDRESS ? await file.readFile('utf8') : '';
    const { host, port } = JSON.parse(text) as { host?: unknown; port?: unknown };
    if (typeof host === 'string' && typeof port === 'number') return { host, port };
  } finally {
    await file.close();
  }
  throw new NoSuccess(`${path} has no address`);
}
