/** Checkpoints are directories: their URLs, and which URLs can be theirs. */
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { BadParameter } from '../core/exceptions.js';
import { URL } from '../core/url.js';

/** The URL of a directory of this machine. */
export function urlOf(directory: string): URL {
  return new URL(pathToFileURL(directory).href);
}

/**
 * The directory that a URL or path names.
 * @throws BadParameter when it is not one of this machine.
 */
export function directoryOf(url: URL): string {
  const scheme = url.getScheme();
  if (!['', 'file'].includes(scheme)) {
    throw new BadParameter(
      `'${url.toString()}': checkpoints are copied between directories of this machine, not over ${scheme}; give a path or a file:// URL`,
    );
  }
  if (!['', 'localhost', hostname().toLowerCase()].includes(url.getHost())) {
    throw new BadParameter(`'${url.toString()}' is on another machine; checkpoints are copied on this one only`);
  }
  return resolve(url.getPath());
}
