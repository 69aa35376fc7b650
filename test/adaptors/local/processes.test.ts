import { describe, expect, test } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

import {
  dateOf,
  isAlive,
  killJobProcesses,
  now,
  signalProcess,
  thisMachine,
  thisProcess,
} from '../../../src/adaptors/local/processes.js';

const startOf = (pid: number): string =>
  readFileSync(`/proc/${String(pid)}/stat`, 'latin1')
    .split(') ')
    .at(-1)!
    .split(' ')[19]!;

/** Resolves when /proc/PID/stat says so. */
async function untilStat(pid: number, what: string): Promise<void> {
  while (!readFileSync(`/proc/${String(pid)}/stat`, 'latin1').includes(what)) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('a process', () => {
  test('is known by its pid and its start', () => {
    const self = thisProcess();
    expect(self).toEqual({ pid: process.pid, start: startOf(process.pid) });
    expect(isAlive(self)).toBe(true);
    expect(isAlive({ ...self, start: `${self.start}1` })).toBe(false);
    expect(isAlive({ pid: 2 ** 22 + 1, start: self.start })).toBe(false);
  });

  test('is found whatever its program is called', async () => {
    // The name stands between parentheses in /proc/PID/stat, and may hold some itself.
    const child = spawn('/bin/sh', ['-c', 'printf ") Z 1 (" >/proc/$$/comm; echo; read x'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    await once(child.stdout, 'data');
    const name = { pid: child.pid!, start: startOf(child.pid!) };
    expect(isAlive(name)).toBe(true);
    child.stdin.end();
    await once(child, 'exit');
    expect(isAlive(name)).toBe(false);
  });

  test('that has ended and was not waited for is not alive', async () => {
    // The shell becomes a sleep, which does not wait for the shell's child.
    const parent = spawn('/bin/sh', ['-c', '(read x) <&3 3<&- & echo $!; exec sleep 1000 3<&-'], {
      stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
    });
    const [line] = (await once(parent.stdout!, 'data')) as [Buffer];
    const name = { pid: Number(line.toString()), start: startOf(Number(line.toString())) };
    expect(isAlive(name)).toBe(true);
    // As long as it is a shell, it may still wait for its child.
    await untilStat(parent.pid!, '(sleep)');
    process.kill(name.pid, 'SIGKILL');
    await untilStat(name.pid, ') Z ');
    expect(isAlive(name)).toBe(false);
    expect(signalProcess(name, 'SIGTERM')).toBe(false);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
  });

  test('gets a signal only if it is the one that is meant', async () => {
    const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
    await once(child, 'spawn');
    const name = { pid: child.pid!, start: startOf(child.pid!) };
    expect(signalProcess({ ...name, start: '1' }, 'SIGKILL')).toBe(false);
    expect(isAlive(name)).toBe(true);
    expect(signalProcess(name, 'SIGTERM')).toBe(true);
    expect(await once(child, 'exit')).toEqual([null, 'SIGTERM']);
    expect(signalProcess(name, 'SIGTERM')).toBe(false);
  });
});

test('the processes of a job are killed, also those that left its process group; no others are', async () => {
  const id = `processestest.${String(process.pid)}`;
  const start = (mark: string): ChildProcess =>
    spawn('sleep', ['1000'], { stdio: 'ignore', detached: true, env: { ...process.env, XOSAGA_JOB_ID: mark } });
  const mine = start(id);
  const also = start(id);
  const longer = start(`${id}1`);
  await Promise.all([mine, also, longer].map((child) => once(child, 'spawn')));
  const ends = Promise.all([once(mine, 'exit'), once(also, 'exit')]);
  killJobProcesses(id);
  expect(await ends).toEqual([
    [null, 'SIGKILL'],
    [null, 'SIGKILL'],
  ]);
  expect(longer.exitCode).toBeNull();
  longer.kill('SIGKILL');
  expect(await once(longer, 'exit')).toEqual([null, 'SIGKILL']);
});

describe('the clock of the journals', () => {
  test('counts from the boot, and leads back to a date', () => {
    const { boot, epochAtBoot } = thisMachine();
    expect(boot).toBe(readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim());
    const time = now();
    expect(time).toMatch(/^\d+\.\d\d$/);
    expect(Math.abs(dateOf(time, epochAtBoot)!.getTime() - Date.now())).toBeLessThan(2000);
  });

  test('counts from the epoch where there is no such clock', () => {
    expect(dateOf('@1700000000.5', 12345)?.getTime()).toBe(1_700_000_000_500);
    expect(dateOf('10.25', 1_700_000_000)?.getTime()).toBe(1_700_000_010_250);
    expect(dateOf('soon', 1_700_000_000)).toBeUndefined();
  });
});
