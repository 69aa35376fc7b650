import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';

import { afterAll, afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';

import { eventually, launchers, processesOf, removeScratch, Segment, type JobWish, type Launcher } from './launched.js';

const sh = (script: string, ...args: string[]): JobWish => ({ argv: ['/bin/sh', '-c', script, 'sh', ...args] });

jest.setTimeout(30_000);
afterAll(removeScratch);

describe.each(launchers())('the files of a job of the $name launcher', (kind) => {
  let segment: Segment;
  let launcher: Launcher;

  beforeEach(() => {
    segment = new Segment(kind);
    launcher = segment.launcher();
    writeFileSync(segment.file('source'), 'text\n');
  });

  afterEach(async () => {
    await segment.close();
  });

  type Step = NonNullable<JobWish['before']>[number];
  const copy = (source: string, target: string): Step => ({
    verb: 'copy',
    source: segment.file(source),
    target: segment.file(target),
  });
  const append = (source: string, target: string): Step => ({ ...copy(source, target), verb: 'append' });
  const remove = (source: string): Step => ({ verb: 'remove', source: segment.file(source), target: '' });
  /** A source that a copy waits for. */
  const fifo = (name: string): string => {
    execFileSync('mkfifo', [segment.file(name)]);
    return name;
  };

  const records = (n: number): string[] =>
    segment.records(n).map(([word, , , what]) => (word === 'phase' ? `${word} ${what ?? ''}` : (word ?? '')));
  const phase = async (n: number, name: string): Promise<unknown> =>
    eventually(`phase ${name} of job ${String(n)}`, () =>
      segment.records(n, 'phase').some((record) => record[3] === name),
    );
  const temporaries = (): string[] => readdirSync(segment.folder).filter((name) => name.startsWith('.xosaga-'));

  async function run(wish: JobWish): ReturnType<Segment['end']> {
    launcher.submit(1, wish);
    return segment.end(1);
  }

  test('are there when it starts, and brought out before anybody is told of its end', async () => {
    const { outcome } = await run({
      ...sh('cat in >out; echo more >log'),
      before: [copy('source', 'in'), append('source', 'in')],
      after: [copy('out', 'result'), append('log', 'result'), remove('out')],
    });
    expect(outcome).toEqual(['exit', '0', '0']);
    expect(segment.read('result')).toBe('text\ntext\nmore\n');
    expect(existsSync(segment.file('out'))).toBe(false);
    expect(records(1)).toEqual(['start', 'phase staging_in', 'run', 'phase staging_out', 'end']);
    expect(temporaries()).toEqual([]);
  });

  test('that cannot be brought in end it', async () => {
    const { outcome, text } = await run({ ...sh(': >ran'), before: [copy('source', 'in'), copy('missing', 'in2')] });
    expect(outcome).toEqual(['staging', 'in', '0']);
    expect(text).toMatch(/missing.*does not exist$/);
    expect(existsSync(segment.file('ran'))).toBe(false);
    expect(records(1)).toEqual(['start', 'phase staging_in', 'end']);
  });

  test('that cannot be brought out make it fail', async () => {
    const { outcome, text } = await run({ ...sh('echo noise >&2'), after: [copy('missing', 'result')] });
    expect(outcome).toEqual(['staging', 'out', '0']);
    expect(text).toMatch(/missing.*does not exist/);
    expect(text).not.toContain('noise');
  });

  test('that cannot be brought out after a failure are told beside it', async () => {
    const { outcome, text } = await run({
      ...sh('echo own reason >&2; exit 3'),
      error: 'err',
      after: [copy('missing', 'result')],
    });
    expect(outcome).toEqual(['exit', '3', '0']);
    expect(text).toMatch(/^own reason\n[^]*staging out failed: .*missing.*does not exist/);
  });

  test('are brought out after a failure and a limit', async () => {
    await run({ ...sh('echo a >out; exit 3'), after: [copy('out', 'result')] });
    expect(segment.read('result')).toBe('a\n');
    launcher.submit(2, { ...sh('echo b >out; exec sleep 1000'), limits: { wall: 1 }, after: [copy('out', 'result')] });
    expect((await segment.end(2)).outcome).toEqual(['limit', 'wall', '0']);
    expect(segment.read('result')).toBe('b\n');
  });

  test('are not brought out when nothing ran, or after a cancel', async () => {
    const { outcome } = await run({ argv: ['./nothing'], after: [copy('source', 'result')] });
    expect(outcome).toEqual(['failed', 'ENOENT', '0']);
    launcher.submit(2, { ...sh('exec sleep 1000'), after: [copy('source', 'result')] });
    await segment.record(2, 'run');
    process.kill(await segment.keeper(2), 'SIGTERM');
    expect((await segment.end(2)).outcome[0]).toBe('canceled');
    expect(existsSync(segment.file('result'))).toBe(false);
  });

  test('are not waited for after a cancel, on the way in', async () => {
    launcher.submit(1, { ...sh(': >ran'), before: [copy(fifo('pipe'), 'in')] });
    await phase(1, 'staging_in');
    await eventually('the copy', () => processesOf(segment.id(1)).length > 0);
    process.kill(await segment.keeper(1), 'SIGTERM');
    expect((await segment.end(1)).outcome[0]).toBe('canceled');
    await eventually('the end of the copy', () => processesOf(segment.id(1)).length === 0);
    expect(existsSync(segment.file('ran'))).toBe(false);
    expect(temporaries()).toEqual([]);
  });

  test('are not waited for after a cancel, on the way out', async () => {
    for (const [i, code] of [0, 3].entries()) {
      const n = i + 1;
      launcher.submit(n, { ...sh(`exit ${String(code)}`), after: [copy(fifo(`pipe${String(n)}`), 'result')] });
      await phase(n, 'staging_out');
      await eventually('the copy', () => processesOf(segment.id(n)).length > 0);
      process.kill(await segment.keeper(n), 'SIGTERM');
      expect((await segment.end(n)).outcome[0]).toBe('canceled');
    }
    expect(existsSync(segment.file('result'))).toBe(false);
    expect(temporaries()).toEqual([]);
  });

  test('leave nothing half when the script is killed', async () => {
    mkdirSync(segment.file('d'));
    symlinkSync('d/real', segment.file('target'));
    launcher.submit(1, { argv: ['/bin/true'], before: [copy('source', 'first'), copy(fifo('pipe'), 'target')] });
    const half = (): string[] => readdirSync(segment.file('d'));
    await eventually('the temporary file', () => half().length === 1);
    const groups = processesOf(segment.id(1)).map((pid) =>
      execFileSync('ps', ['-o', 'pgid=', '-p', String(pid)]).toString(),
    );
    for (const group of new Set(groups)) process.kill(-Number(group), 'SIGKILL');
    const { outcome } = await segment.end(1);
    expect(outcome).toEqual(['staging', 'in', '0']);
    expect(half()).toEqual([]);
  });

  test('on their way out keep nobody from its place', async () => {
    const places = [segment.places(1, 1)];
    launcher.submit(1, { argv: ['/bin/true'], places, after: [copy(fifo('pipe'), 'result')] });
    await phase(1, 'staging_out');
    launcher.submit(2, { argv: ['/bin/true'], places });
    await segment.end(2);
    writeFileSync(segment.file('pipe'), 'late\n');
    expect((await segment.end(1)).outcome).toEqual(['exit', '0', '0']);
    expect(segment.read('result')).toBe('late\n');
  });

  test('on their way in are not held', async () => {
    launcher.submit(1, { argv: ['/bin/true'], before: [copy(fifo('pipe'), 'in')] });
    await phase(1, 'staging_in');
    segment.append('hold 1 1.5');
    process.kill(await segment.keeper(1), 'SIGUSR2');
    writeFileSync(segment.file('pipe'), 'late\n');
    expect((await segment.end(1)).outcome).toEqual(['exit', '0', '0']);
    expect(records(1)).not.toContain('phase held');
  });

  test('are brought out whatever environment it has', async () => {
    const { outcome } = await run({
      ...sh('echo x >out'),
      environment: ['PATH=/nowhere', 'IFS=o', 'ENV=/nowhere'],
      after: [copy('out', 'result')],
    });
    expect(outcome).toEqual(['exit', '0', '0']);
    expect(segment.read('result')).toBe('x\n');
  });

  test('have names of any bytes', async () => {
    const name = "a 'b'\n$c * \xff";
    mkdirSync(segment.file('d'));
    await run({ argv: ['/bin/true'], before: [copy('source', name)], after: [copy(name, `d/${name}`)] });
    const listed = execFileSync('find', [segment.file('d'), '-type', 'f', '-print0']).toString('latin1');
    expect(listed.length).toBeGreaterThan(segment.file('d').length);
  });

  if (kind.exact) {
    test.each(['staging_in', 'staging_out'])('leave nothing half when the keeper is killed during %s', async (when) => {
      mkdirSync(segment.file('d'));
      writeFileSync(segment.file('d/real'), 'old\n');
      symlinkSync('d/real', segment.file('target'));
      const step = [copy('source', 'first'), copy(fifo('pipe'), 'target')];
      launcher.submit(1, { argv: ['/bin/true'], ...(when === 'staging_in' ? { before: step } : { after: step }) });
      await phase(1, when);
      const half = (): string[] => readdirSync(segment.file('d')).filter((name) => name.startsWith('.xosaga-'));
      await eventually('the temporary file', () => half().length === 1);
      process.kill(await segment.keeper(1), 'SIGKILL');
      await segment.record(1, 'lost');
      expect(processesOf(segment.id(1))).toEqual([]);
      expect(half()).toEqual([]);
      expect(segment.read('d/real')).toBe('old\n');
      expect(segment.records(1, 'end')).toEqual([]);
    });

    test('need three fields a step', async () => {
      const good = segment.frame(1, { argv: ['/bin/true'], before: [remove('x')] }).toString();
      expect(good).toContain('remove');
      const frame = Buffer.from(segment.frame(1, { argv: ['/bin/true'], before: [remove('x')] }));
      frame.write('2', frame.indexOf('\x003\0remove') + 1);
      launcher.write(frame);
      await launcher.end();
      expect(launcher.complaints).toBe('bad frame\n');
    });
  }
});
