/** What a home may have gone through: a reboot, another machine, newer software, careless users, full disks, torn records. */
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  cpSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

import * as saga from '../../src/index.js';
import { privateHome } from '../support/home.js';
import { allGone, eventually, killAll } from './processes.js';

const paths = privateHome();
let gate = 0;
let made = 0;

beforeEach(() => {
  const fifo = join(paths.directory, 'gate');
  rmSync(fifo, { force: true });
  execFileSync('mkfifo', [fifo]);
  gate = openSync(fifo, 'r+');
  useHome(`home-${String(++made)}`);
});
afterEach(async () => {
  closeSync(gate);
  await allGone(`XOSAGA_HOME=${home()}`, 3).finally(() => killAll(`XOSAGA_HOME=${home()}`));
});
afterAll(() => {
  process.env['XOSAGA_HOME'] = paths.home;
});

const home = (): string => process.env['XOSAGA_HOME']!;

/** From now on, all services use this home. */
function useHome(name: string): string {
  return (process.env['XOSAGA_HOME'] = join(paths.directory, name));
}

async function withService<T>(use: (service: saga.JobService) => Promise<T>): Promise<T> {
  await using service = await saga.JobService.create('local://localhost');
  return await use(service);
}

/** Submits a job that runs the script. */
async function submit(service: saga.JobService, script: string): Promise<saga.Job> {
  const job = await service.createJob(new saga.JobDescription({ executable: '/bin/sh', arguments: ['-c', script] }));
  await job.run();
  return job;
}

async function ended(service: saga.JobService, script: string): Promise<string> {
  const job = await submit(service, script);
  await job.wait();
  return job.jobID!;
}

const waiting = (): string => `read x <'${join(paths.directory, 'gate')}'`;

/** State and error of a job as they are told now. */
async function told(service: saga.JobService, id: string): Promise<{ state: string; failure: string }> {
  const job = await service.getJob(id);
  const state = await job.getState();
  const failure = await job.rethrow().then(
    () => '',
    (error: unknown) => (error as Error).message,
  );
  return { state: Object.entries(saga.JobState).find(([, value]) => value === state)![0], failure };
}

