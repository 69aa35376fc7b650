import { describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';

import { nativeFrame, shellFrame, type Launch } from '../../../src/adaptors/local/launch-frame.js';
import { encodeNative } from '../../../src/saga/core/native-string.js';

const LAUNCH: Launch = {
  segment: 'abcdefabcdef',
  n: 7,
  offset: 4096,
  interactive: false,
  limits: {},
  hold: false,
  appending: false,
  startTime: 0,
  dependencies: [],
  places: [],
  processes: 2,
  id: 'abcdefabcdef.7',
  cwd: '/data',
  input: '',
  output: '/data/out',
  error: '',
  before: [],
  after: [],
  argv: ['/bin/echo', 'hello'],
  environment: ['A=1'],
};

/** The fields of a frame for the C launcher. */
function fields(frame: Uint8Array): string[] {
  const bytes = Buffer.from(frame);
  expect(bytes.readUInt32LE(0)).toBe(bytes.length - 4);
  expect(bytes.at(-1)).toBe(0);
  return bytes.subarray(4, -1).toString('latin1').split('\0');
}

/** The words that a shell makes of a line: what `job` would be called with. */
function words(frame: Uint8Array): string[] {
  const script = `xo_nl='\n'\njob() { printf '%s\\0' "$@"; }\nIFS= read -r line\neval "$line"`;
  const output = execFileSync('/bin/sh', ['-c', script], { input: frame });
  return output.subarray(0, -1).toString('latin1').split('\0');
}

const HEAD = ['abcdefabcdef', '7', '4096', '', '2', 'abcdefabcdef.7', '/data', '', '/data/out', ''];

describe('a frame', () => {
  test('holds the job for the C launcher', () => {
    expect(fields(nativeFrame(LAUNCH))).toEqual(['J', ...HEAD, '0', '0', '2', '/bin/echo', 'hello', '1', 'A=1']);
  });

  test('holds the job for the sh launcher, on one line', () => {
    const line = Buffer.from(shellFrame(LAUNCH)).toString();
    expect(line.indexOf('\n')).toBe(line.length - 1);
    expect(line.startsWith('job ')).toBe(true);
    expect(words(shellFrame(LAUNCH))).toEqual([...HEAD, '0', '0', '1', 'A=1', '/bin/echo', 'hello']);
  });

  test('of an interactive job says so', () => {
    expect(fields(nativeFrame({ ...LAUNCH, interactive: true }))[4]).toBe('i');
    expect(words(shellFrame({ ...LAUNCH, interactive: true }))[3]).toBe('i');
  });

  test('names the limits of the job', () => {
    const limits = { wall: 60, cpu: 120, memory: 1024 };
    expect(fields(nativeFrame({ ...LAUNCH, limits }))[4]).toBe('wall=60 cpu=120 memory=1024');
    expect(words(shellFrame({ ...LAUNCH, interactive: true, limits: { wall: 60 } }))[3]).toBe('i wall=60');
  });

  test('says what the job has to wait for', () => {
    const waiting = {
      ...LAUNCH,
      limits: { wall: 60 },
      hold: true,
      startTime: 1_900_000_000,
      dependencies: ['afterok=ghijklghijkl:2-4:17:99'],
      places: [
        { directory: 'abcdefabcdef/7.places', needed: 1, all: 3 },
        { directory: 'places-b', needed: 2, all: 8 },
      ],
    };
    const options =
      'wall=60 afterok=ghijklghijkl:2-4:17:99 places=abcdefabcdef/7.places:1/3 places=places-b:2/8 hold at=1900000000';
    expect(fields(nativeFrame(waiting))[4]).toBe(options);
    expect(words(shellFrame(waiting))[3]).toBe(options);
  });

  test('has the steps before and after, three fields each', () => {
    const staged: Launch = {
      ...LAUNCH,
      before: [{ verb: 'copy', source: '/a b', target: "/c'" }],
      after: [
        { verb: 'append', source: '/d', target: '/e' },
        { verb: 'remove', source: '/f', target: '' },
      ],
    };
    const lists = ['3', 'copy', '/a b', "/c'", '6', 'append', '/d', '/e', 'remove', '/f', ''];
    expect(fields(nativeFrame(staged)).slice(HEAD.length + 1)).toEqual([
      ...lists,
      '2',
      '/bin/echo',
      'hello',
      '1',
      'A=1',
    ]);
    expect(words(shellFrame(staged)).slice(HEAD.length)).toEqual([...lists, '1', 'A=1', '/bin/echo', 'hello']);
  });

  test('with a limit that the sh launcher cannot keep is none for it', () => {
    expect(() => shellFrame({ ...LAUNCH, limits: { cpu: 1 } })).toThrow(/TotalCPUTime needs the native launcher/);
    expect(() => shellFrame({ ...LAUNCH, limits: { memory: 1 } })).toThrow(/TotalPhysicalMemory needs .* C compiler/);
  });

  test.each([
    ["'", "''", "'''", "a'b", "\\'", "'\\''"],
    ['\n', '\n\n', "'\n'", 'a\nb', '"$xo_nl"', '\\\n'],
    ['', ' ', '$HOME', '$(id)', '`id`', '\\', '"', '*', '~', '!', '#', ';', '&', '|', '<', '>', '--'],
    ['\udc80', '\udcff\udcfe', 'ä\udcc3', '😀', '\u0001', '\u007f'],
  ])('brings words through the shell as they are: %j', (...argv) => {
    const expected = argv.map((text) => Buffer.from(encodeNative(text)).toString('latin1'));
    const shell = words(shellFrame({ ...LAUNCH, argv, environment: [] }));
    expect(shell.slice(HEAD.length + 3)).toEqual(expected);
    const native = fields(nativeFrame({ ...LAUNCH, argv, environment: [] }));
    expect(native.slice(HEAD.length + 4, -1)).toEqual(expected);
  });

  test('has each variable once, the last, and none that the keeper sets', () => {
    const environment = ['A=1', 'B=x=y', 'XOSAGA_JOB_ID=other', 'A=2', 'XOSAGA_RANK=9', 'XOSAGA_SIZE=9', 'AA=3'];
    expect(fields(nativeFrame({ ...LAUNCH, argv: ['x'], environment })).slice(-4)).toEqual([
      '3',
      'A=2',
      'B=x=y',
      'AA=3',
    ]);
    expect(words(shellFrame({ ...LAUNCH, argv: ['x'], environment })).slice(-5)).toEqual([
      '3',
      'A=2',
      'B=x=y',
      'AA=3',
      'x',
    ]);
  });

  test('that no launcher takes is refused', () => {
    expect(() => nativeFrame({ ...LAUNCH, argv: ['x', 'y'.repeat(9 << 20)] })).toThrow(/a job can have 8388608/);
    expect(() => nativeFrame({ ...LAUNCH, argv: ['a\0b'] })).toThrow(/NUL/);
    expect(() => shellFrame({ ...LAUNCH, argv: ['a\0b'] })).toThrow(/NUL/);
  });
});
