import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import * as saga from '../../src/index.js';
import { childrenOf, eventually } from '../faults/processes.js';
import { privateHome } from '../support/home.js';

const paths = privateHome();
let service: saga.JobService;
beforeAll(async () => {
  service = await saga.JobService.create('local://localhost');
});
afterAll(() => service.close());

/** The names of all scripts in the home. */
function scripts(): string[] {
  const names = readdirSync(join(paths.home, 'local'), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.script'));
}

const scriptsGone = (): Promise<unknown> => eventually('the removal of the scripts', () => scripts().length === 0);

/** Runs a script to its end. @returns what it wrote. */
async function outputOf(script: string, more: Partial<saga.JobDescription> = {}): Promise<string> {
  const output = join(paths.directory, 'output');
  const job = await service.createJob(new saga.JobDescription({ script, output, ...more }));
  await job.run();
  await job.wait();
  await job.rethrow();
  return readFileSync(output, 'utf8');
}

async function expectRefusal(init: Partial<saga.JobDescription>, message: RegExp): Promise<void> {
  const refused = service.createJob(new saga.JobDescription(init));
  await expect(refused).rejects.toThrow(saga.BadParameter);
  await expect(refused).rejects.toThrow(message);
}

describe('a job with a Script', () => {
  test('runs it by /bin/sh, with the arguments', async () => {
    expect(await outputOf('echo "$# $1"\nprintf "%s" "$XOSAGA_RANK"', { arguments: ['a b', ''] })).toBe('2 a b\n0');
  });

  test('executes it itself when it names what runs it', async () => {
    const script = `#!${process.execPath}\nconsole.log(process.argv.slice(2).join('|'), process.env.X)\n`;
    expect(await outputOf(script, { arguments: ['ä', '-x'], environment: ['X=1'] })).toBe('ä|-x 1\n');
  });

  test('says which interpreter is missing', async () => {
    const job = await service.createJob(new saga.JobDescription({ script: '#!/no/such/interpreter\n' }));
    await job.run();
    await expect(job.toPromise()).rejects.toThrow(/could not be started: .*\.script.*No such file/s);
  });

  test('may have 4 MiB, and bytes that are no UTF-8', async () => {
    const end = "\nprintf '\udce9' | od -An -tx1";
    const script = `#${'x'.repeat((4 << 20) - 1 - end.length)}${end}`;
    expect((await outputOf(script)).trim()).toBe('e9');
    await expectRefusal({ script: `${script}#` }, /Script has 4194305 bytes; a local job can have 4194304/);
  });

  test('keeps it for itself, and only until its end', async () => {
    const job = await service.createJob(new saga.JobDescription({ script: 'exec sleep 1000' }));
    await job.run();
    const [name = ''] = scripts();
    expect(statSync(join(paths.home, 'local', name)).mode & 0o777).toBe(0o700);
    expect(name).toContain(/-\[(.*)\.\d+\]$/.exec(job.jobID!)![1]);
    await job.cancel(-1);
    await scriptsGone();
  });

  test('gives it back in its description, to other processes too', async () => {
    const script = 'exit 0 # ä "\\ \t';
    const job = await service.createJob(new saga.JobDescription({ script }));
    await job.run();
    await job.wait();
    const again = await (await service.getJob(job.jobID!)).getJobDescription();
    expect(again.script).toBe(script);
    expect(again.executable).toBeUndefined();
  });

  test('runs once when the launcher dies while it waits', async () => {
    const launcher = childrenOf(process.pid)[0]!;
    process.kill(launcher, 'SIGSTOP');
    const output = join(paths.directory, 'once');
    const jobs = await service.runJobs([
      new saga.JobDescription({ script: 'echo once', output }),
      new saga.JobDescription({ script: '#!/bin/sh\necho again', output: `${output}2` }),
    ]);
    process.kill(launcher, 'SIGKILL');
    await Promise.all(jobs.map((job) => job.toPromise()));
    expect(readFileSync(output, 'utf8')).toBe('once\n');
    expect(readFileSync(`${output}2`, 'utf8')).toBe('again\n');
    await scriptsGone();
  });
});

describe('a Script is refused', () => {
  test('beside an Executable, naming both', async () => {
    await expectRefusal({ script: 'true', executable: '/bin/true' }, /Executable and Script/);
  });

  test('when it is empty', async () => {
    for (const more of [{}, { executable: '/bin/true' }]) {
      await expectRefusal({ script: '', ...more }, /Script is empty/);
    }
  });

  test('when no file can hold it as it is', () => {
    expect(() => new saga.JobDescription({ script: 'a\0b' })).toThrow(/Script.*NUL/);
    expect(scripts()).toEqual([]);
  });
});
