/** The local adaptor: jobs on this machine (docs/adaptors/local.md). */
import { hostname } from 'node:os';

import { BadParameter, IncorrectURL, NotImplemented } from '../../saga/core/exceptions.js';
import type { URL } from '../../saga/core/url.js';
import type { AdaptorEnvironment } from '../../saga/spi/adaptor.js';
import { openHome } from './home.js';
import { LocalJobs } from './local-jobs.js';

export { translate } from './errors.js';
export { manifest } from './manifest.js';

/** All services of a process that share a home share a launcher and their segments. */
const shared = new Map<string, LocalJobs>();

/**
 * @throws IncorrectURL for another host, BadParameter for a path, NotImplemented on Windows, PermissionDenied or NoSuccess when
 * XOSAGA_HOME cannot be used.
 */
// eslint-disable-next-line @typescript-eslint/require-await -- the SPI is asynchronous: what is thrown here must reject
export async function connect(url: URL, environment: AdaptorEnvironment): Promise<LocalJobs> {
  if (process.platform === 'win32') {
    throw new NotImplemented(
      'local jobs need POSIX processes and signals, which Windows does not have; use WSL or a remote service',
    );
  }
  requireThisHost(url);
  const home = openHome();
  let jobs = shared.get(home);
  if (!jobs) {
    jobs = new LocalJobs(
      home,
      (name, requirements) => environment.checkpointer(name, requirements),
      () => {
        shared.delete(home);
      },
    );
    shared.set(home, jobs);
  }
  jobs.retain();
  return jobs;
}

function requireThisHost(url: URL): void {
  const host = url.getHost();
  if (host !== '' && host !== 'localhost' && host !== '127.0.0.1' && host !== hostname().toLowerCase()) {
    throw new IncorrectURL(`'${url.toString()}' names another host; this is ${hostname()}, and local jobs run here`);
  }
  const more = [
    url.getPath() !== '' && url.getPath() !== '/' && 'a path',
    url.getUserinfo() !== '' && 'a user',
    url.getPort() !== -1 && 'a port',
  ].filter(Boolean);
  if (more.length > 0) {
    throw new BadParameter(
      `'${url.toString()}' has ${more.join(' and ')}; a local job service has none: local://localhost`,
    );
  }
}
