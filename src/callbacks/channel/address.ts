/** Where a channel server can be reached: `unix:/path/of/a/socket` or `tcp:host:port`, `tcp:[::1]:port`. */
import { lstat, stat, unlink } from 'node:fs/promises';
import type { ListenOptions, Socket, TcpNetConnectOpts, IpcNetConnectOpts } from 'node:net';
import { dirname, isAbsolute } from 'node:path';

import { ChannelError } from './channel-error.js';

export type ChannelAddress = { readonly path: string } | { readonly host: string; readonly port: number };

/** Bytes of a socket's path that every system can bind. */
const LONGEST_PATH = 103;
/** Milliseconds after which a TCP connection is asked whether the other end is still there. */
const KEEP_ALIVE = 10_000;

/** @throws ChannelError address */
export function parseAddress(text: string, channel: string): ChannelAddress {
  const unix = /^unix:(?<path>.+)$/su.exec(text)?.groups?.['path'];
  if (unix !== undefined) {
    if (!isAbsolute(unix)) throw new ChannelError('address', channel, `"${text}" must have an absolute path`);
    if (Buffer.byteLength(unix) > LONGEST_PATH)
      throw new ChannelError('address', channel, `the path of the socket ${unix} is longer than ${LONGEST_PATH} bytes`);
    return { path: unix };
  }
  const tcp = /^tcp:(?:\[(?<v6>[0-9a-f:.%]+)\]|(?<host>[^\s:[\]]+)):(?<port>\d{1,5})$/iu.exec(text)?.groups;
  const port = Number(tcp?.['port']);
  const host = tcp?.['v6'] ?? tcp?.['host'];
  if (host === undefined || port > 65_535)
    throw new ChannelError('address', channel, `"${text}" is no address: unix:/path/of/a/socket or tcp:host:port`);
  return { host, port };
}

export function formatAddress(address: ChannelAddress): string {
  if ('path' in address) return `unix:${address.path}`;
  return address.host.includes(':') ? `tcp:[${address.host}]:${address.port}` : `tcp:${address.host}:${address.port}`;
}

/**
 * Refuses what others could take part in: TCP, and sockets in directories that others can open, need a secret.
 * @throws ChannelError address
 */
export async function assertSafe(address: ChannelAddress, hasSecret: boolean, channel: string): Promise<void> {
  if (hasSecret) return;
  if (!('path' in address))
    throw new ChannelError('address', channel, 'TCP needs a secret that both ends know: others can connect, too');
  const directory = dirname(address.path);
  const { uid, mode } = await stat(directory).catch((cause: unknown) => {
    throw new ChannelError('address', channel, `the directory ${directory} of the socket cannot be used`, { cause });
  });
  const mine = process.getuid === undefined || uid === process.getuid();
  if (!mine || (mode & 0o077) !== 0)
    throw new ChannelError(
      'address',
      channel,
      `others can open the directory ${directory} of the socket: use one of your own with mode 0700, or a secret`,
    );
}

/** Removes the socket of a server that was killed. A living one keeps its socket. */
export async function removeStaleSocket(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  if (!found?.isSocket()) return false;
  try {
    (await dial({ path }, new AbortController().signal)).destroy();
    return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') return false;
  }
  await unlink(path).catch(() => undefined);
  return true;
}

/** Connects. Rejects as the system does, or when the signal is aborted. */
export function dial(address: ChannelAddress, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const options: TcpNetConnectOpts | IpcNetConnectOpts = { ...address };
    const socket = process.getBuiltinModule('node:net').connect(options);
    const abort = (): void => {
      socket.destroy(signal.reason as Error);
    };
    socket.once('error', reject);
    socket.once('close', () => {
      signal.removeEventListener('abort', abort);
      reject(new Error('the connection was closed'));
    });
    socket.once('connect', () => {
      signal.removeEventListener('abort', abort);
      prepare(socket);
      resolve(socket);
    });
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

/** What every connection of a channel wants: no waiting for more to send, and to hear of machines that are gone. */
export function prepare(socket: Socket): void {
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE);
}

export function listenOptions(address: ChannelAddress): ListenOptions {
  return { ...address };
}
