import { type AdaptorManifest, defineAdaptor } from '../../saga/spi/adaptor.js';

/** Jobs on this machine: `local://` and, as SAGA users know it, `fork://`. */
export const manifest: AdaptorManifest = defineAdaptor({
  name: 'local',
  spi: 1,
  summary: 'jobs on this machine, which outlive the program that submitted them',
  schemes: ['local', 'fork'],
  capabilities: [
    'job.submit',
    'job.query',
    'job.watch',
    'job.suspend',
    'job.signal',
    'job.io',
    'job.self',
    'job.permissions',
  ],
  jobAttributes: [
    'executable',
    'arguments',
    'environment',
    'workingDirectory',
    'interactive',
    'input',
    'output',
    'error',
    'numberOfProcesses',
  ],
  load: () => import('./index.js'),
});
