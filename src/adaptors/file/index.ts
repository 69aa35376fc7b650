/** The file adaptor: the files of this machine (docs/adaptors/file.md). */
import { hostname } from 'node:os';

import { BadParameter, IncorrectURL } from '../../saga/core/exceptions.js';
import { URL } from '../../saga/core/url.js';
import type { Capability, Connection } from '../../saga/spi/adaptor.js';
import { copyFile } from './copy-file.js';
import { copyTree } from './copy-tree.js';
import { makeDir, makeLink, readLink, remove, removeDir, setMetadata, statEntry } from './entries.js';
import { list } from './listing.js';
import { lock } from './lock.js';
import { openRead, openReadWrite, openWrite } from './open-file.js';
import { allow, deny, owner, permits } from './permissions.js';
import { removeTree } from './remove-tree.js';
import { rename } from './rename.js';

export { translate } from './errors.js';
export { manifest } from './manifest.js';

export type FileCapabilities = Extract<Capability, `namespace.${string}` | `file.${string}`>;

/**
 * @throws IncorrectURL for another host, BadParameter for a user or a port.
 */
// eslint-disable-next-line @typescript-eslint/require-await -- the SPI is asynchronous: what is thrown here must reject
export async function connect(url: URL): Promise<Connection<FileCapabilities>> {
  requireThisHost(url);
  return {
    // file:///, file://localhost/ and file://<this host>/ are one service.
    serviceUrl: new URL('file:///'),
    stat: statEntry,
    list,
    makeDir,
    removeDir,
    remove,
    readLink,
    makeLink,
    rename,
    owner,
    permits,
    allow,
    deny,
    lock,
    setMetadata,
    openRead,
    openWrite,
    openReadWrite,
    copyFile,
    copyTree,
    removeTree,
    // Files are closed, and locks freed, by those who have them.
    close: () => Promise.resolve(),
  };
}

function requireThisHost(url: URL): void {
  const host = url.getHost();
  if (host !== '' && host !== 'localhost' && host !== '127.0.0.1' && host !== hostname().toLowerCase()) {
    throw new IncorrectURL(
      `'${url.toString()}' names another host; this is ${hostname()}, and file:// is for what is on it: file:///path`,
    );
  }
  const more = [url.getUserinfo() !== '' && 'a user', url.getPort() !== -1 && 'a port'].filter(Boolean);
  if (more.length > 0) {
    throw new BadParameter(
      `'${url.toString()}' has ${more.join(' and ')}; files of this machine have none: file:///path`,
    );
  }
}
