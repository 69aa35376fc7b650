/**
 * SIGKILL at random instants: of the submitter, of its launcher, of the keeper of a job. No job may be lost, run twice, or be
 * told to have ended otherwise than it did. `XOSAGA_LONG=1`: 50 instants for each of the three and each launcher.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';

import { allGone, childrenOf, eventually, killAll, processesWith, Program } from './processes.js';
import { Random, SEED } from './random.js';

const VICTIMS = ['submitter', 'launcher', 'keeper'] as const;
type Victim = (typeof VICTIMS)[number];
type Kind = 'native' | 'sh';

const LONG = process.env['XOSAGA_LONG'] === '1';
/** Instants for each victim. */
const ROUNDS: Record<Kind, number> = LONG ? { native: 50, sh: 50 } : { native: 9, sh: 8 };
/** Milliseconds from the first submission in which the kill falls: about as long as the submissions take. */
const SPAN: Record<Kind, number> = { native: 40, sh: 120 };
const JOBS = 12;
const AT_ONCE = 2;

interface Seen {
  readonly state: string;
  readonly failure: string;
}

const directory = mkdtempSync(join(tmpdir(), 'xosaga-kill-'));
const warm = join(directory, 'warm');
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** Compiles the native launcher once; every round has a home of its own. */
beforeAll(async () => {
  const program = new Program('submit', { scripts: ['true'] }, { XOSAGA_HOME: warm, XOSAGA_LAUNCHER: 'native' });
  await program.success();
});

/** One kill in a home of its own. */
class Round {
  readonly #home: string;
  readonly #kind: Kind;
  readonly #victim: Victim;
  readonly #random: Random;
  readonly #ledger: string;
  readonly #gate: string;
  /** The entry that all processes of the round have in their environment. */
  readonly #mark: string;

  constructor(kind: Kind, victim: Victim, number: number) {
    this.#home = join(directory, `${kind}-${victim}-${String(number)}`);
    this.#kind = kind;
    this.#victim = victim;
    this.#random = new Random(SEED + VICTIMS.indexOf(victim) * 1000 + (kind === 'sh' ? 100_000 : 0) + number);
    this.#ledger = `${this.#home}.ledger`;
    this.#gate = `${this.#home}.gate`;
    this.#mark = `XOSAGA_HOME=${this.#home}`;
  }

