import { afterEach, describe, expect, test } from '@jest/globals';

import { acceptLink, dialLink } from '../../src/callbacks/grid/sealed-link.js';
import type { Link } from '../../src/callbacks/grid/coordination.js';
import { BEFORE_PROOF, type Wire } from '../../src/callbacks/grid/wire.js';

type TextLink = Link<string, string>;

/** What passes on the way, and what an attacker there makes of it: messages instead of the one that was sent. */
type Way = (message: Buffer, from: 'job' | 'unit', number: number) => Buffer[];

const open: Wire[] = [];
afterEach(() => {
  for (const wire of open.splice(0)) wire.close();
});

function wires(way: Way): { job: Wire; unit: Wire } {
  const counts = { job: 0, unit: 0 };
  let isOpen = true;
  const make = (): Wire => ({
    longest: BEFORE_PROOF,
    send: () => undefined,
    close: () => {
      if (!isOpen) return;
      isOpen = false;
      queueMicrotask(() => {
        job.onClose();
        unit.onClose();
      });
    },
    onMessage: () => undefined,
    onClose: () => undefined,
  });
  const [job, unit] = [make(), make()];
  const connect = (from: 'job' | 'unit', to: Wire) => (message: Buffer) => {
    for (const passed of way(message, from, counts[from]++)) {
      queueMicrotask(() => {
        if (isOpen) to.onMessage(passed);
      });
    }
  };
  job.send = connect('job', unit);
  unit.send = connect('unit', job);
  open.push(job, unit);
  return { job, unit };
}

const SECRET = Buffer.alloc(32, 7);

/** What both sides have heard, and whether the link has ended. */
async function talk(way: Way, secrets: [Buffer, Buffer] = [SECRET, SECRET], jobs: [string, string] = ['j', 'j']) {
  const { job, unit } = wires(way);
  const heard = { job: [] as string[], unit: [] as string[] };
  const links: TextLink[] = [];
  let ended = false;
  job.onClose = () => {
    ended = true;
  };
  const use = (side: 'job' | 'unit') => (link: TextLink) => {
    links.push(link);
    link.onMessage = (message) => heard[side].push(message);
    for (const text of ['one', 'two', 'three']) link.send(`${text} of ${side}`);
  };
  acceptLink<string, string>(
    job,
    { job: jobs[0], secret: secrets[0] },
    (name) => name === '1',
    (_, link) => {
      use('job')(link);
    },
  );
  dialLink<string, string>(unit, { job: jobs[1], secret: secrets[1] }, '1', use('unit'));
  for (let turns = 0; turns < 50; turns++) await Promise.resolve();
  return { heard, ended, proven: links.length };
}

const honest: Way = (message) => [message];
const both = {
  job: ['one of unit', 'two of unit', 'three of unit'],
  unit: ['one of job', 'two of job', 'three of job'],
};

describe('a link', () => {
  test('carries what both say, in order', async () => {
    expect(await talk(honest)).toEqual({ heard: both, ended: false, proven: 2 });
  });

  test('is none between two that do not share the secret', async () => {
    expect(await talk(honest, [SECRET, Buffer.alloc(32, 8)])).toMatchObject({ ended: true, proven: 0 });
  });

  test('is none between two jobs that share it', async () => {
    expect(await talk(honest, undefined, ['j', 'k'])).toMatchObject({ ended: true, proven: 0 });
  });

  test('is none when the job checkpointer proves nothing', async () => {
    const way: Way = (message, from, number) => [
      from === 'job' && number === 1 ? Buffer.from('{"proof":""}') : message,
    ];
    const { ended, heard } = await talk(way);
    expect(ended).toBe(true);
    expect(heard.unit).toEqual([]);
  });

  test('is none when the proof of a unit is handed back to it', async () => {
    let proof: Buffer = Buffer.alloc(0);
    const way: Way = (message, from, number) => {
      if (from === 'unit' && number === 0) proof = message;
      return [from === 'job' && number === 1 ? proof : message];
    };
    expect((await talk(way)).heard.unit).toEqual([]);
  });

  // Of the job checkpointer, numbers 0 and 1 are the proof.
  test.each<[string, Way, string[]]>([
    [
      'changed',
      (m, from, n) => {
        if (from !== 'job' || n !== 3) return [m];
        const other = Buffer.from(m);
        other.writeUInt8(other.readUInt8(other.length - 2) ^ 1, other.length - 2);
        return [other];
      },
      ['one of job'],
    ],
    ['left out', (m, from, n) => (from === 'job' && n === 3 ? [] : [m]), ['one of job']],
    ['repeated', (m, from, n) => (from === 'job' && n === 2 ? [m, m] : [m]), ['one of job']],
    ['cut', (m, from, n) => [from === 'job' && n === 3 ? m.subarray(0, 20) : m], ['one of job']],
    ['added', (m, from, n) => (from === 'job' && n === 2 ? [m, Buffer.from('{"type":"end"}')] : [m]), ['one of job']],
  ])('ends when a message is %s on the way', async (_, way, before) => {
    const { heard, ended } = await talk(way);
    expect(heard.unit).toEqual(before);
    expect(ended).toBe(true);
  });

  test('ends when a message is sent back to who said it', async () => {
    const said: Buffer[] = [];
    const way: Way = (message, from, number) => {
      if (from === 'unit' && number === 1) said.push(message);
      return from === 'job' && number === 2 ? said : [message];
    };
    const { heard, ended } = await talk(way);
    expect(heard.unit).toEqual([]);
    expect(ended).toBe(true);
  });
});
