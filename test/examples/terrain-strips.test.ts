import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { Computation } from '../../examples/terrain/computation.js';
import { Strip } from '../../examples/terrain/diffusion.js';
import { encode } from '../../examples/terrain/grid.js';
import { Halo, type HaloOptions } from '../../examples/terrain/halo.js';
import { gather, type Neighbour, type Neighbours, rowsOf } from '../../examples/terrain/strips.js';

/** As `npm test` has built it. */
const WORKER = fileURLToPath(new URL('../../dist/examples/terrain/worker.js', import.meta.url));
/** Of the final elevations of the small size: changes when the numerics change, and then on purpose. */
const SMALL_SHA256 = 'f29f7b1192183d02097e17073445aee64297970a0fdc5790798d5d777b25f94b';

const ROWS = 23;
const COLUMNS = 19;
const STEPS = 40;
const start = Float64Array.from({ length: ROWS * COLUMNS }, (_, k) => 100 + ((k * 7919) % 101) / 7);

jest.setTimeout(60_000); // eleven processes, on a machine that may be busy

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'xosaga-test-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

/** The computation of one process, and what it gathers. */
async function part(rank: number, size: number, neighbours: Neighbours): Promise<Float64Array | undefined> {
  const computation = computationOf(rank, size, neighbours);
  await computation.run();
  return gather(computation.strip, neighbours, ROWS - rowsOf(rank, size, ROWS).end);
}

function computationOf(rank: number, size: number, neighbours: Neighbours): Computation {
  const { first, end } = rowsOf(rank, size, ROWS);
  const strip = new Strip(start.slice(first * COLUMNS, end * COLUMNS), COLUMNS);
  return new Computation(strip, neighbours, 0.2, STEPS);
}

const ALONE: Neighbours = { above: undefined, below: undefined };

function wholeGrid(): Promise<Float64Array | undefined> {
  return part(0, 1, ALONE);
}

/** Two ends of a channel in this process. */
function channel(): [Neighbour, Neighbour] {
  const queues: [Float64Array[], Float64Array[]] = [[], []];
  const waiting: [(() => void)?, (() => void)?] = [];
  const end = (mine: 0 | 1, theirs: 0 | 1): Neighbour => ({
    send(row) {
      queues[theirs].push(row.slice());
      waiting[theirs]?.();
      return Promise.resolve();
    },
    async receive() {
      while (queues[mine].length === 0) await new Promise<void>((resolve) => (waiting[mine] = resolve));
      return queues[mine].shift()!;
    },
  });
  return [end(0, 1), end(1, 0)];
}

describe('the rows of a process', () => {
  test.each([1, 2, 3, 5, 23])('%d processes share all rows, evenly', (size) => {
    const parts = Array.from({ length: size }, (_, rank) => rowsOf(rank, size, ROWS));
    expect(parts[0]!.first).toBe(0);
    expect(parts.at(-1)!.end).toBe(ROWS);
    parts.slice(1).forEach(({ first }, i) => {
      expect(first).toBe(parts[i]!.end);
    });
    const counts = parts.map(({ first, end }) => end - first);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
  });

  test('more processes than rows are refused', () => {
    expect(() => rowsOf(0, 24, ROWS)).toThrow('23 rows can be split over 1 to 23 processes, not 24');
  });
});

describe('the result does not depend on the number of processes, to the last bit', () => {
  test.each([2, 3, 5, 23])('%d strips in one process', async (size) => {
    const channels = Array.from({ length: size - 1 }, channel);
    const parts = Array.from({ length: size }, (_, rank) =>
      part(rank, size, { above: channels[rank - 1]?.[1], below: channels[rank]?.[0] }),
    );
    const [whole, ...others] = await Promise.all(parts);
    expect(encode(whole!).equals(encode((await wholeGrid())!))).toBe(true);
    expect(others).toEqual(others.map(() => undefined));
  });

  test.each([2, 3])('%d strips over sockets', async (size) => {
    const parts = Array.from({ length: size }, async (_, rank) => {
      const halo = haloOf(rank, size);
      await halo.open();
      const whole = await part(rank, size, halo);
      await halo.close();
      return whole;
    });
    const [whole] = await Promise.all(parts);
    expect(encode(whole!).equals(encode((await wholeGrid())!))).toBe(true);
    expect(await readdir(directory)).toEqual([]); // the sockets are gone
  });

  test('1, 2, 3 and 5 real processes give the known result', async () => {
    for (const size of [1, 2, 3, 5]) {
      const where = join(directory, String(size));
      await mkdir(where);
      const ends = await Promise.all(Array.from({ length: size }, (_, rank) => worker(where, rank, size)));
      expect(ends.map(({ code, stderr }) => `${code ?? 'signal'} ${stderr}`)).toEqual(ends.map(() => '0 '));
      expect(ends[0]!.stdout).toMatch(/^progress 1 100\n(?:progress \d+ 100\n)*progress 100 100\n$/);
      const result = await readFile(join(where, 'final.f64'));
      expect(createHash('sha256').update(result).digest('hex')).toBe(SMALL_SHA256);
    }
  });
});

