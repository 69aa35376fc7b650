import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { arch, availableParallelism, hostname } from 'node:os';
import { join } from 'node:path';

import * as saga from '../../../src/index.js';
import { privateHome } from '../../support/home.js';

const paths = privateHome();
let service: saga.JobService;
beforeAll(async () => {
  service = await saga.JobService.create('local://localhost');
});
afterAll(() => service.close());

/** Runs a script with these attributes; gives its output. */
async function outputOf(script: string, attributes: Partial<saga.JobDescription>): Promise<string> {
  const output = join(paths.directory, 'output');
  const jd = new saga.JobDescription({ executable: '/bin/sh', arguments: ['-c', script], output, ...attributes });
  const job = await service.createJob(jd);
  await job.run();
  await job.wait();
  await job.rethrow();
  return readFile(output, 'utf8');
}

async function refusal(attributes: Partial<saga.JobDescription>): Promise<string> {
  const jd = new saga.JobDescription({ executable: '/bin/true', ...attributes });
  const error = await service.createJob(jd).then(
    () => 'accepted',
    (e: unknown) => e,
  );
  return saga.SagaException.is(error) ? error.getMessage() : String(error);
}

describe('placement', () => {
  test('attributes that this machine fulfils are accepted', async () => {
    const attributes = {
      candidateHosts: ['elsewhere.example', hostname().toUpperCase()],
      cpuArchitecture: arch() === 'x64' ? ['sparc', 'x86_64'] : [arch()],
      operatingSystemType: [process.platform === 'darwin' ? 'MACOS' : 'LINUX'],
      totalCPUCount: availableParallelism(),
      numberOfProcesses: 2,
      processesPerHost: 2,
      name: 'placed',
    };
    expect(await outputOf('echo $XOSAGA_RANK', attributes)).toMatch(/^[01]\n[01]\n$/);
  });

  test.each<[Partial<saga.JobDescription>, RegExp]>([
    [
      { candidateHosts: ['a.example', 'b.example'] },
      /^BadParameter: CandidateHosts asks for a.example, b.example, but this machine is/,
    ],
    [{ cpuArchitecture: ['sparc'] }, /^BadParameter: CPUArchitecture asks for sparc/],
    [{ operatingSystemType: ['z_OS'] }, /^BadParameter: OperatingSystemType asks for z_OS/],
    [{ totalCPUCount: 100_000 }, /^BadParameter: TotalCPUCount asks for 100000 CPUs; this machine has \d+/],
    [{ numberOfProcesses: 4, processesPerHost: 2 }, /^BadParameter: ProcessesPerHost 2 would need several hosts for 4/],
    [{ spmdVariation: 'PVM' }, /^BadParameter: SPMDVariation 'PVM' is not known here; known are None, OpenMP, MPI/],
    [
      { spmdVariation: 'MPI', environment: ['PATH=/nowhere'] },
      /^DoesNotExist: SPMDVariation MPI needs mpirun.*apt-get install openmpi-bin/,
    ],
    [
      { queue: 'debug' },
      /^BadParameter: .* does not honour the attribute Queue, for this machine has no queues; leave it out/,
    ],
    [{ jobProject: 'physics' }, /^BadParameter: .* JobProject, for nobody is charged for local jobs/],
  ])('%j is refused', async (attributes, message) => {
    expect(await refusal(attributes)).toMatch(message);
  });

  test('OpenMP: threads are in the environment, unless the job says otherwise', async () => {
    const script = 'printf %s "$OMP_NUM_THREADS"';
    expect(await outputOf(script, { spmdVariation: 'OpenMP', threadsPerProcess: 3 })).toBe('3');
    expect(await outputOf(script, { spmdVariation: 'OpenMP' })).toBe('1');
    expect(await outputOf(script, { threadsPerProcess: 2, environment: { OMP_NUM_THREADS: '7' } })).toBe('7');
  });
});
