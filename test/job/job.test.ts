import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { firstValueFrom, toArray } from 'rxjs';

import * as saga from '../../src/index.js';
import { privateHome } from '../support/home.js';
import { rule } from '../support/rules.js';

const run = promisify(execFile);
const paths = privateHome();
// Seconds between TERM and KILL; the launcher takes it from the environment.
process.env['XOSAGA_GRACE'] = '0.2';
let service: saga.JobService;
beforeAll(async () => {
  service = await saga.JobService.create('local://localhost');
});
afterAll(() => service.close());

/** A job that runs the script with sh. */
function sh(script: string, more: Partial<saga.JobDescription> = {}): Promise<saga.Job> {
  const jd = new saga.JobDescription({ executable: '/bin/sh', arguments: ['-c', script], ...more });
  return service.createJob(jd);
}

/** A job that runs until it is ended; it has started when this resolves. */
async function endless(script = 'exec sleep 1000'): Promise<saga.Job> {
  const job = await sh(script);
  await job.run();
  await started(job);
  return job;
}

function started(job: saga.Job): Promise<void> {
  return new Promise((resolve, reject) => {
    const seen = (_: unknown, metric: saga.Metric): boolean => {
      if (metric.value !== 'local:RUNNING') return true;
      resolve();
      return false;
    };
    job
      .addCallback('job.state_detail', seen)
      .then(() => job.getMetric('job.state_detail'))
      .then((metric) => seen(job, metric))
      .catch(reject);
  });
}

