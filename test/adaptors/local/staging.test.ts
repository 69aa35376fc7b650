import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';

import { checkTransfers, stagingOf, temporariesOf } from '../../../src/adaptors/local/staging.js';
import * as saga from '../../../src/index.js';

const steps = (...fileTransfer: string[]): ReturnType<typeof stagingOf> =>
  stagingOf({ fileTransfer }, '/work', '/here');

describe('FileTransfer', () => {
  test('copies and appends in and out', () => {
    expect(steps('a > b', 'c >> d', 'e < f', 'g << h')).toEqual({
      before: [
        { verb: 'copy', source: '/here/a', target: '/work/b' },
        { verb: 'append', source: '/here/c', target: '/work/d' },
      ],
      after: [
        { verb: 'copy', source: '/work/f', target: '/here/e' },
        { verb: 'append', source: '/work/h', target: '/here/g' },
      ],
    });
  });

  test.each([
    ['file:///x/y > z', '/x/y', '/work/z'],
    ['file://localhost/x > z', '/x', '/work/z'],
    [`file://${hostname()}/x > z`, '/x', '/work/z'],
    ['FILE:///x%20y > z%3F', '/x y', '/work/z?'],
    ['a%20b%FF > 50%', '/here/a b\udcff', '/work/50%'],
    ['  ./a:b   >   ../c  ', '/here/./a:b', '/work/../c'],
    ['a > b > c', '/here/a', '/work/b > c'],
    ['a>b > c', '/here/a>b', '/work/c'],
    ['a?b#c > d', '/here/a?b#c', '/work/d'],
  ])('%s is from %s to %s', (entry, source, target) => {
    expect(steps(entry).before).toEqual([{ verb: 'copy', source, target }]);
  });

  test.each([
    ['', /is not of the form 'LOCAL > REMOTE'/],
    ['a', /is not of the form/],
    ['a>b', /is not of the form.*between blanks/],
    ['> b', /is not of the form/],
    ['a >', /is not of the form/],
    ['a >>> b', /is not of the form/],
    ['http://x/y > z', /'http:\/\/x\/y' is not on this machine; a local job takes paths and file: URLs/],
    ['a > sftp://x/y', /'sftp:\/\/x\/y' is not on this machine/],
    ['file://elsewhere.example/x > z', /is on the host 'elsewhere.example', not on this machine/],
    ['file:///x?y > z', /has a query or fragment; write \? as %3F/],
    ['a > b/', /'b\/' names no file/],
    ['file://localhost > z', /names no file/],
    ['a%00 > b', /FileTransfer 'a%00 > b': a name in it holds a NUL/],
    ['a > \ud800', /FileTransfer .*: a name in it holds half a surrogate pair/],
  ])('%j is refused by name', (entry, message) => {
    expect(() => steps(entry)).toThrow(saga.BadParameter);
    expect(() => steps(entry)).toThrow(message);
  });
});

describe('Cleanup', () => {
  const spec = { output: 'o', error: '/log/e', fileTransfer: ['a > b', 'c < d', 'e << d', '/work/kept < b'] };
  const removed = (cleanup?: string, more = {}): string[] =>
    stagingOf({ ...spec, ...more, ...(cleanup !== undefined && { cleanup }) }, '/work', '/here')
      .after.filter(({ verb }) => verb === 'remove')
      .map(({ source }) => source);

  test('True removes what the job has by name, each once, after all was brought out', () => {
    expect(removed('True')).toEqual(['/work/o', '/log/e', '/work/b', '/work/d']);
    expect(removed('True', { fileTransfer: ['o < b', 'b < o'] })).not.toContain('/here/o');
    const { after } = stagingOf({ ...spec, cleanup: 'True' }, '/work', '/here');
    expect(after.map(({ verb }) => verb)).toEqual(['copy', 'append', 'copy', 'remove', 'remove', 'remove', 'remove']);
  });

  test('True leaves what was brought out, though it is in the same place', () => {
    expect(removed('True', { fileTransfer: ['/work/x < x.tmp', '/work/y > x'] })).toEqual([
      '/work/o',
      '/log/e',
      '/work/x.tmp',
    ]);
  });

  test('True removes no Output that an interactive job does not have', () => {
    expect(removed('True', { interactive: true })).toEqual(['/work/b', '/work/d']);
  });

  test.each([['False'], ['Default'], [undefined]])('%s removes nothing', (cleanup) => {
    expect(removed(cleanup)).toEqual([]);
  });
});

test('temporary files are named by the job, the direction and the step', () => {
  const staging = stagingOf({ fileTransfer: ['a > b', 'c < d'], cleanup: 'True' }, '/work', '/here');
  expect(temporariesOf('abcdefabcdef.1_7', staging)).toEqual([
    { target: '/work/b', name: '.xosaga-abcdefabcdef.1_7-in1' },
    { target: '/here/c', name: '.xosaga-abcdefabcdef.1_7-out1' },
  ]);
});

describe('what has to be there', () => {
  let directory = '';
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'xosaga-transfers-'));
    writeFileSync(join(directory, 'file'), '');
    mkdirSync(join(directory, 'folder'));
  });
  afterAll(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  const check = (entry: string): void => {
    checkTransfers({ fileTransfer: [entry] }, join(directory, 'folder'), directory);
  };

  test('is there', () => {
    for (const entry of ['file > x', 'file >> y', 'new < not-there-yet', 'file << x']) {
      expect(() => {
        check(entry);
      }).not.toThrow();
    }
  });

  test.each([
    ['nothing > x', saga.DoesNotExist, /nothing' does not exist/],
    ['folder > x', saga.BadParameter, /folder' is a directory; files are transferred/],
    ['file > no/x', saga.DoesNotExist, /the directory '.*\/folder\/no' does not exist/],
    ['no/x < y', saga.DoesNotExist, /the directory '.*\/no' does not exist/],
    ['file/x < y', saga.BadParameter, /\/file' is not a directory/],
    ['folder < y', saga.BadParameter, /\/folder' is a directory; name the file in it/],
  ])('%s is refused', (entry, Category, message) => {
    const checking = (): void => {
      check(entry);
    };
    expect(checking).toThrow(Category);
    expect(checking).toThrow(message);
    expect(checking).toThrow(`FileTransfer '${entry}': `);
  });
});
