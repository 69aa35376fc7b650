/** How programs end, and that they can share a home. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { privateHome } from '../support/home.js';
import { allGone, killAll, Program } from './processes.js';

const paths = privateHome();
let gate = 0;

/** Jobs that read a line of the gate wait until the test lets them go. */
beforeAll(() => {
  execFileSync('mkfifo', [join(paths.directory, 'gate')]);
  gate = openSync(join(paths.directory, 'gate'), 'r+');
});
afterAll(() => {
  closeSync(gate);
  killAll(`XOSAGA_HOME=${paths.home}`);
});

const waiting = (): string => `read x <'${join(paths.directory, 'gate')}'`;

function run(name: string, options: object, kind = 'auto'): Program {
  return new Program(name, options, { XOSAGA_HOME: paths.home, XOSAGA_LAUNCHER: kind });
}

/** What another process sees of all jobs. */
async function seen(): Promise<Record<string, { state: string }>> {
  const look = run('look', {});
  const all = (await look.first('seen')) as Record<string, { state: string }>;
  await look.success();
  return all;
}

describe.each(['native', 'sh'])('a program, with the %s launcher,', (kind) => {
  test('that submits and is done ends at once; its job goes on, and others see its end', async () => {
    const program = run('sessions', { way: 'leave', script: waiting() }, kind);
    const id = String(await program.first('ran'));
    await program.success();
    expect((await seen())[id]?.state).toBe('Running');
    writeSync(gate, '\n');
    await allGone(`XOSAGA_HOME=${paths.home}`);
    expect((await seen())[id]?.state).toBe('Done');
  });

  test('that submits more than a pipe holds and is done has submitted all of it', async () => {
    const extra = Array.from({ length: 4 }, () => 'x'.repeat(20_000));
    const program = run('sessions', { way: 'leaveMany', script: 'true', count: 20, extra }, kind);
    const ids = (await program.first('ran')) as string[];
    await program.success();
    await allGone(`XOSAGA_HOME=${paths.home}`);
    const all = await seen();
    expect(ids).toHaveLength(20);
    expect(ids.map((id) => all[id]?.state)).toEqual(ids.map(() => 'Done'));
  });

  test('that waits for a job lives until the job ends', async () => {
    const program = run('sessions', { way: 'wait', script: waiting() }, kind);
    const id = String(await program.first('ran'));
    // Long enough for it to end if nothing held it: another program starts and ends meanwhile.
    expect((await seen())[id]?.state).toBe('Running');
    expect(program.isOver).toBe(false);
    writeSync(gate, '\n');
    await program.success();
    expect(program.all('waited')).toEqual([true]);
  });

  test('that closes its service ends, whatever it had followed', async () => {
    const program = run('sessions', { way: 'close', script: waiting() }, kind);
    const id = String(await program.first('ran'));
    await program.success();
    expect(program.all('closed')).toEqual([true]);
    expect(program.all('refused')).toEqual([expect.stringContaining('closed')]);
    expect((await seen())[id]?.state).toBe('Running');
    writeSync(gate, '\n');
    await allGone(`XOSAGA_HOME=${paths.home}`);
    expect((await seen())[id]?.state).toBe('Done');
  });
});

test('two programs that submit to one home at once do not meet', async () => {
  const programs = [run('batch', { count: 100 }), run('batch', { count: 100 })];
  const ids = (await Promise.all(programs.map((program) => program.first('ids')))) as string[][];
  await Promise.all(programs.map((program) => program.success()));
  const all = await seen();
  expect(new Set(ids.flat()).size).toBe(200);
  expect(ids.flat().filter((id) => all[id]?.state !== 'Done')).toEqual([]);
}, 30_000);
