/** SPMDVariation: how the processes of a parallel job come to be (GFD.90 section 4.1.2, JSDL SPMD extension GFD.115). */
import { BadParameter } from '../../saga/core/exceptions.js';
import type { JobSpec } from '../../saga/spi/job.js';

/** MPI programs are started by the MPI implementation that is installed, whichever that is. */
const MPI = ['MPI', 'OpenMPI', 'MPICH', 'MPICH2', 'IntelMPI'];
const WITHOUT_STARTER = ['None', 'OpenMP'];

/** What starts MPI programs. */
export const MPI_STARTER = 'mpirun';

export function isMpi({ spmdVariation = 'None' }: JobSpec): boolean {
  return MPI.includes(spmdVariation);
}

/** @throws BadParameter for a variation that this service does not know. */
export function checkVariation({ spmdVariation = 'None' }: JobSpec): void {
  if (MPI.includes(spmdVariation) || WITHOUT_STARTER.includes(spmdVariation)) return;
  const known = [...WITHOUT_STARTER, ...MPI].join(', ');
  throw new BadParameter(`SPMDVariation '${spmdVariation}' is not known here; known are ${known}`);
}

/** The command that the keeper starts. */
export function commandOf(spec: JobSpec): string[] {
  const { executable = '', arguments: args = [], numberOfProcesses = 1 } = spec;
  const command = [executable, ...args];
  return isMpi(spec) ? [MPI_STARTER, '-n', String(numberOfProcesses), ...command] : command;
}

/** How often the keeper starts the command: mpirun makes the processes of an MPI program itself. */
export function processesOf(spec: JobSpec): number {
  return isMpi(spec) ? 1 : (spec.numberOfProcesses ?? 1);
}

/** The job's own environment; threads are counted as OpenMP has it, unless the job says otherwise. */
export function environmentOf({ environment = [], threadsPerProcess, spmdVariation }: JobSpec): readonly string[] {
  if (threadsPerProcess === undefined && spmdVariation !== 'OpenMP') return environment;
  return [`OMP_NUM_THREADS=${String(threadsPerProcess ?? 1)}`, ...environment];
}
