/** Byte strings of all kinds as arguments, values of the environment and paths: they arrive as they are. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import * as saga from '../../src/index.js';
import { decodeNative, encodeNative } from '../../src/saga/core/native-string.js';
import { privateHome } from '../support/home.js';
import { allGone } from './processes.js';
import { Random, SEED } from './random.js';

const ARGUMENTS = 5600;
const VALUES = 4000;
const PATHS = 400;
/** Strings for one job. */
const AT_ONCE = 400;

const paths = privateHome();
const random = new Random(SEED);

/** What has broken programs before: shells, escapes, options, encodings. */
const NASTY: readonly Buffer[] = [
  ...[
    '',
    ' ',
    '-',
    '--',
    '-n',
    '-e',
    '--help',
    '=',
    'A=b',
    '~',
    '*',
    '?',
    '[a-z]',
    '{a,b}',
    '#',
    '!',
    '!!',
    '&',
    ';',
    '|',
  ],
  ...[
    "'",
    "''",
    "'\\''",
    '"',
    '\\',
    '\\\\',
    '\\n',
    '\n',
    '\n\n',
    'a\n',
    '\na',
    '\r',
    '\r\n',
    '\t',
    '$',
    '$$',
    '$x',
    '${x}',
  ],
  ...[
    '$(id)',
    '`id`',
    '%',
    '%s',
    '%n',
    '%00',
    '%2D',
    '>',
    '<',
    '>>x',
    '(',
    ')',
    'job x',
    "'\n'",
    '"$xo_nl"',
    '\'"$xo_nl"\'',
  ],
  ...['\u0001', '\u007f', '\u001b[0m', '\u0081\u0088', 'ä', '日本語', '😀', '\ufeff', '\ufffd', '\u2028', 'e\u0301'],
].map((text) => Buffer.from(text));
const INVALID: readonly Buffer[] = [
  [0x80],
  [0xff],
  [0xc3],
  [0xc0, 0x80],
  [0xed, 0xa0, 0x80],
  [0xed, 0xb2, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0xf0, 0x9f, 0x98],
  [0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88],
  [0xfe, 0xff, 0x0a],
].map((bytes) => Buffer.from(bytes));

/** Bytes 1 to 255, as in no encoding, with those that are special somewhere more often. */
function bytes(length: number, without: readonly number[] = []): Buffer {
  const special = Buffer.from(` '"\\\n$\`-=\x80\x81\xff`, 'latin1');
  const all = Buffer.alloc(length);
  for (let i = 0; i < length; i++) {
    do all[i] = random.below(4) === 0 ? special[random.below(special.length)]! : 1 + random.below(255);
    while (without.includes(all[i]!));
  }
  return all;
}

function strings(count: number): Buffer[] {
  const known = [...NASTY, ...INVALID];
  return [...known, ...Array.from({ length: count - known.length }, () => bytes(random.below(201)))];
}

/** File names: no slash, and a few nasty ones. */
function names(count: number): Buffer[] {
  const known = [...NASTY, ...INVALID].filter((name) => name.length > 0 && !name.includes('/'));
  const longer = Array.from({ length: count - known.length }, () => bytes(1 + random.below(200), [0x2f]));
  // Each one once, and none that is `.` or `..`.
  return [...known, ...longer].map((name, i) => Buffer.concat([name, Buffer.from(String(i))]));
}

function chunks<T>(values: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(values.length / size) }, (_, i) => values.slice(i * size, (i + 1) * size));
}

/** The strings of a file in which each ends with NUL, as the system has them: exactly what the process was given. */
function list(file: string | Buffer): string[] {
  const all = readFileSync(file);
  return all.length === 0 ? [] : all.subarray(0, -1).toString('latin1').split('\0');
}

const latin1 = (values: readonly Buffer[]): string[] => values.map((value) => value.toString('latin1'));