  /** What was wrong; nothing, it is hoped. */
  async problems(): Promise<string[]> {
    execFileSync('mkfifo', [this.#gate]);
    writeFileSync(this.#ledger, '');
    if (existsSync(join(warm, 'native')))
      cpSync(join(warm, 'native'), join(this.#home, 'native'), { recursive: true, mode: 0 });
    execFileSync('chmod', ['700', this.#home]);
    const gate = openSync(this.#gate, 'r+');
    try {
      return await this.#play(gate);
    } catch (error) {
      return [String(error), this.#journal()];
    } finally {
      closeSync(gate);
      killAll(this.#mark);
    }
  }

  async #play(gate: number): Promise<string[]> {
    const environment = { XOSAGA_HOME: this.#home, XOSAGA_LAUNCHER: this.#kind };
    const program = new Program('submit', { scripts: this.#scripts() }, environment);
    await program.first('ready');
    await after(this.#random.next() * SPAN[this.#kind]);
    const launcher = childrenOf(program.pid)[0]!;
    const keeper = await this.#kill(program, launcher);

    // Those who wait may go on; a newline each.
    writeSync(gate, '\n'.repeat(JOBS));
    if (this.#victim === 'submitter') await program.exited;
    else await Promise.race([program.success(), impatience(20)]);
    await allGone(this.#mark);

    const look = new Program('look', {}, environment);
    const seen = (await look.first('seen')) as Record<string, Seen>;
    await look.success();
    const problems = this.#judge(program, seen, keeper);
    return problems.length > 0 ? [...problems, this.#journal()] : [];
  }

  /** Jobs that end at once, that take a moment, and that wait until the kill is over; each leaves a line in the ledger. */
  #scripts(): string[] {
    const entry = `printf '%s\\n' "$XOSAGA_JOB_ID" >>'${this.#ledger}'`;
    return Array.from({ length: JOBS }, () =>
      this.#random.pick([
        entry,
        `sleep 0.0${String(1 + this.#random.below(9))}; ${entry}`,
        `read x <'${this.#gate}'; ${entry}`,
      ]),
    );
  }

  /** @returns the keeper that was killed. */
  async #kill(program: Program, launcher: number): Promise<number | undefined> {
    if (this.#victim === 'submitter') process.kill(program.pid, 'SIGKILL');
    else if (this.#victim === 'launcher') process.kill(launcher, 'SIGKILL');
    else {
      const keeper = await eventually('a keeper', () => {
        const keepers = childrenOf(launcher);
        if (keepers.length > 0) return this.#random.pick(keepers);
        return program.all('submitted').length > 0 && 'none';
      });
      if (keeper === 'none') return undefined;
      try {
        process.kill(keeper, 'SIGKILL');
      } catch {
        return undefined; // it ended in this very moment
      }
      return keeper;
    }
    return undefined;
  }

  #judge(program: Program, seen: Readonly<Record<string, Seen>>, keeper: number | undefined): string[] {
    const problems: string[] = [];
    const lines = readFileSync(this.#ledger, 'utf8').split('\n').filter(Boolean);
    const runs = (id: string): number => lines.filter((line) => id.endsWith(`[${line}]`)).length;
    const ran = program.all('ran') as string[];

    for (const id of ran) if (!(id in seen)) problems.push(`${id} is lost`);
    for (const line of new Set(lines)) {
      if (!Object.keys(seen).some((id) => id.endsWith(`[${line}]`))) problems.push(`${line} ran and is not listed`);
    }
    for (const [id, { state, failure }] of Object.entries(seen)) {
      const count = runs(id);
      if (count > 1) problems.push(`${id} ran ${String(count)} times`);
      if (state === 'Done') {
        if (count === 0) problems.push(`${id} is Done and never ran`);
      } else if (state !== 'Failed') problems.push(`${id} is ${state}, and nothing of it lives`);
      else if (failure.includes('never started')) {
        if (count > 0) problems.push(`${id} ran and is told never to have started`);
        // What was submitted before the submitter died was handed over before, too.
        if (ran.includes(id)) problems.push(`${id} was submitted and never started`);
      } else if (!failure.includes('outcome unknown')) problems.push(`${id} failed: ${failure}`);
      else if (keeper === undefined) problems.push(`${id} has no outcome, and no keeper was killed`);
    }
    const unknown = Object.values(seen).filter(({ state }) => state === 'Failed').length;
    if (this.#victim === 'keeper' && unknown > 1)
      problems.push(`one keeper was killed, ${String(unknown)} jobs failed`);
    for (const { id, state } of program.all('ended') as { id: string; state: string }[]) {
      if (seen[id]?.state !== state) problems.push(`${id} was told ${state}, then ${String(seen[id]?.state)}`);
    }
    if (this.#victim !== 'submitter' && program.all('ended').length !== JOBS)
      problems.push('the submitter missed an end');
    return problems;
  }

  /** What is known, for the report of a failure. */
  #journal(): string {
    const events = execFileSync('sh', ['-c', `cat '${this.#home}'/local/*/events | grep . || true`], {
      encoding: 'utf8',
    });
    return `${events}\nalive: ${processesWith(this.#mark).join(' ')}`;
  }
}

async function impatience(seconds: number): Promise<never> {
  await after(seconds * 1000, undefined, { ref: false });
  throw new Error(`the submitter has not ended after ${String(seconds)} s`);
}

describe.each(['native', 'sh'] as const)('with the %s launcher, SIGKILL at random instants', (kind) => {
  test.each(VICTIMS)(
    'of the %s loses, doubles and misreports no job',
    async (victim) => {
      const failures: Record<string, string[]> = {};
      let next = 0;
      const worker = async (): Promise<void> => {
        for (let number = next++; number < ROUNDS[kind]; number = next++) {
          const problems = await new Round(kind, victim, number).problems();
          if (problems.length > 0) failures[`seed ${String(SEED)}, round ${String(number)}`] = problems;
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
      expect(failures).toEqual({});
    },
    LONG ? 300_000 : 60_000,
  );
});