const segmentOf = (id: string): string => /\]-\[([a-z0-9]{12})\./.exec(id)![1]!;

/** Changes the first line of a segment's journal of jobs. */
function editHeader(id: string, change: Record<string, unknown>): void {
  const file = join(home(), 'local', segmentOf(id), 'jobs');
  const lines = readFileSync(file, 'utf8').split('\n');
  const header = lines.findIndex((line) => line.includes('"layout"'));
  lines[header] = JSON.stringify({ ...(JSON.parse(lines[header]!) as object), ...change });
  writeFileSync(file, lines.join('\n'));
}

function events(id: string): string {
  return readFileSync(join(home(), 'local', segmentOf(id), 'events'), 'latin1');
}

describe('after a restart of the machine', () => {
  test('what had ended has ended, what ran is lost, what waited never starts', async () => {
    let ids: string[] = [];
    await withService(async (service) => {
      const done = await ended(service, 'exit 0');
      const failed = await ended(service, 'echo trouble >&2; exit 3');
      const job = await submit(service, waiting());
      await eventually('the start of the job', () => events(job.jobID!).includes('\nrun 3 '));
      ids = [done, failed, job.jobID!];

      // The same files, as they would be found after a restart: with one more job, which nobody had started.
      const before = home();
      useHome(`restarted-${String(made)}`);
      cpSync(before, home(), { recursive: true });
      chmodSync(home(), 0o700);
      editHeader(done, { boot: '00000000-0000-0000-0000-000000000000' });
      const jobs = join(home(), 'local', segmentOf(done), 'jobs');
      const line = readFileSync(jobs, 'utf8')
        .split('\n')
        .find((text) => text.includes('"n":3'))!;
      appendFileSync(jobs, `\n${line.replace('"n":3', '"n":4')}\n`);
      ids.push(job.jobID!.replace('.3]', '.4]'));

      await withService(async (restarted) => {
        expect(await restarted.list()).toEqual(ids);
        expect(await told(restarted, ids[0]!)).toEqual({ state: 'Done', failure: '' });
        expect((await told(restarted, ids[1]!)).failure).toMatch(/exit code 3\n.*\ntrouble/);
        const lost = await told(restarted, ids[2]!);
        expect(lost.state).toBe('Failed');
        expect(lost.failure).toMatch(/outcome unknown: .*the machine was restarted/);
        const unstarted = await told(restarted, ids[3]!);
        expect(unstarted.state).toBe('Failed');
        expect(unstarted.failure).toMatch(/never started/);
      });
      // Told once, told always; and what another boot says of a pid of this one reaches nobody.
      expect(events(done)).toMatch(/\nlost 3 [0-9.]+\n/);
      expect(events(done)).toMatch(/\nnever 4 [0-9.]+ gone\n/);
      useHome(`home-${String(made)}`);
      expect((await told(service, job.jobID!)).state).toBe('Running');
      writeSync(gate, '\n');
      await job.wait();
      expect((await told(service, job.jobID!)).state).toBe('Done');
    });
  });
});

describe('a home that was copied from another machine', () => {
  test('does not list its jobs, and names the machine', async () => {
    const id = await withService((service) => ended(service, 'exit 0'));
    editHeader(id, { host: 'elsewhere.example' });
    await withService(async (service) => {
      expect(await service.list()).toEqual([]);
      await expect(service.getJob(id)).rejects.toThrow(saga.DoesNotExist);
      await expect(service.getJob(id)).rejects.toThrow(/ran on host 'elsewhere.example': ask there/);
    });
  });
});

describe('a home is refused', () => {
  test('when a newer xosaga wrote it', async () => {
    mkdirSync(join(home(), 'local'), { recursive: true, mode: 0o700 });
    writeFileSync(join(home(), 'local', 'LAYOUT'), '2\n');
    await expect(saga.JobService.create('')).rejects.toThrow(saga.NoSuccess);
    await expect(saga.JobService.create('')).rejects.toThrow(/written by a newer xosaga.*set XOSAGA_HOME/);
  });

  test('when others can write to it', async () => {
    mkdirSync(home());
    chmodSync(home(), 0o777);
    await expect(saga.JobService.create('')).rejects.toThrow(saga.PermissionDenied);
    await expect(saga.JobService.create('')).rejects.toThrow(`chmod 700 '${home()}'`);
  });

  test('when it belongs to another user', async () => {
    // Root gives the home away; everybody else has / at hand, which is root's.
    if (process.getuid?.() === 0) {
      mkdirSync(home(), { mode: 0o700 });
      chownSync(home(), 65_534, 65_534);
    } else process.env['XOSAGA_HOME'] = '/';
    try {
      await expect(saga.JobService.create('')).rejects.toThrow(saga.PermissionDenied);
      await expect(saga.JobService.create('')).rejects.toThrow(/belongs to user \d+, not to you .*set XOSAGA_HOME/);
    } finally {
      useHome(`home-${String(made)}`);
    }
  });

  test('when it is not a directory', async () => {
    writeFileSync(home(), '');
    await expect(saga.JobService.create('')).rejects.toThrow(saga.BadParameter);
  });
});

test('a home that others can read stays as it is; what is in it is closed to them', async () => {
  mkdirSync(home());
  chmodSync(home(), 0o755);
  await withService((service) => ended(service, 'exit 0'));
  const modeOf = (path: string): number => statSync(path).mode & 0o777;
  expect(modeOf(home())).toBe(0o755);
  expect(readdirSync(home()).map((name) => modeOf(join(home(), name)))).toEqual([0o700, 0o700]);
});

describe('journals', () => {
  test('with torn and foreign lines say what their whole lines say', async () => {
    const ids: string[] = [];
    await withService(async (service) => {
      ids.push(await ended(service, 'exit 0'), await ended(service, 'exit 4'));
    });
    const directory = join(home(), 'local', segmentOf(ids[0]!));
    for (const name of ['jobs', 'events']) {
      const lines = readFileSync(join(directory, name), 'latin1').split('\n').filter(Boolean);
      const damage = [
        'end 1',
        'start 2 5',
        'never 1 7.5',
        '{"n":1,"cre',
        '\0\0\0\xff',
        'end x y z',
        'nonsense',
        ' ',
        '{}',
        '[]',
        'null',
      ];
      const torn = lines.flatMap((line, i) => [damage[i % damage.length]!, line, damage[(i + 5) % damage.length]!]);
      writeFileSync(join(directory, name), `${[...damage, ...torn].join('\n\n')}\nlost 1 5`, 'latin1');
    }
    await withService(async (service) => {
      expect(await service.list()).toEqual(ids);
      expect((await told(service, ids[0]!)).state).toBe('Done');
      expect((await told(service, ids[1]!)).failure).toMatch(/exit code 4/);
    });
  });

  test('that are gone are told to be gone', async () => {
    const id = await withService((service) => ended(service, 'exit 0'));
    rmSync(join(home(), 'local', segmentOf(id), 'events'));
    await withService(async (service) => {
      await expect(service.getJob(id)).rejects.toThrow(saga.DoesNotExist);
      rmSync(join(home(), 'local', segmentOf(id)), { recursive: true });
      await expect(service.getJob(id)).rejects.toThrow(/there is no job/);
    });
  });

  test('that cannot be read are an error, not an end', async () => {
    const id = await withService((service) => ended(service, 'exit 0'));
    const file = join(home(), 'local', segmentOf(id), 'events');
    rmSync(file);
    mkdirSync(file);
    await withService(async (service) => {
      const error: unknown = await service.getJob(id).catch((e: unknown) => e);
      expect(saga.SagaException.is(error)).toBe(true);
      expect((error as Error).message).toMatch(/damaged: it is not a regular file/);
    });
  });

  test('are read on: a job is found that was submitted after its segment was opened', async () => {
    await withService(async (service) => {
      const first = await submit(service, waiting());
      const before = home();
      // Another process, as far as the home knows: a service of the same home by another name.
      const alias = useHome(`alias-${String(made)}`);
      execFileSync('ln', ['-s', before, alias]);
      await withService(async (other) => {
        const watched = await other.getJob(first.jobID!);
        const end = watched.wait();
        const second = await ended(service, 'exit 0');
        expect((await told(other, second)).state).toBe('Done');
        await expect(other.getJob(second.replace('.2]', '.99]'))).rejects.toThrow(saga.DoesNotExist);
        writeSync(gate, '\n');
        await expect(end).resolves.toBe(true);
        await first.wait();
      });
      useHome(`home-${String(made)}`);
    });
  });
});

const asRoot = process.getuid?.() === 0 && process.platform === 'linux';
const describeDisk = asRoot ? describe : describe.skip;

describeDisk(asRoot ? 'a disk' : 'a disk (only root can mount a small one, and only on Linux)', () => {
  function mount(options: string): void {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', home()]);
  }

  afterEach(() => {
    execFileSync('sh', ['-c', 'umount -l "$1" 2>/dev/null || true', 'sh', home()]);
  });

  /** What is left of segments that could not be made. */
  const halves = (): string[] => readdirSync(join(home(), 'local')).filter((name) => name.startsWith('.'));

  test('that is full refuses new jobs, says what to do, and leaves nothing half', async () => {
    mkdirSync(home(), { mode: 0o700 });
    mount('size=256k,mode=700');
    await withService(async (service) => {
      const known = await ended(service, 'exit 0');
      const ballast = join(home(), 'ballast');
      execFileSync('sh', ['-c', 'cat /dev/zero >"$1" 2>/dev/null || true', 'sh', ballast]);

      // The journal may have room in its last page: it fills up, too.
      let refused: unknown;
      const listed = new Set([known]);
      for (let i = 0; i < 100 && refused === undefined; i++) {
        const filler = 'x'.repeat(3000);
        const job = await service.createJob(new saga.JobDescription({ executable: '/bin/true', arguments: [filler] }));
        try {
          await job.run();
          listed.add(job.jobID!);
        } catch (error) {
          refused = error;
        }
      }
      expect(refused).toBeInstanceOf(saga.NoSuccess);
      expect((refused as Error).message).toMatch(/cannot be recorded under .*free some space, or set XOSAGA_HOME/);
      expect(new Set(await service.list())).toEqual(listed);
      expect((await told(service, known)).state).toBe('Done');

      // A submitter that has no segment yet cannot make one.
      const before = home();
      const alias = useHome(`alias-${String(made)}`);
      execFileSync('ln', ['-s', before, alias]);
      await withService(async (other) => {
        const job = await other.createJob(new saga.JobDescription({ executable: '/bin/true' }));
        const segments = readdirSync(join(home(), 'local')).length;
        // An empty file needs no space; its first line does.
        await expect(job.run()).rejects.toThrow(/cannot be recorded under .*free some space, or set XOSAGA_HOME/);
        expect(halves()).toEqual([]);
        expect(readdirSync(join(home(), 'local'))).toHaveLength(segments);
      });
      useHome(`home-${String(made)}`);

      rmSync(ballast);
      const after = await ended(service, 'exit 0');
      expect((await told(service, after)).state).toBe('Done');
      for (const id of listed) expect(['Done', 'Failed']).toContain((await told(service, id)).state);
    });
  });

  test('that is read-only refuses new jobs, says what to do, and can be read', async () => {
    mkdirSync(home(), { mode: 0o700 });
    mount('size=4m,mode=700');
    await withService(async (service) => {
      const known = await ended(service, 'exit 0');
      // Nobody may hold a file open for writing.
      await service.close();
      await allGone(`XOSAGA_HOME=${home()}`);
      await eventually('the journal to be closed', () => {
        try {
          execFileSync('mount', ['-o', 'remount,ro', home()], { stdio: 'ignore' });
          return true;
        } catch {
          return false;
        }
      });
      await withService(async (other) => {
        expect((await told(other, known)).state).toBe('Done');
        const job = await other.createJob(new saga.JobDescription({ executable: '/bin/true' }));
        await expect(job.run()).rejects.toThrow(saga.NoSuccess);
        await expect(job.run()).rejects.toThrow(/cannot be recorded under .*read-only; set XOSAGA_HOME to a writable/);
        expect(halves()).toEqual([]);
        expect(await other.list()).toEqual([known]);
      });
    });
  });
});
