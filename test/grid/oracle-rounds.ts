/** What is done to a job of processes that exchange messages, one round after the other (oracle.test.ts). */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Random } from '../faults/random.js';
import type { ExchangeJob, Order } from './exchange-job.js';

/** Milliseconds in which all phases of a checkpoint can pass. */
const A_WHILE = 40;
/** Milliseconds that the others wait for the one that is to be killed. */
const A_LONG_WHILE = 150;

/** Where a process is when something is killed, and what the others do to let it come there. */
interface Phase {
  readonly at: string;
  /** The order is obeyed this long after the callback has ended. */
  readonly later?: boolean;
  readonly others?: string;
}

const PHASES: Readonly<Record<string, Phase>> = {
  STOPPING: { at: 'stop exchange' },
  'STOPPING, drained': { at: 'stop last' },
  PREPARED: { at: 'stoped last', later: true, others: 'stop exchange' },
  SAVING: { at: 'checkpoint exchange' },
  'SAVING, almost done': { at: 'checkpointed last' },
  'IN DOUBT': { at: 'checkpointed last', later: true, others: 'checkpoint exchange' },
  'about the commit': { at: 'checkpointed last', later: true },
  RESUMING: { at: 'resumeCp last' },
  'RESUMING, almost done': { at: 'resumeCped exchange' },
};

/** A job that ends with its checkpoint does not resume. */
function isBeforeTheEnd({ at }: Phase): boolean {
  return !at.startsWith('resume');
}

const REBUILDING: Readonly<Record<string, Phase>> = {
  REBUILDING: { at: 'rebuild last' },
  'REBUILDING, almost done': { at: 'rebuilded exchange' },
  REBUILT: { at: 'rebuilded exchange', later: true, others: 'rebuild exchange' },
  'RESUMING a restart': { at: 'resumeRst last' },
  'RESUMING a restart, almost done': { at: 'resumeRsted exchange' },
};

/** A round ends with a job that runs, and knows in which of its lives. */
export interface Round {
  readonly job: ExchangeJob;
  readonly random: Random;
}

type Whom = 'kill self' | 'kill agent';

function ordersFor({ job, random }: Round, whom: Whom, rank: number, phase: Phase): Record<number, Order[]> {
  const orders: Record<number, Order[]> = {};
  for (let other = 0; other < job.size; other++) {
    if (other === rank) orders[other] = [{ at: phase.at, do: whom, for: phase.later ? random.below(A_WHILE) : 0 }];
    else if (phase.others !== undefined) orders[other] = [{ at: phase.others, do: 'hold', for: A_LONG_WHILE }];
  }
  return orders;
}

/** Kills a process, or the agent, at a point of a checkpoint. */
async function killInCheckpoint(round: Round, whom: Whom, phase: Phase): Promise<void> {
  const { job, random } = round;
  const rank = random.below(job.size);
  job.order(ordersFor(round, whom, rank, phase));
  await job.request();
  await job.obeyed(rank);
  if (whom === 'kill self') job.incarnation += 1;
}

/** The same of a restart. */
async function killInRestart(round: Round, whom: Whom, phase: Phase): Promise<void> {
  const { job, random } = round;
  const rank = random.below(job.size);
  job.incarnation += 1;
  job.order(ordersFor(round, whom, rank, phase));
  process.kill(job.pidOf(random.below(job.size)), 'SIGKILL');
  await job.obeyed(rank);
  if (whom === 'kill self') job.incarnation += 1;
}

/** A checkpoint that comes to nothing, as one of the processes wants it. */
async function refused({ job, random }: Round, order: Order, reason: RegExp): Promise<void> {
  const rank = random.below(job.size);
  job.order({ [rank]: [order] });
  await job.noCheckpoint(reason);
}

/** In every phase of a checkpoint and of a restart. */
function killings(what: string, whom: Whom): Record<string, Kind> {
  const all: Record<string, Kind> = {};
  for (const [name, phase] of Object.entries(PHASES)) {
    all[`${what}, ${name}`] = (round) => killInCheckpoint(round, whom, phase);
  }
  for (const [name, phase] of Object.entries(REBUILDING)) {
    all[`${what}, ${name}`] = (round) => killInRestart(round, whom, phase);
  }
  return all;
}

type Kind = (round: Round) => Promise<void>;

