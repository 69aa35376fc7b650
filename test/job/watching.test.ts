/** Jobs of another process: what becomes of them is told while it happens. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import * as saga from '../../src/index.js';
import { Program } from '../faults/processes.js';
import { privateHome } from '../support/home.js';

const paths = privateHome();
// Programs are started on a machine that may have much else to do.
jest.setTimeout(30_000);
process.env['XOSAGA_GRACE'] = '0.2';
let service: saga.JobService;
beforeAll(async () => {
  service = await saga.JobService.create('local://localhost');
});
afterAll(() => service.close());

/** A job that another process has submitted, and what the callbacks here are told of it. */
async function jobOfAnother(file: string): Promise<{ program: Program; job: saga.Job; heard: Heard }> {
  const program = new Program('until', { file }, { XOSAGA_HOME: paths.home });
  const job = await service.getJob((await program.first('id')) as string);
  const heard = new Heard();
  for (const metric of ['job.state', 'job.state_detail']) {
    await job.addCallback(metric, (_, { value }) => heard.take(value));
  }
  return { program, job, heard };
}

class Heard {
  readonly values: string[] = [];
  readonly #waiting = new Set<() => void>();

  take(value: string): boolean {
    this.values.push(value);
    for (const look of [...this.#waiting]) look();
    return true;
  }

  async until(value: string): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (!this.values.includes(value)) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }
}

describe('callbacks on a job of another process', () => {
  test('fire at its end, and nobody has to ask', async () => {
    const file = join(paths.directory, 'end');
    const { program, job, heard } = await jobOfAnother(file);
    writeFileSync(file, '');
    await heard.until('Failed');
    expect(heard.values).toContain('local:EXITED');
    expect(job.exitCode).toBe(3);
    await program.success();
  });

  test('fire when others suspend, resume and cancel it', async () => {
    const { program, job, heard } = await jobOfAnother(join(paths.directory, 'never'));
    const other = await service.getJob(job.jobID!);
    await other.suspend();
    await heard.until('Suspended');
    await other.resume();
    await heard.until('Running');
    await other.cancel();
    await heard.until('Canceled');
    await program.success();
    expect(heard.values.filter((value) => !value.startsWith('local:'))).toEqual(['Suspended', 'Running', 'Canceled']);
  });

  test('fire after its submitter was killed', async () => {
    const file = join(paths.directory, 'orphan');
    const { program, job, heard } = await jobOfAnother(file);
    program.process.kill('SIGKILL');
    await program.exited;
    writeFileSync(file, '');
    await heard.until('Failed');
    expect(job.exitCode).toBe(3);
  });
});