describe('a checkpoint', () => {
  test('holds what a new process needs to go on, to the last bit', async () => {
    const before = computationOf(0, 1, ALONE);
    const killed = new Error('killed');
    const running = before.run((done) => {
      if (done === 17) throw killed;
    });
    await expect(running).rejects.toBe(killed);
    await before.checkpoint({ directory });

    const after = computationOf(0, 1, ALONE);
    await after.rebuild({ directory });
    expect(after.done).toBe(17);
    await after.run();
    expect(encode(after.strip.z).equals(encode((await wholeGrid())!))).toBe(true);
  });

  test('between two rows of the halo: none is sent again, none awaited again', async () => {
    const channels = [channel(), channel()] as const;
    const first = part(0, 3, { above: undefined, below: channels[0][0] });
    const third = part(2, 3, { above: channels[1][1], below: undefined });
    const neighbours = { above: channels[0][1], below: channels[1][0] };

    // In its first life the second one gets no sixth row from below: it is saved while it waits for that.
    let rows = 0;
    const below: Neighbour = {
      send: (row) => neighbours.below.send(row),
      receive: () => (++rows === 6 ? new Promise(() => undefined) : neighbours.below.receive()),
    };
    const before = computationOf(1, 3, { ...neighbours, below });
    void before.run();
    while (rows < 6) await nextTurn();
    await nextTurn();
    await before.checkpoint({ directory });
    expect(await readdir(directory)).toEqual(['above.f64', 'progress.json', 'strip.f64']);

    const after = computationOf(1, 3, neighbours);
    await after.rebuild({ directory });
    expect(after.done).toBe(5);
    await after.run();
    await gather(after.strip, neighbours, ROWS - rowsOf(1, 3, ROWS).end);
    expect(encode((await first)!).equals(encode((await wholeGrid())!))).toBe(true);
    await third;
  });

  test('is refused when all is computed', async () => {
    const computation = computationOf(0, 1, ALONE);
    computation.stop();
    await computation.run();
    expect(() => {
      computation.stop();
    }).toThrow('all steps are done, the result is being written');
  });

  test('of another number of processes cannot be used', async () => {
    await computationOf(0, 2, ALONE).checkpoint({ directory });
    await expect(computationOf(0, 3, ALONE).rebuild({ directory })).rejects.toThrow(
      '209 elevations were saved, not 133: the same grid and processes, please',
    );
  });
});

describe('when something is wrong', () => {
  test('a neighbour that does not appear is named', async () => {
    const halo = haloOf(1, 2, { patience: 0.05 });
    await expect(halo.open()).rejects.toThrow(
      `process 0 did not appear in ${directory}; all processes of a job must run on one machine`,
    );
    await halo.abandon();
  });

  test('a directory of another job is refused at once', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(join(directory, '0'), resolve));
    const halo = haloOf(0, 2);
    try {
      await expect(halo.open()).rejects.toThrow('another server listens there');
    } finally {
      await halo.abandon();
      other.close();
    }
  });

  test('processes of different jobs do not compute together', async () => {
    const [first, second] = [haloOf(0, 2), haloOf(1, 3)];
    await first.open();
    await expect(second.open()).rejects.toThrow('this is the server "strip 0 of 2", not "strip 0 of 3"');
    await Promise.all([first.abandon(), second.abandon()]);
  });

  test('a neighbour that goes away is noticed by who waits for it', async () => {
    const [first, second] = [haloOf(0, 2, { patience: 0.05 }), haloOf(1, 2)];
    await Promise.all([first.open(), second.open()]);
    await second.above!.send(new Float64Array(COLUMNS));
    await first.below!.receive();
    const waiting = first.below!.receive();
    await Promise.all([expect(waiting).rejects.toThrow(/has not been there|given up/), second.abandon()]);
    await first.abandon();
  });

  test('a neighbour that is done and has sent too little is noticed', async () => {
    const [first, second] = [haloOf(0, 2), haloOf(1, 2)];
    await Promise.all([first.open(), second.open()]);
    await second.above!.send(new Float64Array(COLUMNS));
    await Promise.all([first.below!.receive(), second.close()]);
    await expect(first.below!.receive()).rejects.toThrow('the neighbour is done and has sent no row');
    await first.close();
  });

  test('a row of another length is refused', async () => {
    const [first, second] = [haloOf(0, 2), haloOf(1, 2, { columns: 3 })];
    await Promise.all([first.open(), second.open()]);
    await second.above!.send(new Float64Array(3));
    await expect(first.below!.receive()).rejects.toThrow('a row of 24 bytes instead of 152');
    await Promise.all([first.abandon(), second.abandon()]);
  });

  test('a worker without its neighbour ends with the reason', async () => {
    const missing = worker(directory, 1, 2, ['--sockets', '/dev/null/no-directory']);
    await expect(missing).resolves.toMatchObject({ code: 1, stderr: expect.stringMatching(/^process 1: .*ENOTDIR/) });
    const wrong = worker(directory, 0, 1, ['--size', 'huge']);
    await expect(wrong).resolves.toMatchObject({
      code: 1,
      stderr: "process 0: size is one of full, small, not 'huge'\n",
    });
  });
});

/** The connections of one of several processes, all of them in this one. */
function haloOf(rank: number, size: number, options: Partial<HaloOptions> = {}): Halo {
  return new Halo({ rank, size, columns: COLUMNS, directory, patience: 30, ...options });
}

interface End {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Starts one process of the small size. */
function worker(cwd: string, rank: number, size: number, args: readonly string[] = []): Promise<End> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, XOSAGA_RANK: String(rank), XOSAGA_SIZE: String(size) };
    const child = spawn(process.execPath, [WORKER, '--size', 'small', ...args], { cwd, env });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
    child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
    child.once('error', reject);
    child.once('close', (code) => {
      resolve({ code, stdout, stderr });
    });
  });
}