describe('job service', () => {
  rule(
    [168, 179],
    'createJob refuses a description without Executable, or with a value that is out of range',
    async () => {
      await expect(service.createJob(new saga.JobDescription())).rejects.toThrow(/no Executable/);
      await expect(service.createJob(new saga.JobDescription({ executable: '' }))).rejects.toThrow(saga.BadParameter);
      expect(() => new saga.JobDescription({ executable: 'x', numberOfProcesses: 0 })).toThrow(/NumberOfProcesses/);
    },
  );

  test('an attribute that is not honoured is refused by name; its default is not', async () => {
    const jd = new saga.JobDescription({ executable: '/bin/true', queue: 'debug' });
    await expect(service.createJob(jd)).rejects.toThrow(/'local' does not honour the attribute Queue/);
    jd.removeAttribute('Queue');
    jd.cleanup = 'Default';
    jd.totalCPUCount = 1;
    await expect(service.createJob(jd)).resolves.toBeInstanceOf(saga.Job);
  });

  rule([177, 178], 'createJob gives a New job with a description of its own', async () => {
    const jd = new saga.JobDescription({ executable: '/bin/sh', arguments: ['-c', 'exit 0'] });
    const job = await service.createJob(jd);
    expect(await job.getState()).toBe(saga.JobState.New);
    jd.arguments = ['-c', 'exit 1'];
    await job.run();
    await job.wait();
    expect(job.exitCode).toBe(0);
    expect((await job.getJobDescription()).arguments).toEqual(['-c', 'exit 0']);
  });

  rule(180, 'an empty URL is the service on this machine', async () => {
    await using here = await saga.JobService.create('');
    const { job } = await here.runJob('true');
    expect(job.jobID).toMatch(/^\[local:\/\/localhost\]-\[[a-z0-9]{12}\.\d+\]$/);
    await expect(saga.JobService.create('localhost')).rejects.toThrow(/has no scheme/);
  });

  rule(181, 'a service that cannot be reached is refused by create', async () => {
    await expect(saga.JobService.create('local://elsewhere.example')).rejects.toThrow(saga.IncorrectURL);
    await expect(saga.JobService.create('nosuch://localhost')).rejects.toThrow(/no adaptor serves the scheme 'nosuch'/);
    await expect(saga.JobService.create('local://localhost/path')).rejects.toThrow(/has a path/);
    await expect(saga.JobService.create('local://me:secret@localhost:99')).rejects.toThrow(
      /me:\*\*\*@.* has a user and a port/,
    );
    await expect(saga.JobService.create('http://:80:80')).rejects.toThrow(saga.BadParameter);
  });

  rule([182, 183], 'runJob is description, createJob and run, without streams', async () => {
    const { job, stdin, stdout, stderr } = await service.runJob(`sh -c 'exit 0' "a b"`);
    expect([stdin, stdout, stderr]).toEqual([undefined, undefined, undefined]);
    expect([saga.JobState.Running, saga.JobState.Done]).toContain(await job.getState());
    const jd = await job.getJobDescription();
    expect(jd.executable).toBe('sh');
    expect(jd.arguments).toEqual(['-c', 'exit 0', 'a b']);
    await job.wait();
    await expect(service.runJob('   ')).rejects.toThrow(/command line is empty/);
    await expect(service.runJob(`echo 'x`)).rejects.toThrow(/not closed/);
  });

  rule(184, 'runJob on a given host runs there or not at all', async () => {
    const { job } = await service.runJob('true', 'localhost');
    await job.wait();
    await expect(service.runJob('true', 'nowhere.example')).rejects.toThrow(/CandidateHosts asks for nowhere.example/);
  });

  rule(185, 'the streams of runJob are complete from the start of the process', async () => {
    const { job, stdin, stdout, stderr } = await service.runJob(`sh -c 'echo first; echo problem >&2; cat'`, '', {
      interactive: true,
    });
    stdin?.end('second\n');
    await job.wait();
    expect(Buffer.concat((await stdout?.toArray()) as Uint8Array[]).toString()).toBe('first\nsecond\n');
    expect(Buffer.concat((await stderr?.toArray()) as Uint8Array[]).toString()).toBe('problem\n');
  });

  rule(186, 'list includes the running jobs, and those that have ended', async () => {
    const job = await endless();
    const other = await sh('exit 0');
    expect(await service.list()).toContain(job.jobID);
    await other.run();
    await other.wait();
    expect(await service.list()).toEqual(expect.arrayContaining([job.jobID, other.jobID]));
    await job.cancel(-1);
  });

  rule(187, 'getJob refuses malformed ids, and does not find unknown jobs', async () => {
    await expect(service.getJob('nonsense')).rejects.toThrow(saga.BadParameter);
    await expect(service.getJob('[local://localhost]-[12]')).rejects.toThrow(saga.BadParameter);
    await expect(service.getJob('[slurm://cluster]-[12]')).rejects.toThrow(/belongs to slurm:\/\/cluster/);
    await expect(service.getJob('[local://localhost]-[abcdefghijkl.1]')).rejects.toThrow(saga.DoesNotExist);
  });

  rule(188, 'getSelf works within a job only', async () => {
    await expect(service.getSelf()).rejects.toThrow(/not part of a job/);
    const script = join(paths.directory, 'self.mjs');
    const index = new globalThis.URL('../../dist/esm/index.js', import.meta.url).href;
    await writeFile(
      script,
      `import * as saga from '${index}';
       const service = await saga.JobService.create();
       const self = await service.getSelf();
       console.log(self.jobID, await self.getState() === saga.JobState.Running, self instanceof saga.JobSelf);
       await service.close();`,
    );
    const output = join(paths.directory, 'self.out');
    const job = await service.createJob(
      new saga.JobDescription({ executable: process.execPath, arguments: [script], output }),
    );
    await job.run();
    await job.wait();
    await job.rethrow();
    expect(await readFile(output, 'utf8')).toBe(`${job.jobID ?? ''} true true\n`);
  });

  test('another process finds the job with its description, state, exit code and times', async () => {
    const job = await sh('exit 7');
    await job.run();
    await job.wait();
    const index = new globalThis.URL('../../dist/esm/index.js', import.meta.url).href;
    const source = `import * as saga from '${index}';
      const service = await saga.JobService.create();
      const job = await service.getJob(process.argv[1]);
      console.log(JSON.stringify([await job.getState(), job.exitCode, job.finished, (await job.getJobDescription()).arguments]));
      await service.close();`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', source, job.jobID ?? ''], {
      env: process.env,
    });
    expect(JSON.parse(stdout)).toEqual([saga.JobState.Failed, 7, job.finished?.toISOString(), ['-c', 'exit 7']]);
  });

  test('all spellings of this machine are one service, whose jobs have one id', async () => {
    for (const url of ['', 'fork://localhost', 'local://127.0.0.1', 'local://']) {
      await using same = await saga.JobService.create(url);
      const { job } = await same.runJob('true');
      await job.wait();
      expect(await service.list()).toContain(job.jobID);
      expect((await service.getJob(job.jobID ?? '')).jobID).toBe(job.jobID);
    }
  });

  test('runJobs submits all or none', async () => {
    const jd = new saga.JobDescription({ executable: '/bin/true' });
    const jobs = await service.runJobs(Array.from({ length: 20 }, () => jd));
    expect(new Set(jobs.map((j) => j.jobID)).size).toBe(20);
    await Promise.all(jobs.map((j) => j.wait()));
    expect(jobs.map((j) => j.exitCode)).toEqual(Array.from({ length: 20 }, () => 0));
    const before = await service.list();
    const bad = new saga.JobDescription({ executable: '/no/such/program' });
    await expect(service.runJobs([jd, bad])).rejects.toThrow(/Executable '\/no\/such\/program' does not exist/);
    expect(await service.list()).toEqual(before);
  });

  test('a closed service refuses calls, and those who wait for its jobs learn why', async () => {
    const other = await saga.JobService.create();
    const job = await other.createJob(new saga.JobDescription({ executable: '/bin/sleep', arguments: ['1000'] }));
    await job.run();
    const waiting = job.wait().catch((e: unknown) => e);
    await other.close();
    expect(await waiting).toMatchObject({
      code: 'IncorrectState',
      message: expect.stringMatching(/service was closed/),
    });
    await expect(other.list()).rejects.toThrow(saga.IncorrectState);
    await other.close();
    await expect(job.getState()).rejects.toThrow(/the service is closed/);
    await expect(job.wait()).rejects.toThrow(/the service is closed/);
    const again = await service.getJob(job.jobID ?? '');
    expect(await again.getState()).toBe(saga.JobState.Running);
    await again.cancel(-1);
  });
});

