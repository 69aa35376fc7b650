/** How channels are called among the participants and endpoints of a job. */
import type { Checkpointing } from '../checkpointing.js';
import { checkpointing } from '../checkpointing.js';
import { NO_JOB } from './handshake.js';

/** Below workers (500), which stop sending first, and above the rest. */
export const DEFAULT_PRIORITY = 100;

/** Who makes something a participant: `checkpointing`, as far as channels need it. */
export type Registrar = Pick<Checkpointing, 'register' | 'incarnation' | 'publish' | 'resolve'>;

/** Where an end registers itself. */
export function registrarOf(option: Registrar | false | undefined): Registrar | undefined {
  return option === false ? undefined : (option ?? checkpointing);
}

/** Whether this process belongs to a checkpointable job. */
export function isInJob(): boolean {
  return (process.env['XOSAGA_CKPT_SOCKET'] ?? '') !== '';
}

/** The incarnation of an end that is registered there. */
export function incarnationOf(registrar: Registrar | undefined): number {
  return registrar && isInJob() ? registrar.incarnation : NO_JOB;
}

/** Under which name the address of a server is published. */
export function endpointOf(server: string): string {
  return `channel:${server}`;
}
