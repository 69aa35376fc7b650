/** Any faults in any order: who was stopped gets exactly one of resumeCp and rebuild + resumeRst, for each operation. */
import { describe, expect, test } from '@jest/globals';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import type { RestartOffer } from '../../src/callbacks/messages.js';
import type { Peer } from './scripted-agent.js';
import { prepare, save, stage } from './scripted-agent.js';

const here = stage();

type Fault = 'abort' | 'hang up' | 'die';

/** What happens in one operation. */
interface Plan {
  /** Which callback of which participant throws. */
  readonly failing?: { readonly who: number; readonly callback: 'stop' | 'checkpoint' | 'resumeCp' } | undefined;
  readonly fault?: { readonly at: 'prepare' | 'prepared' | 'save'; readonly how: Fault } | undefined;
  /** What a process in doubt gets to hear before the outcome. */
  readonly evasions: readonly ('hang up' | 'useless welcome' | 'die')[];
  readonly result: 'committed' | 'aborted' | 'restart';
}

const NAMES = ['a', 'b', 'c', 'd'];

const plans = fc.array(
  fc.record<Plan>({
    failing: fc.option(
      fc.record({
        who: fc.nat({ max: NAMES.length - 1 }),
        callback: fc.constantFrom('stop' as const, 'checkpoint' as const, 'resumeCp' as const),
      }),
      { nil: undefined, freq: 2 },
    ),
    fault: fc.option(
      fc.record({
        at: fc.constantFrom('prepare' as const, 'prepared' as const, 'save' as const),
        how: fc.constantFrom<Fault>('abort', 'hang up', 'die'),
      }),
      { nil: undefined },
    ),
    evasions: fc.array(fc.constantFrom('hang up' as const, 'useless welcome' as const, 'die' as const), {
      maxLength: 2,
    }),
    result: fc.constantFrom('committed' as const, 'aborted' as const, 'restart' as const),
  }),
  { minLength: 1, maxLength: 6 },
);

/** The last thing that a participant is told, by what the agent has decided; nothing but a decision commits. */
const LAST = { committed: 'resumeCp', aborted: 'aborted', restart: 'resumeRst' };

interface Lived {
  /** What each participant was told. */
  readonly told: string[][];
  /** What the agent decides when it hears `saved`, or is asked by a process in doubt. */
  decided: Plan['result'];
}

/** Runs the plans one after the other with one process. @returns the operations. */
async function live(plans: readonly Plan[]): Promise<Lived[]> {
  const { agent } = here;
  const process = here.process();
  const lived: Lived[] = [];
  let number = 0;
  const tell = (who: number, what: string): void => {
    lived[number]?.told[who]?.push(what);
    const failing = plans[number]?.failing;
    if (failing?.who === who && failing.callback === what) throw new Error(what);
  };
  NAMES.forEach((name, who) => {
    process.register({
      name,
      priority: who >> 1,
      stop: () => {
        tell(who, 'stop');
      },
      checkpoint: () => {
        tell(who, 'checkpoint');
      },
      resumeCp: ({ aborted }) => {
        tell(who, aborted ? 'aborted' : 'resumeCp');
      },
      rebuild: () => {
        tell(who, 'rebuild');
      },
      resumeRst: () => {
        tell(who, 'resumeRst');
      },
    });
  });

  let peer = await agent.welcomes();
  await process.ready();
  for (const plan of plans) {
    const operation: Lived = { told: NAMES.map(() => []), decided: 'aborted' };
    lived.push(operation);
    peer = await undergo(operation, peer, plan, 2 * number + 1);
    number++;
  }
  peer.say({ type: 'end', reason: 'enough' });
  await peer.closed;
  return lived;
}

/** @returns the connection at the end of the operation. */
async function undergo(operation: Lived, first: Peer, plan: Plan, op: number): Promise<Peer> {
  const { agent } = here;
  const directory = await mkdtemp(join(here.directory, 'version-'));
  const evasions = [...plan.evasions];

  const die = async (): Promise<void> => {
    await agent.die();
    await agent.listen();
  };
  const fault = async (at: string, peer: Peer): Promise<void> => {
    if (plan.fault?.at !== at) return;
    if (plan.fault.how === 'abort') peer.say({ type: 'abort', op, reason: 'as planned' });
    else if (plan.fault.how === 'hang up') await peer.hangUp();
    else await die();
  };

  return new Promise<Peer>((resolve, reject) => {
    const listen = async (peer: Peer): Promise<void> => {
      for (;;) {
        const message = await peer.next();
        if (message.type === 'prepared') {
          await fault('prepared', peer);
          peer.say(save(op, directory));
          await fault('save', peer);
        } else if (message.type === 'veto') {
          peer.say({ type: 'abort', op, reason: message.reason });
        } else if (message.type === 'saved') {
          operation.decided = plan.result;
        } else if (message.type === 'rebuilt') {
          peer.say({ type: 'all_rebuilt', op: op + 1 });
        } else if (message.type === 'resumed') {
          resolve(peer);
          return;
        }
      }
    };
    const answer = async (peer: Peer): Promise<void> => {
      const { saved, done } = peer.hello;
      const evasion = saved === undefined ? undefined : evasions.shift();
      if (saved === undefined) {
        peer.welcome();
        if (done === op) resolve(peer);
        else await listen(peer);
      } else if (evasion === 'hang up') await peer.hangUp();
      else if (evasion === 'die') await die();
      else if (evasion === 'useless welcome') peer.welcome();
      else {
        operation.decided = plan.result;
        peer.welcome(
          plan.result === 'restart'
            ? { incarnation: op, generation: op, restart: restart(op + 1, directory) }
            : { outcome: { op, result: plan.result, deadline_ms: 10_000 } },
        );
        await listen(peer);
      }
    };
    agent.onArrival = (peer) => {
      answer(peer).catch(reject);
    };
    first.say(prepare(op));
    fault('prepare', first)
      .then(() => listen(first))
      .catch(reject);
  }).finally(() => {
    agent.onArrival = undefined;
  });
}

const restart = (op: number, directory: string): RestartOffer => ({
  op,
  generation: op,
  directory,
  participants: [],
  previous_host: 'n1',
  committed_ms: 0,
  deadline_ms: 10_000,
});

/** All that may be told to one participant in one operation. */
const LIVES = [
  [],
  ['stop', 'aborted'],
  ['stop', 'checkpoint', 'aborted'],
  ['stop', 'checkpoint', 'resumeCp'],
  ['stop', 'checkpoint', 'rebuild', 'resumeRst'],
].map((life) => life.join(' '));

describe('whatever happens', () => {
  test('who was stopped is resumed or rebuilt, once, and as the agent has decided', async () => {
    await fc.assert(
      fc.asyncProperty(plans, async (planned) => {
        const lived = await live(planned);
        expect(lived).toHaveLength(planned.length);
        for (const { told, decided } of lived) {
          const lives = told.map((life) => life.join(' '));
          for (const life of lives) expect(LIVES).toContain(life);
          const ends = told.filter((life) => life.length > 0).map((life) => life.at(-1));
          expect(ends).toEqual(ends.map(() => LAST[decided]));
        }
      }),
      { numRuns: process.env['XOSAGA_LONG'] === '1' ? 1000 : 40 },
    );
  }, 300_000);
});
