import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';

import { historyOf, type JournalRecord } from '../../src/callbacks/grid/journal-records.js';
import { Journal, readRecords } from '../../src/callbacks/grid/journal.js';
import { eventually } from '../faults/processes.js';
import { isAlive, nameProcess, thisBoot } from '../../src/callbacks/grid/process-name.js';

const directory = mkdtempSync(join(tmpdir(), 'xosaga-journal-'));
let path = '';
let count = 0;
beforeEach(() => {
  path = join(directory, `journal-${String(++count)}`);
});
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** A process that has ended, and whose pid nobody has got since. */
async function deadProcess(): Promise<{ pid: number; start: string; boot: string }> {
  const child = spawn('sleep', ['100']);
  await once(child, 'spawn');
  const name = nameProcess(child.pid!)!;
  child.kill('SIGKILL');
  await once(child, 'exit');
  return name;
}

const line = (record: object): string => `\n${JSON.stringify(record)}\n`;
const agents = (): JournalRecord[] => readRecords(path).filter(({ t }) => t === 'agent');

describe('the journal', () => {
  test('gives back what was appended, to the next agent', async () => {
    const first = await Journal.open(path);
    first.append({ t: 'prepare', op: 1, mode: 'continue', incarnation: 0 });
    first.appendDurably({ t: 'save', op: 1 });
    first.close();
    const second = await Journal.open(path);
    second.close();
    expect(second.found.map(({ t }) => t)).toEqual(['agent', 'prepare', 'save', 'released']);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('a torn record is not there, and spoils no other', async () => {
    writeFileSync(path, `${line({ t: 'save', op: 1 })}\n{"t":"commit","op":1,"mani`);
    const journal = await Journal.open(path);
    journal.append({ t: 'abort', op: 1, reason: 'the agent was killed' });
    journal.close();
    expect(readRecords(path).map(({ t }) => t)).toEqual(['save', 'agent', 'abort', 'released']);
  });

  test.each([
    ['an unknown record', { t: 'applause', op: 1 }],
    ['a field missing', { t: 'save' }],
    ['a field of another type', { t: 'save', op: '1' }],
    ['a number that is none', { t: 'save', op: -1 }],
    ['a property of every object', { t: 'constructor' }],
    ['a pid that means many', { t: 'agent', epoch: 9, host: 'h', boot: 'b', pid: -1, start: '1' }],
  ])('%s means nothing', (_, record) => {
    writeFileSync(path, line(record));
    expect(readRecords(path)).toEqual([]);
  });

  test('is a file', async () => {
    await expect(Journal.open('/dev/null')).rejects.toThrow('/dev/null is no file');
  });

  test('is no link to somewhere else', async () => {
    const other = join(directory, `other-${String(count)}`);
    writeFileSync(other, '');
    symlinkSync(other, path);
    await expect(Journal.open(path)).rejects.toMatchObject({ code: 'ELOOP' });
  });
});

describe('one agent', () => {
  test('is refused while another lives, by its pid', async () => {
    const journal = await Journal.open(path);
    await expect(Journal.open(path)).rejects.toThrow(
      `process ${String(process.pid)} is the agent that has ${path}; end it first`,
    );
    journal.close();
  });

  test('takes over from one that died', async () => {
    appendFileSync(path, line({ t: 'agent', epoch: 4, host: hostname(), ...(await deadProcess()) }));
    const journal = await Journal.open(path);
    journal.close();
    expect(agents().at(-1)).toMatchObject({ epoch: 5, pid: process.pid });
  });

  test('takes over from one whose pid somebody else has now', async () => {
    const name = { ...nameProcess(process.pid)!, start: '1' };
    appendFileSync(path, line({ t: 'agent', epoch: 1, host: hostname(), ...name }));
    (await Journal.open(path)).close();
    expect(agents()).toHaveLength(2);
  });

  test('takes over after a reboot', async () => {
    const name = { ...nameProcess(process.pid)!, boot: 'another boot' };
    appendFileSync(path, line({ t: 'agent', epoch: 1, host: hostname(), ...name }));
    (await Journal.open(path)).close();
    expect(agents()).toHaveLength(2);
  });

  test('does not judge one on another machine', async () => {
    const name = { pid: 1, start: '1', boot: 'another boot' };
    appendFileSync(path, line({ t: 'agent', epoch: 1, host: 'elsewhere', ...name }));
    await expect(Journal.open(path)).rejects.toThrow(/in use by process 1 on elsewhere, of which nothing can be known/);
  });

  test('of two with one epoch the first in the file counts', async () => {
    const dead = await deadProcess();
    // Both saw the end of epoch 1; the other one was quicker, and has died since.
    appendFileSync(path, line({ t: 'agent', epoch: 1, host: hostname(), ...dead }));
    const journal = await Journal.open(path);
    appendFileSync(path, line({ t: 'agent', epoch: 2, host: hostname(), ...dead }));
    await expect(Journal.open(path)).rejects.toThrow('is the agent that has');
    journal.close();
  });
});

describe('what a journal comes to', () => {
  const join_ = (process_: string): JournalRecord => ({ t: 'join', process: process_, pid: 1, start: '1', boot: '1' });
  const prepare = (op: number): JournalRecord => ({ t: 'prepare', op, mode: 'continue', incarnation: 0 });

  test('nothing', () => {
    expect(historyOf([])).toMatchObject({ highestOp: 0, last: undefined, restart: undefined });
  });

  test('an operation without a decision', () => {
    expect(historyOf([prepare(3), { t: 'save', op: 3 }]).last).toMatchObject({ op: 3, reached: 'save' });
  });

  test('the first decision stands', () => {
    const history = historyOf([
      prepare(1),
      { t: 'save', op: 1 },
      { t: 'commit', op: 1, manifest: 'm' },
      { t: 'abort', op: 1, reason: 'late' },
      { t: 'settled', op: 1 },
    ]);
    expect(history.last).toMatchObject({ reached: 'commit', settled: true });
    expect([...history.committed]).toEqual([[1, 'continue']]);
  });

  test('members, and that a restart ends them', () => {
    const records = [join_('a'), join_('b'), { t: 'leave', process: 'a' }] as const;
    expect([...historyOf(records).members.keys()]).toEqual(['b']);
    const restarted = historyOf([...records, { t: 'restart', op: 2, incarnation: 1, from: 1, directory: '/c/1' }]);
    expect(restarted.members.size).toBe(0);
    expect(restarted.restart).toMatchObject({ incarnation: 1, from: 1, restored: false });
  });

  test('who has taken which state', () => {
    const { restart } = historyOf([
      { t: 'restart', op: 2, incarnation: 1, from: 1, directory: '/c/1' },
      { t: 'rebuilt', op: 2, rank: 0, participants: ['a'] },
      { t: 'rebuilt', op: 1, rank: 0, participants: ['of an older restart'] },
      { t: 'rebuilt', op: 2, rank: 0, participants: ['b'] },
      { t: 'restored', op: 2 },
    ]);
    expect([...restart!.taken.get(0)!]).toEqual(['a', 'b']);
    expect(restart!.restored).toBe(true);
  });
});

describe('names of processes', () => {
  test('tell the living from the dead', async () => {
    expect(isAlive(nameProcess(process.pid)!)).toBe(true);
    expect(isAlive(await deadProcess())).toBe(false);
    expect(isAlive({ ...nameProcess(process.pid)!, boot: 'another' })).toBe(false);
  });

  test('a zombie is dead', async () => {
    // The shell never waits for its child.
    const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 100'], { stdio: ['ignore', 'pipe', 'ignore'] });
    const zombie = /^State:\tZ/m;
    const [told] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(told.toString());
    await eventually('a zombie', () => zombie.test(readFileSync(`/proc/${String(pid)}/status`, 'utf8')));
    expect(nameProcess(pid)).toBeUndefined();
    parent.kill('SIGKILL');
    await once(parent, 'exit');
  });

  test.each([0, -1, 1.5, NaN, 2 ** 40])('%p is no pid', (pid) => {
    expect(nameProcess(pid)).toBeUndefined();
    expect(isAlive({ pid, start: '1', boot: thisBoot() })).toBe(false);
  });
});
