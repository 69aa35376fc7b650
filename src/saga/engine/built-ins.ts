/** The lazy table of built-in adaptors: the one place that names them. Nothing is imported before its scheme is used. */
import type { LazyAdaptor } from './registry.js';

export const BUILT_INS: readonly LazyAdaptor[] = [
  {
    name: 'local',
    schemes: ['local', 'fork'],
    manifest: async () => (await import('../../adaptors/local/manifest.js')).manifest,
  },
  {
    name: 'file',
    schemes: ['file'],
    manifest: async () => (await import('../../adaptors/file/manifest.js')).manifest,
  },
  {
    name: 'application',
    schemes: ['application'],
    manifest: async () => (await import('../../adaptors/application/manifest.js')).manifest,
  },
];