describe.each(['native', 'sh'])('with the %s launcher', (kind) => {
  let service: saga.JobService;
  const before = process.env['XOSAGA_LAUNCHER'];
  beforeAll(async () => {
    process.env['XOSAGA_LAUNCHER'] = kind;
    service = await saga.JobService.create('local://localhost');
  });
  afterAll(async () => {
    await service.close();
    if (before === undefined) delete process.env['XOSAGA_LAUNCHER'];
    else process.env['XOSAGA_LAUNCHER'] = before;
    await allGone(`XOSAGA_HOME=${paths.home}`);
  });

  /** Runs the job and waits for its success. */
  async function succeed(description: Partial<saga.JobDescription>): Promise<saga.Job> {
    const job = await service.createJob(new saga.JobDescription(description));
    await job.run();
    await job.wait();
    await job.rethrow();
    return job;
  }

  test(`${String(ARGUMENTS)} arguments arrive unchanged (seed ${String(SEED)})`, async () => {
    await Promise.all(
      chunks(strings(ARGUMENTS), AT_ONCE).map(async (given, i) => {
        const output = join(paths.directory, `${kind}-arguments-${String(i)}`);
        // The system itself tells what the process was given: no helper can be the one who spoils it.
        const script = ['-c', 'cat /proc/$$/cmdline; exit', 'sh'];
        const job = await succeed({
          executable: '/bin/sh',
          arguments: [...script, ...given.map(decodeNative)],
          output,
        });
        expect(list(output)).toEqual(['/bin/sh', ...script, ...latin1(given)]);
        const told = await (await service.getJob(job.jobID!)).getJobDescription();
        expect(
          told.arguments!.slice(script.length).map((text) => Buffer.from(encodeNative(text)).toString('latin1')),
        ).toEqual(latin1(given));
      }),
    );
  }, 60_000);

  test(`${String(VALUES)} values of the environment arrive unchanged (seed ${String(SEED)})`, async () => {
    await Promise.all(
      chunks(strings(VALUES), AT_ONCE).map(async (given, i) => {
        const output = join(paths.directory, `${kind}-environment-${String(i)}`);
        await succeed({
          executable: '/bin/sh',
          arguments: ['-c', 'cat /proc/$$/environ; exit'],
          environment: given.map((value, n) => `XT_${String(n)}=${decodeNative(value)}`),
          output,
        });
        const found = list(output).filter((entry) => entry.startsWith('XT_'));
        expect(found.sort()).toEqual(
          latin1(given)
            .map((value, n) => `XT_${String(n)}=${value}`)
            .sort(),
        );
      }),
    );
  }, 60_000);

  // Each job has five: its directory, its executable in it, and the files of its streams.
  test(`${String(PATHS)} paths arrive unchanged (seed ${String(SEED)})`, async () => {
    const root = Buffer.from(`${paths.directory}/${kind}-paths/`);
    mkdirSync(root);
    const tasks = chunks(names(PATHS), 5).map((given) => async () => {
      const [directory, program, input, output, error] = given as [Buffer, Buffer, Buffer, Buffer, Buffer];
      const at = (name: Buffer): Buffer => Buffer.concat([root, directory, Buffer.from('/'), name]);
      mkdirSync(Buffer.concat([root, directory]));
      writeFileSync(at(input), 'input');
      writeFileSync(at(program), '#!/bin/sh\ncat\nreadlink -n /proc/$$/cwd >&2\n', { mode: 0o700 });
      await succeed({
        executable: `./${decodeNative(program)}`,
        workingDirectory: decodeNative(Buffer.concat([root, directory])),
        input: decodeNative(input),
        output: decodeNative(output),
        error: decodeNative(error),
      });
      expect(readFileSync(at(output), 'latin1')).toBe('input');
      expect(readFileSync(at(error)).equals(Buffer.concat([root, directory]))).toBe(true);
    });
    for (const some of chunks(tasks, 8)) await Promise.all(some.map((task) => task()));
  }, 60_000);
});