describe('job', () => {
  rule(189, 'run on a job that is not New', async () => {
    const job = await sh('exit 0');
    await job.run();
    await expect(job.run()).rejects.toThrow(saga.IncorrectState);
    await job.wait();
    await expect(job.run()).rejects.toThrow(saga.IncorrectState);
  });

  rule(190, 'job.state takes the literals of the six states', async () => {
    const job = await sh('exit 0');
    const metric = await job.getMetric('job.state');
    expect(metric.value).toBe('New');
    const seen = firstValueFrom(job.state$.pipe(toArray()));
    await job.run();
    await job.wait();
    expect((await job.getMetric('job.state')).value).toBe('Done');
    expect(await seen).toEqual([saga.JobState.New, saga.JobState.Running, saga.JobState.Done]);
  });

  rule([191, 192, 193], 'suspend and resume, and where they are refused', async () => {
    const job = await endless();
    await expect(job.resume()).rejects.toThrow(/needs a job that is Suspended; this one is Running/);
    await job.suspend();
    expect(await job.getState()).toBe(saga.JobState.Suspended);
    await expect(job.suspend()).rejects.toThrow(saga.IncorrectState);
    await job.resume();
    expect(await job.getState()).toBe(saga.JobState.Running);
    await job.cancel(-1);
    await expect(job.suspend()).rejects.toThrow(saga.IncorrectState);
    await expect(job.resume()).rejects.toThrow(saga.IncorrectState);
  });

  rule([194, 195], 'checkpoint and migrate need the right state, and a job that was submitted for that', async () => {
    const job = await sh('exit 0');
    await expect(job.checkpoint()).rejects.toThrow(saga.IncorrectState);
    await expect(job.migrate(new saga.JobDescription())).rejects.toThrow(saga.IncorrectState);
    const running = await endless();
    await expect(running.checkpoint()).rejects.toThrow(/cannot be checkpointed; give its description an attribute/);
    await expect(running.migrate(new saga.JobDescription())).rejects.toThrow(/cannot be checkpointed/);
    await expect(running.hold()).rejects.toThrow(/has begun or ended; only a job that waits can be held/);
    await running.cancel(-1);
  });

  rule(196, 'signal needs Running or Suspended, and a signal that exists', async () => {
    const job = await sh('trap "exit 42" USR1; echo ready; while :; do sleep 0.05; done', {
      output: join(paths.directory, 'signal.out'),
    });
    await expect(job.signal(10)).rejects.toThrow(saga.IncorrectState);
    await job.run();
    await started(job);
    await expect(job.signal(0)).rejects.toThrow(saga.BadParameter);
    await expect(job.signal(65)).rejects.toThrow(/signal 65 does not exist/);
    while ((await readFile(join(paths.directory, 'signal.out'), 'utf8')) === '') await job.wait(0.01);
    await job.signal(10);
    await job.wait();
    expect(job.exitCode).toBe(42);
    expect((await job.getMetric('job.signal')).value).toBe('10');
    await expect(job.signal(10)).rejects.toThrow(saga.IncorrectState);
  });

  rule(197, 'a process that exits non-zero makes the job Failed, and rethrow says why', async () => {
    const job = await sh('echo it went wrong >&2; exit 3');
    await job.run();
    await job.wait();
    expect(await job.getState()).toBe(saga.JobState.Failed);
    await expect(job.rethrow()).rejects.toThrow(/exit code 3\nThe end of its standard error:\nit went wrong/);

    const error = join(paths.directory, 'it.log');
    const logged = await sh('echo it went wrong again >&2; exit 3', { error });
    await logged.run();
    await logged.wait();
    await expect(logged.rethrow()).rejects.toThrow(/The end of its standard error:\nit went wrong again/);
    expect(await readFile(error, 'utf8')).toBe('it went wrong again\n');
    await expect(job.getResult()).rejects.toThrow(saga.NoSuccess);
  });

  rule(198, 'ExitCode and Termsig are there in final states only, and one of them', async () => {
    const job = await endless();
    expect(await job.attributeExists('ExitCode')).toBe(false);
    expect(await job.attributeExists('Termsig')).toBe(false);
    await job.signal(9);
    await job.wait();
    expect(await job.getAttribute('Termsig')).toBe('9');
    expect(job.termsig).toBe(9);
    expect(await job.attributeExists('ExitCode')).toBe(false);
    await expect(job.getAttribute('ExitCode')).rejects.toThrow(saga.DoesNotExist);
    await expect(job.rethrow()).rejects.toThrow(/killed by SIGKILL \(9\)/);
  });

  rule(199, 'getJobDescription gives a deep copy', async () => {
    const job = await sh('exit 0');
    const jd = await job.getJobDescription();
    jd.executable = 'other';
    expect((await job.getJobDescription()).executable).toBe('/bin/sh');
  });

  rule([200, 172], 'streams need an interactive job, in which Input, Output and Error are ignored', async () => {
    const job = await sh('exit 0');
    await job.run();
    await expect(job.getStdin()).rejects.toThrow(/interactive job/);
    await expect(job.getStdout()).rejects.toThrow(saga.IncorrectState);
    await expect(job.getStderr()).rejects.toThrow(saga.IncorrectState);
    await job.wait();
    const output = join(paths.directory, 'ignored.out');
    const interactive = await sh('echo here', { interactive: true, output, input: '/no/such/file' });
    await interactive.run();
    const stdout = await interactive.getStdout();
    expect(Buffer.concat((await stdout.toArray()) as Uint8Array[]).toString()).toBe('here\n');
    await expect(readFile(output)).rejects.toThrow(/ENOENT/);
    await interactive.wait();
  });

  rule(201, 'the streams serve until the job is final', async () => {
    const job = await sh('read a; echo "got $a"; read b; echo "got $b"', { interactive: true });
    await job.run();
    const stdin = await job.getStdin();
    const stdout = (await job.getStdout()).setEncoding('utf8');
    let text = '';
    stdin.write('one\n');
    for await (const chunk of stdout) {
      text += String(chunk);
      if (text === 'got one\n') stdin.end('two\n');
    }
    expect(text).toBe('got one\ngot two\n');
    await job.wait();
    expect(job.exitCode).toBe(0);
  });

  rule(173, 'Interactive is refused by a service that cannot do it', async () => {
    saga.registerAdaptor({
      name: 'deaf',
      spi: 1,
      summary: 'for this test',
      schemes: ['deaf'],
      capabilities: ['job.submit', 'job.query'],
      jobAttributes: ['executable'],
      load: () =>
        Promise.resolve({
          connect: () => Promise.resolve({ close: () => Promise.resolve() } as never),
          translate: () => undefined,
        }),
    });
    await using deaf = await saga.JobService.create('deaf://x');
    const jd = new saga.JobDescription({ executable: 'x', interactive: true });
    await expect(deaf.createJob(jd)).rejects.toThrow(/'deaf' does not honour the attribute Interactive/);
  });

  rule([202, 203, 204], 'JobID, state_detail and times', async () => {
    const job = await sh('exit 0');
    expect(job.jobID).toBeUndefined();
    expect((await job.getMetric('job.state_detail')).value).toBe('none:NEW');
    await job.run();
    expect(job.jobID).toMatch(/^\[local:\/\/localhost\]-\[.+\]$/);
    expect(job.serviceURL).toBe('local://localhost');
    await job.wait();
    expect((await job.getMetric('job.state_detail')).value).toBe('local:EXITED');
    const [created, begun, finished] = [job.created, job.started, job.finished].map((d) => d?.getTime() ?? NaN);
    expect(created).toBeLessThanOrEqual(begun ?? NaN);
    expect(begun).toBeLessThanOrEqual(finished ?? NaN);
    expect(Math.abs(Date.now() - (finished ?? NaN))).toBeLessThan(60_000);
    expect(await job.getAttribute('Created')).toBe(String((created ?? NaN) / 1000));
  });

  rule(205, 'memory metrics turn Final and hold the high-water mark', async () => {
    const job = await sh('exit 0');
    await job.run();
    await job.wait();
    const memory = await job.getMetric('job.memory_use');
    expect(memory.mode).toBe('Final');
    expect(Number(memory.value)).toBeGreaterThan(0.1);
    await expect(job.addCallback('job.memory_use', () => true)).rejects.toThrow(saga.IncorrectState);
    expect((await job.getMetric('job.performance')).mode).toBe('Final');
    expect(await job.addCallback('job.state', () => true)).toEqual(expect.any(Number));
  });

  rule(206, 'a suspended job can be cancelled', async () => {
    const job = await endless();
    await job.suspend();
    await job.cancel(-1);
    expect(await job.getState()).toBe(saga.JobState.Canceled);
    await expect(job.getResult()).rejects.toThrow(saga.IncorrectState);
  });

  test('cancel ends the whole process group, also one that ignores TERM', async () => {
    const job = await endless('trap "" TERM; sleep 1000 & wait; sleep 1000');
    await job.cancel(-1);
    expect(await job.getState()).toBe(saga.JobState.Canceled);
    expect(job.exitCode).toBeUndefined();
  });

  test('the environment: rank, size, job id, own entries over inherited ones', async () => {
    const output = join(paths.directory, 'env.out');
    const script = 'echo "$XOSAGA_RANK $XOSAGA_SIZE $XOSAGA_JOB_ID $OWN $HOME"';
    const job = await sh(script, { numberOfProcesses: 3, output, environment: ['OWN=x', 'OWN=mine', 'HOME=/nowhere'] });
    await job.run();
    await job.wait();
    await job.rethrow();
    const native = /\[([^\]]+)\]$/.exec(job.jobID ?? '')?.[1] ?? '';
    const lines = (await readFile(output, 'utf8')).trim().split('\n').sort();
    expect(lines).toEqual([0, 1, 2].map((rank) => `${String(rank)} 3 ${native} mine /nowhere`));
  });

  test('files: Input, Output, Error and WorkingDirectory', async () => {
    await writeFile(join(paths.directory, 'in.txt'), 'b\na\n');
    const job = await sh('sort; pwd; echo err >&2', {
      workingDirectory: paths.directory,
      input: 'in.txt',
      output: 'out.txt',
      error: 'err.txt',
    });
    await job.run();
    await job.wait();
    await job.rethrow();
    expect(await readFile(join(paths.directory, 'out.txt'), 'utf8')).toBe(`a\nb\n${paths.directory}\n`);
    expect(await readFile(join(paths.directory, 'err.txt'), 'utf8')).toBe('err\n');
    expect(job.workingDirectory).toBe(paths.directory);
  });

  test.each<[string, Partial<saga.JobDescription>, RegExp]>([
    ['a missing executable', { executable: '/no/such' }, /DoesNotExist: Executable '\/no\/such' does not exist/],
    [
      'one that is not in PATH',
      { executable: 'no-such-program' },
      /DoesNotExist: Executable 'no-such-program' is not in the PATH/,
    ],
    ['a directory', { executable: '/tmp' }, /BadParameter: Executable '\/tmp' is a directory/],
    [
      'one without x',
      { executable: '/etc/passwd' },
      /PermissionDenied: Executable '\/etc\/passwd' is not executable; run: chmod/,
    ],
    [
      'a missing directory',
      { workingDirectory: '/no/dir' },
      /DoesNotExist: WorkingDirectory '\/no\/dir' does not exist/,
    ],
    [
      'a file as directory',
      { workingDirectory: '/etc/passwd' },
      /BadParameter: WorkingDirectory '\/etc\/passwd' is not a directory/,
    ],
    ['a missing input', { input: '/no/input' }, /DoesNotExist: Input '\/no\/input' does not exist/],
    ['an output that is a directory', { output: '/tmp' }, /BadParameter: Output '\/tmp' is a directory/],
    [
      'an output nowhere',
      { output: '/no/dir/out' },
      /DoesNotExist: Output '\/no\/dir\/out': its directory '\/no\/dir' does not exist/,
    ],
  ])('%s is refused before submission', async (_, wrong, message) => {
    const jd = new saga.JobDescription({ executable: '/bin/true', ...wrong });
    const error = await service.createJob(jd).catch((e: unknown) => e);
    expect(saga.SagaException.is(error) && error.getMessage()).toMatch(message);
  });

  test('what goes wrong after the checks makes the job Failed, with the reason', async () => {
    const job = await service.createJob(new saga.JobDescription({ executable: '/bin/true', output: '/proc/nope' }));
    await job.run();
    await job.wait();
    await expect(job.rethrow()).rejects.toThrow(/could not be started: .*\/proc\/nope/);
  });

  test('an aborted wait rejects at once, and the job goes on', async () => {
    const job = await endless();
    await expect(job.wait(-1, { signal: AbortSignal.timeout(20) })).rejects.toThrow(saga.Timeout);
    const abort = new AbortController();
    const waiting = job.wait(-1, { signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow(saga.NoSuccess);
    expect(await job.getState()).toBe(saga.JobState.Running);
    expect(await job.wait(0)).toBe(false);
    await job.cancel(-1);
  });

  test('call modes: job.async and job.task', async () => {
    const job = await sh('exit 0');
    const task = job.task.run();
    expect(await task.getState()).toBe(saga.TaskState.New);
    await task.run();
    await task.wait();
    const waiting = job.async.wait();
    expect(await waiting.getResult()).toBe(true);
    expect(waiting.getObject()).toBe(job);
    const refused = job.async.suspend();
    await refused.wait();
    expect(await refused.getState()).toBe(saga.TaskState.Failed);
    await expect(refused.rethrow()).rejects.toThrow(saga.IncorrectState);
  });

  test('jobs in a container', async () => {
    const container = new saga.TaskContainer();
    for (const code of [0, 1, 0]) container.add(await sh(`exit ${String(code)}`));
    await container.run();
    let failed = 0;
    while (container.size() > 0) {
      const job = (await container.wait(saga.WaitMode.Any)) as saga.Job;
      if ((await job.getState()) === saga.JobState.Failed) failed += 1;
    }
    expect(failed).toBe(1);
  });

  test('permissions: a local job belongs to its user alone', async () => {
    const job = await sh('exit 0');
    await job.run();
    const me = `user-${userInfo().username}`;
    expect(await job.getOwner()).toBe(me);
    expect(await job.getGroup()).toBe('');
    expect(await job.permissionsCheck(me, saga.Permission.All)).toBe(true);
    expect(await job.permissionsCheck('*', saga.Permission.Query)).toBe(false);
    await job.permissionsAllow(me, saga.Permission.Read);
    await job.permissionsDeny('*', saga.Permission.None);
    await expect(job.permissionsDeny(me, saga.Permission.Read)).rejects.toThrow(saga.NotImplemented);
    await expect(job.permissionsAllow('*', saga.Permission.Owner)).rejects.toThrow(saga.BadParameter);
    await expect(job.permissionsAllow('user-nobody-here', saga.Permission.Read)).rejects.toThrow(saga.BadParameter);
    await expect(job.permissionsAllow('*', saga.Permission.Read)).rejects.toThrow(/belongs to user-.* alone/);
    await expect(job.permissionsAllow(me, saga.Permission.Read, saga.ObjectType.URL)).rejects.toThrow(/takes no flags/);
    await job.wait();
  });

  test('clone is a handle of its own on the same job', async () => {
    const job = await sh('exit 5');
    const before = job.clone();
    expect(await before.getState()).toBe(saga.JobState.New);
    await job.run();
    const copy = job.clone();
    expect(copy.jobID).toBe(job.jobID);
    expect(copy.getId()).not.toBe(job.getId());
    await copy.wait();
    expect(copy.exitCode).toBe(5);
    expect(copy.getSession().getId()).toEqual(expect.any(String));
  });
});

describe('job_self', () => {
  rule(207, 'takes metrics of the application', async () => {
    const job = await endless();
    const native = /\[([^\]]+)\]$/.exec(job.jobID ?? '')?.[1] ?? '';
    process.env['XOSAGA_JOB_ID'] = native;
    try {
      const self = await service.getSelf();
      expect(self.getType()).toBe(saga.ObjectType.JobSelf);
      expect(await self.getState()).toBe(saga.JobState.Running);
      const metric = new saga.Metric('my.progress', 'steps done', 'ReadWrite', '1', 'Int', '0');
      expect(await self.addMetric(metric)).toBe(true);
      const fired = new Promise<string | undefined>((resolve) => {
        void self.addCallback('my.progress', (_, m) => {
          resolve(m.value);
          return false;
        });
      });
      metric.value = '7';
      await self.fireMetric('my.progress');
      expect(await fired).toBe('7');
      await expect(job.getMetric('my.progress')).rejects.toThrow(saga.DoesNotExist);
    } finally {
      delete process.env['XOSAGA_JOB_ID'];
    }
    await job.cancel(-1);
  });
});
