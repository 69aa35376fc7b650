import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Strip } from '../../examples/terrain/diffusion.js';
import { encode } from '../../examples/terrain/grid.js';
import { Halo, Link } from '../../examples/terrain/halo.js';
import { diffuse, gather, type Neighbour, type Neighbours, rowsOf } from '../../examples/terrain/strips.js';

/** As `npm test` has built it. */
const WORKER = fileURLToPath(new URL('../../dist/examples/terrain/worker.js', import.meta.url));
/** Of the final elevations of the small size: changes when the numerics change, and then on purpose. */
const SMALL_SHA256 = 'f29f7b1192183d02097e17073445aee64297970a0fdc5790798d5d777b25f94b';

const ROWS = 23;
const COLUMNS = 19;
const start = Float64Array.from({ length: ROWS * COLUMNS }, (_, k) => 100 + ((k * 7919) % 101) / 7);

jest.setTimeout(60_000); // eleven processes, on a machine that may be busy

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'xosaga-test-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

/** The computation of one process. */
async function part(rank: number, size: number, neighbours: Neighbours): Promise<Float64Array | undefined> {
  const { first, end } = rowsOf(rank, size, ROWS);
  const strip = new Strip(start.slice(first * COLUMNS, end * COLUMNS), COLUMNS);
  await diffuse(strip, neighbours, 0.2, 40);
  return gather(strip, neighbours, ROWS - end);
}

function wholeGrid(): Promise<Float64Array | undefined> {
  return part(0, 1, { above: undefined, below: undefined });
}

/** Two ends of a channel in this process. */
function channel(): [Neighbour, Neighbour] {
  const end = (
    outbox: Float64Array[],
    inbox: Float64Array[],
    waiting: { ours?: () => void; theirs?: () => void },
    mine: 'ours' | 'theirs',
  ): Neighbour => ({
    send(row) {
      outbox.push(row.slice());
      waiting[mine === 'ours' ? 'theirs' : 'ours']?.();
      return Promise.resolve();
    },
    async receive(into) {
      while (inbox.length === 0) await new Promise<void>((resolve) => (waiting[mine] = resolve));
      into.set(inbox.shift()!);
    },
  });
  const [a, b, waiting] = [[], [], {}] as [Float64Array[], Float64Array[], object];
  return [end(a, b, waiting, 'ours'), end(b, a, waiting, 'theirs')];
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
      const me = { rank, size, columns: COLUMNS, steps: 40 };
      const halo = await Halo.open(me, { directory, patience: 30 });
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

describe('when something is wrong', () => {
  test('a neighbour that does not appear is named', async () => {
    const me = { rank: 1, size: 2, columns: 4, steps: 1 };
    await expect(Halo.open(me, { directory, patience: 0.05 })).rejects.toThrow(
      `process 0 did not appear in ${directory}; all processes of a job must run on one machine`,
    );
    const first = { ...me, rank: 0 };
    await expect(Halo.open(first, { directory, patience: 0.05 })).rejects.toThrow('process 1 did not appear');
  });

  test('a directory of another job is refused at once', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(join(directory, '0.sock'), resolve));
    try {
      const opened = Halo.open({ rank: 0, size: 2, columns: 4, steps: 1 }, { directory, patience: 30 });
      await expect(opened).rejects.toThrow(`${directory} was used by another job`);
    } finally {
      other.close();
    }
  });

  test('processes with different problems do not compute together', async () => {
    const opened = [0, 1].map((rank) =>
      Halo.open({ rank, size: 2, columns: 4, steps: 10 + rank }, { directory, patience: 30 }),
    );
    const results = await Promise.allSettled(opened);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(results.map((result) => (result.status === 'rejected' ? String(result.reason) : ''))).toContainEqual(
      expect.stringContaining('is of another job: 2 processes, 4 columns and 11 steps instead of 2, 4 and 10'),
    );
  });

  test('a neighbour that goes away is noticed by who waits for it', async () => {
    const [a, b] = await links();
    const waiting = a.receive(new Float64Array(3));
    b.destroy();
    await expect(waiting).rejects.toThrow('process 1 is gone, after 0 messages from it');
    await expect(a.send(new Float64Array(3))).rejects.toThrow('is gone');
    a.destroy();
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

describe('a link', () => {
  test('carries rows of all lengths both ways, in order, however they are cut on the way', async () => {
    const [a, b] = await links();
    const rows = [1, 20_000, 3, 70_000].map((length, i) => Float64Array.from({ length }, (_, k) => k + i));
    const received = rows.map(({ length }) => new Float64Array(length));
    const sendAll = async (link: Link) => {
      for (const row of rows) {
        const mine = row.slice();
        await link.send(mine);
        mine.fill(-1); // what was sent is not what is overwritten later
      }
    };
    const receiveAll = async (link: Link, target: readonly Float64Array[]) => {
      for (const row of target) await link.receive(row);
    };
    const back = received.map((row) => row.slice());
    await Promise.all([sendAll(a), sendAll(b), receiveAll(a, back), receiveAll(b, received)]);
    expect(received).toEqual(rows);
    expect(back).toEqual(rows);
    await Promise.all([a.close(), b.close()]);
  });

  test('send waits for a slow receiver instead of piling up', async () => {
    const [a, b] = await links();
    const row = new Float64Array(100_000);
    let sent = 0;
    const sending = (async () => {
      for (; sent < 50; sent++) await a.send(row);
    })();
    await b.receive(row);
    expect(sent).toBeLessThan(10);
    for (let i = 1; i < 50; i++) await b.receive(row);
    await sending;
    expect(sent).toBe(50);
    await Promise.all([a.close(), b.close()]);
  });

  test('a row of another length is refused', async () => {
    const [a, b] = await links();
    await a.send(new Float64Array(3));
    await expect(b.receive(new Float64Array(4))).rejects.toThrow(
      'process 0 sent message 0 of 24 bytes where message 0 of 32 bytes was due',
    );
    await Promise.all([a.close(), b.close()]);
  });
});

/** Two ends of a socket, as ranks 0 and 1 have them. */
async function links(): Promise<[Link, Link]> {
  const path = join(directory, 'pair.sock');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const b = new Link(createConnection(path), 0);
  const a = new Link(await accepted, 1);
  server.close();
  return [a, b];
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
