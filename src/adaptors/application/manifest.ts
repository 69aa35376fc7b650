/** The application checkpointer: what it is called, and what it can do. */
import { defineAdaptor, type AdaptorManifest } from '../../saga/spi/adaptor.js';

export const manifest: AdaptorManifest = defineAdaptor({
  name: 'application',
  spi: 1,
  summary: 'checkpoints that the processes of a job write themselves, through callbacks',
  schemes: ['application'],
  capabilities: ['checkpointer'],
  // The application saves what it needs and opens again what it had: nothing of these is in anybody's way.
  checkpointRequirements: [
    'multiThread',
    'multiProcess',
    'sockets',
    'pipes',
    'sharedMemory',
    'openFiles',
    'gpu',
    'migration',
    'unprivileged',
  ],
  load: () => import('./index.js'),
});
