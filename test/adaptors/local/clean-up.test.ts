import { describe, expect, test } from '@jest/globals';
import { mkdir, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { cleanUp, cleanUpDaily } from '../../../src/adaptors/local/clean-up.js';
import * as saga from '../../../src/index.js';
import { privateHome } from '../../support/home.js';

const paths = privateHome();
const DAY = 24 * 60 * 60 * 1000;

/** Runs a job in a segment of its own; gives the job's id and the segment's directory. */
async function segmentOf(commandLine: string, wait = true): Promise<{ id: string; directory: string }> {
  await using service = await saga.JobService.create();
  const { job } = await service.runJob(commandLine);
  if (wait) await job.wait();
  const id = job.jobID ?? '';
  const segment = /\[([a-z0-9]{12})\./.exec(id)?.[1] ?? '';
  return { id, directory: join(paths.home, 'local', segment) };
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

describe('clean-up', () => {
  test('removes segments whose jobs ended 30 days ago, and no others', async () => {
    const home = join(paths.home, 'local');
    const old = await segmentOf('true');
    const recent = await segmentOf('true');
    const running = await segmentOf('sleep 1000', false);
    await cleanUp(home, Date.now() + 29 * DAY);
    expect(await exists(old.directory)).toBe(true);

    const longAgo = new Date(Date.now() - 31 * DAY);
    for (const { directory } of [old, running]) await utimes(join(directory, 'events'), longAgo, longAgo);
    await cleanUp(home);
    expect(await Promise.all([old, recent, running].map(({ directory }) => exists(directory)))).toEqual([
      false,
      true,
      true,
    ]);

    await using service = await saga.JobService.create();
    await expect(service.getJob(old.id)).rejects.toThrow(saga.DoesNotExist);
    expect((await service.list()).sort()).toEqual([recent.id, running.id].sort());
    await (await service.getJob(running.id)).cancel(-1);
  });

  test('removes what killed processes have left behind', async () => {
    const home = join(paths.home, 'local');
    for (const name of ['.abcdefghijkl.new', '.abcdefghijkl.old']) {
      await mkdir(join(home, name));
      await writeFile(join(home, name, 'jobs'), '');
    }
    await cleanUp(home);
    expect((await readdir(home)).filter((name) => name.startsWith('.'))).toHaveLength(2);
    await cleanUp(home, Date.now() + 2 * DAY);
    expect((await readdir(home)).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('removes the slots of earlier boots when nobody has used them for long', async () => {
    const home = join(paths.home, 'local');
    await segmentOf('true');
    const present = (await readdir(home)).filter((name) => name.startsWith('places-'));
    expect(present).toHaveLength(1);
    await mkdir(join(home, 'places-old'));
    await writeFile(join(home, 'places-old', 'turnstile'), '');
    await cleanUp(home, Date.now() + 29 * DAY);
    expect(await exists(join(home, 'places-old'))).toBe(true);
    await cleanUp(home, Date.now() + 31 * DAY);
    expect((await readdir(home)).filter((name) => name.startsWith('places-'))).toEqual(present);
  });

  test('is done once a day', async () => {
    const home = join(paths.home, 'local');
    const leftover = join(home, '.abcdefghijkl.old');
    const longAgo = new Date(Date.now() - 2 * DAY);
    const leave = async (): Promise<void> => {
      await mkdir(leftover);
      await utimes(leftover, longAgo, longAgo);
    };
    await leave();
    await cleanUpDaily(home);
    expect(await exists(leftover)).toBe(true);
    await utimes(join(home, 'CLEANED'), longAgo, longAgo);
    await cleanUpDaily(home);
    expect(await exists(leftover)).toBe(false);
    await rm(join(home, 'CLEANED'));
    await leave();
    await cleanUpDaily(home);
    expect(await exists(leftover)).toBe(false);
  });
});
