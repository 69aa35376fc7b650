import { type AdaptorManifest, defineAdaptor } from '../../saga/spi/adaptor.js';

/** The files of this machine. Windows has neither permission bits nor directories that can be held open. */
export const manifest: AdaptorManifest = defineAdaptor({
  name: 'file',
  spi: 1,
  summary: 'the files of this machine, and of what is mounted on it',
  schemes: ['file'],
  capabilities: [
    'namespace.stat',
    'namespace.list',
    'namespace.write',
    'namespace.link',
    'namespace.rename',
    'namespace.metadata',
    'file.read',
    'file.write',
    'file.readWrite',
    'file.serverCopy',
    ...(process.platform === 'win32' ? [] : (['namespace.permissions', 'namespace.lock', 'file.tree'] as const)),
  ],
  load: () => import('./index.js'),
});
