/**
 * The proof: processes that exchange more than ten thousand numbered messages a second are checkpointed, killed and restarted again
 * and again, and no message is lost, repeated or reordered; every checkpoint ends once for every participant, and nobody is stuck.
 *
 * `XOSAGA_LONG=1` makes a thousand rounds of it, `XOSAGA_ROUNDS` any other number, `XOSAGA_SEED` repeats those of a run; with `XOSAGA_KIND` all are of
 * that kind (oracle-rounds.ts).
 */
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Random, SEED } from '../faults/random.js';
import { ExchangeJob, type ExchangeOptions } from './exchange-job.js';
import { ENDS, kinds, ROUNDS } from './oracle-rounds.js';

const LONG = process.env['XOSAGA_LONG'] === '1';
const COUNT = Number(process.env['XOSAGA_ROUNDS'] ?? (LONG ? 1000 : 100));
/** Rounds of one job, from its start to its end. */
const ROUNDS_OF_A_JOB = 20;
/** Messages a second of each process to each other one: together twice as many. */
const RATE = 12_000;

const base = mkdtempSync(join(tmpdir(), 'xosaga-oracle-'));
const jobs: ExchangeJob[] = [];

afterEach(async () => {
  for (const job of jobs.splice(0)) await job.kill();
});
afterAll(() => {
  rmSync(base, { recursive: true, force: true });
});

function jobOf(options: Omit<ExchangeOptions, 'directory' | 'rate'>): ExchangeJob {
  const job = new ExchangeJob({ ...options, directory: mkdtempSync(join(base, 'job-')), rate: RATE });
  jobs.push(job);
  return job;
}

describe(`processes that exchange messages, XOSAGA_SEED=${String(SEED)}`, () => {
  const random = new Random(SEED);
  const next = kinds(random);
  const ONLY = process.env['XOSAGA_KIND'];

  for (let first = 0; first < COUNT; first += ROUNDS_OF_A_JOB) {
    const rounds = Math.min(ROUNDS_OF_A_JOB, COUNT - first);
    const number = first / ROUNDS_OF_A_JOB;
    const size = number % 3 === 2 ? 3 : 2;
    const tcp = number % 2 === 1;
    const names = Array.from({ length: rounds }, () => ONLY ?? next.next().value);
    const seed = random.below(2 ** 31);

    test(`${String(size)} processes${tcp ? ' over TCP' : ''}, rounds ${String(first + 1)} to ${String(first + rounds)}`, async () => {
      const job = jobOf({ size, tcp });
      const round = { job, random: new Random(seed) };
      const done: string[] = [];
      job.start();
      await job.settled();
      await job.checkpoint();
      await job.settled();
      for (const name of names) {
        try {
          done.push(name);
          await ROUNDS[name]!(round);
          await job.settled();
        } catch (error) {
          throw new Error(`XOSAGA_SEED=${String(SEED)}: ${done.join('; ')}:\n${(error as Error).message}`, {
            cause: error,
          });
        }
      }
      const all = await job.finish(round.random.pick(ENDS)(round));
      for (const [rank, lines] of all.entries()) {
        for (const [peer, { received, receivedDigest }] of Object.entries(lines)) {
          const { sent, sentDigest } = all[Number(peer)]![rank]!;
          expect({ received, receivedDigest }).toEqual({ received: sent, receivedDigest: sentDigest });
        }
      }
    }, 600_000);
  }

  test('without the drain the flaw is seen', async () => {
    const job = jobOf({ size: 2, drain: false });
    job.start();
    const hurt = async (): Promise<void> => {
      await job.settled();
      for (let round = 0; round < 10; round++) {
        await job.checkpoint();
        process.kill(job.pidOf(1), 'SIGKILL');
        job.incarnation += 1;
        await job.settled();
      }
    };
    await expect(hurt()).rejects.toThrow(/violation|has received \d+ of \d+/);
  }, 120_000);
});