export const ROUNDS: Readonly<Record<string, Kind>> = {
  'a checkpoint': async ({ job }) => {
    await job.checkpoint();
  },
  'a checkpoint that a process asks for': async ({ job, random }) => {
    const rank = random.below(job.size);
    const before = job.outcomes(rank).length;
    job.order({ [rank]: [{ at: 'running', do: 'request' }] });
    await job.eventually('the outcome', () => job.outcomes(rank).slice(before).includes('continued'));
  },
  'the end of the job in a checkpoint, and its start': async ({ job }) => {
    await job.request('stop');
    await job.startAgain();
  },
  'SIGKILL of a process in the checkpoint that ends the job': async (round) => {
    const { job, random } = round;
    const rank = random.below(job.size);
    const life = job.incarnation + 1;
    job.order(ordersFor(round, 'kill self', rank, random.pick(Object.values(PHASES).filter(isBeforeTheEnd))));
    await job.request('stop');
    await job.obeyed(rank);
    // Committed, it has ended; aborted, or killed before the agent had all of it, it was restarted.
    await job.eventually('the end or the next life of the job', () => job.isOver || job.lives === life);
    if (job.isOver) await job.startAgain();
    else job.incarnation = life;
  },
  'SIGKILL of the agent in the checkpoint that ends the job': async (round) => {
    const { job, random } = round;
    const rank = random.below(job.size);
    job.order(ordersFor(round, 'kill agent', rank, random.pick(Object.values(PHASES).filter(isBeforeTheEnd))));
    await job.request('stop');
    await job.obeyed(rank);
    await job.eventually('the decision', () => job.decided !== undefined);
    if (job.decided === 'committed') await job.startAgain();
  },
  'SIGKILL of a process, RUNNING': async ({ job, random }) => {
    job.incarnation += 1;
    process.kill(job.pidOf(random.below(job.size)), 'SIGKILL');
    return Promise.resolve();
  },
  'SIGKILL of the agent, IDLE': async ({ job }) => {
    process.kill(job.agentPid, 'SIGKILL');
    return Promise.resolve();
  },
  'SIGKILL of a process and the agent': async ({ job, random }) => {
    const rank = random.below(job.size);
    const { at } = random.pick(Object.values(PHASES));
    job.order({
      [rank]: [
        { at, do: 'kill agent' },
        { at: 'running', do: 'kill self', for: random.below(A_WHILE) },
      ],
    });
    job.incarnation += 1;
    await job.request();
  },
  'SIGKILL of a process, and of the agent that is to restart the job': async ({ job, random }) => {
    job.incarnation += 1;
    process.kill(job.pidOf(random.below(job.size)), 'SIGKILL');
    await sleep(random.below(A_LONG_WHILE));
    process.kill(job.agentPid, 'SIGKILL');
  },
  'SIGKILL of the unit and its processes': async ({ job }) => {
    await job.killGroup();
    job.incarnation += 1;
    job.start();
  },
  'SIGKILL of the unit and its processes within a checkpoint': async (round) => {
    const { job, random } = round;
    const rank = random.below(job.size);
    const [at, later] = [
      random.pick(['stop exchange', 'checkpoint exchange', 'checkpointed last', 'resumeCp last']),
      random.below(A_WHILE),
    ];
    job.order({ [rank]: [{ at, do: 'hold', for: later }] });
    await job.request();
    await job.obeyed(rank);
    await job.killGroup();
    job.incarnation += 1;
    job.start();
  },
  'a veto': (round) => refused(round, { at: 'stop exchange', do: 'veto' }, /"exchange" vetoed: not now/),
  'a veto of the last': (round) => refused(round, { at: 'stoped last', do: 'veto' }, /"last" vetoed: not now/),
  'a failure to save': (round) => refused(round, { at: 'checkpoint exchange', do: 'throw' }, /the disk is on fire/),
  'a missed deadline of stop': (round) =>
    refused(
      round,
      { at: 'stop tardy', do: 'hold', for: 100, late: 'tardy' },
      /stop of "tardy" has missed its deadline of 0\.05 s/,
    ),
  'a missed deadline of checkpoint': (round) =>
    refused(
      round,
      { at: 'checkpoint tardy', do: 'hold', for: 100, late: 'tardy' },
      /"tardy" has missed its deadline of 0\.05 s/,
    ),
  'a process that is frozen': async ({ job, random }) => {
    const rank = random.below(job.size);
    const pid = job.pidOf(rank);
    process.kill(pid, 'SIGSTOP');
    try {
      await job.noCheckpoint(/did not stop within|has missed its deadline|the other end/, 50);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  },
  'an agent that is frozen within a checkpoint': async ({ job, random }) => {
    const { agentPid: pid } = job;
    const rank = random.below(job.size);
    job.order({ [rank]: [{ at: random.pick(Object.values(PHASES)).at, do: 'hold', for: A_WHILE }] });
    await job.request();
    await job.obeyed(rank);
    process.kill(pid, 'SIGSTOP');
    await sleep(A_LONG_WHILE);
    process.kill(pid, 'SIGCONT');
  },
  'a missed deadline of resumeCp': async ({ job, random }) => {
    const rank = random.below(job.size);
    job.order({ [rank]: [{ at: 'resumeCp tardy', do: 'hold', for: 100, late: 'tardy' }] });
    await job.checkpoint();
  },
  'back to an older version': async ({ job, random }) => {
    await job.restart(random.pick(await job.versions()));
  },
  'back to the beginning': async ({ job }) => {
    await job.restart(0);
  },
  ...killings('SIGKILL of a process', 'kill self'),
  ...killings('SIGKILL of the agent', 'kill agent'),
};

/** What happens while the processes close their channels: nothing, a checkpoint, or a checkpoint in which one of them is killed. */
export const ENDS: readonly ((round: Round) => boolean)[] = [
  () => false,
  () => true,
  ({ job, random }) => {
    job.order({ [random.below(job.size)]: [{ at: random.pick(Object.values(PHASES)).at, do: 'kill self' }] });
    return true;
  },
];

/** All kinds of rounds once, in another order each time, and then again. */
export function* kinds(random: Random): Generator<string, never> {
  for (;;) {
    const left = Object.keys(ROUNDS);
    while (left.length > 0) yield left.splice(random.below(left.length), 1)[0]!;
  }
}
