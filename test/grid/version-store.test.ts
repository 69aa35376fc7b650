import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { writePart, type RankPart } from '../../src/callbacks/grid/part.js';
import { sealLines } from '../../src/callbacks/grid/sealed-lines.js';
import { VersionStore, type StoreOptions } from '../../src/callbacks/grid/version-store.js';

const base = mkdtempSync(join(tmpdir(), 'xosaga-store-'));
let directory = '';
let count = 0;
beforeEach(() => {
  directory = join(base, String(++count));
});
afterAll(() => {
  rmSync(base, { recursive: true, force: true });
});

const openStore = (options: Partial<StoreOptions> = {}): Promise<VersionStore> =>
  VersionStore.open({ job: 'j', directory, ...options });

const RANKS: RankPart[] = [
  {
    rank: 0,
    host: 'n1',
    participants: [
      { name: 'field', rebuild: true },
      { name: 'nothing saved', rebuild: false },
    ],
  },
];

/** A version with one file, up to but not with its manifest. */
async function write(store: VersionStore, generation: number, text = `state ${String(generation)}`) {
  const version = await store.begin(generation, [0]);
  const own = join(version, '0', 'field');
  mkdirSync(join(own, 'empty'), { recursive: true });
  writeFileSync(join(own, 'data.bin'), text);
  symlinkSync('data.bin', join(own, 'latest'));
  return { own, part: () => writePart(version, '0', RANKS) };
}

async function make(store: VersionStore, generation: number): Promise<string> {
  const { own, part } = await write(store, generation);
  await store.commit(generation, { incarnation: 0, previous: generation - 1 }, [await part()]);
  return own;
}

describe('a version', () => {
  test('exists with its manifest, and not before', async () => {
    const store = await openStore();
    const { part } = await write(store, 1);
    const summary = await part();
    expect(await store.list()).toEqual([]);
    expect(await store.committed(1)).toBeUndefined();
    const sum = await store.commit(1, { incarnation: 0, previous: 0 }, [summary]);
    expect(await store.list()).toEqual([1]);
    expect(await store.committed(1)).toBe(sum);
    const version = await store.open(1);
    expect(version).toMatchObject({ ranks: RANKS, manifest: { job: 'j', generation: 1, incarnation: 0 } });
    expect(version.manifest.units).toEqual([expect.objectContaining({ unit: '0', files: 1, bytes: 7 })]);
    expect(readFileSync(join(version.directory, '0/field/data.bin'), 'utf8')).toBe('state 1');
  });

  test('is closed to others', async () => {
    const store = await openStore();
    await make(store, 1);
    for (const path of ['.', '1', '1/0']) expect(statSync(join(directory, path)).mode & 0o777).toBe(0o700);
    for (const path of ['1/manifest', '1/parts-0']) expect(statSync(join(directory, path)).mode & 0o777).toBe(0o600);
  });

  test('that was discarded is gone, and its number used', async () => {
    const store = await openStore();
    await make(store, 1);
    await write(store, 2);
    expect(await store.highest()).toBe(2);
    await store.discard(2);
    await store.discard(2);
    expect(existsSync(join(directory, '2'))).toBe(false);
    expect(await store.list()).toEqual([1]);
  });

  test('does not exist: told with those that do', async () => {
    const store = await openStore();
    await expect(store.open(3)).rejects.toThrow(`there is no checkpoint 3 in ${directory}; there are: none`);
    await make(store, 1);
    await expect(store.open(3)).rejects.toThrow('there are: 1');
  });

  test('holds names of every kind of bytes', async () => {
    const store = await openStore();
    const { own, part } = await write(store, 1);
    writeFileSync(Buffer.concat([Buffer.from(`${own}/`), Buffer.from([0xff, 0x0a, 0x22])]), 'x');
    await store.commit(1, { incarnation: 0, previous: 0 }, [await part()]);
    expect((await store.open(1)).manifest.units[0]).toMatchObject({ files: 2 });
  });

  test('cannot hold a FIFO', async () => {
    const store = await openStore();
    const { own, part } = await write(store, 1);
    execFileSync('mkfifo', [join(own, 'pipe')]);
    await expect(part()).rejects.toThrow(
      `${join(own, 'pipe')} is no file, directory or link: a checkpoint cannot hold it`,
    );
  });

  test('does not follow what leads out of it', async () => {
    const store = await openStore();
    const { own, part } = await write(store, 1);
    symlinkSync('/', join(own, 'root'));
    expect(await part()).toMatchObject({ files: 1 });
  });
});

describe('damage is found, and named', () => {
  test.each<[string, (own: string) => void, string]>([
    [
      'changed',
      (own) => {
        writeFileSync(join(own, 'data.bin'), 'STATE 1');
      },
      '0/field/data.bin has been changed',
    ],
    [
      'cut',
      (own) => {
        truncateSync(join(own, 'data.bin'), 3);
      },
      '0/field/data.bin has 3 bytes, not 7',
    ],
    [
      'longer',
      (own) => {
        appendFileSync(join(own, 'data.bin'), '!');
      },
      '0/field/data.bin has 8 bytes, not 7',
    ],
    [
      'missing',
      (own) => {
        unlinkSync(join(own, 'data.bin'));
      },
      '0/field/data.bin is missing',
    ],
    [
      'a link instead of the file',
      (own) => {
        renameSync(join(own, 'data.bin'), join(own, 'moved'));
        symlinkSync('moved', join(own, 'data.bin'));
      },
      '0/field/data.bin has been replaced',
    ],
    [
      'a FIFO instead of the file',
      (own) => {
        unlinkSync(join(own, 'data.bin'));
        execFileSync('mkfifo', [join(own, 'data.bin')]);
      },
      '0/field/data.bin has been replaced',
    ],
    [
      'a link that leads elsewhere',
      (own) => {
        unlinkSync(join(own, 'latest'));
        symlinkSync('/etc/passwd', join(own, 'latest'));
      },
      '0/field/latest leads elsewhere',
    ],
    [
      'a directory gone',
      (own) => {
        rmSync(join(own, 'empty'), { recursive: true });
      },
      '0/field/empty is missing',
    ],
    [
      'a link instead of a directory',
      (own) => {
        renameSync(own, `${own}-moved`);
        symlinkSync(`${own}-moved`, own);
      },
      '0/field is missing',
    ],
    [
      'the list changed',
      (own) => {
        appendFileSync(join(own, '../../parts-0'), '{}\n');
      },
      'parts-0 is not what was written',
    ],
    [
      'the list missing',
      (own) => {
        unlinkSync(join(own, '../../parts-0'));
      },
      'parts-0 is missing',
    ],
    [
      'the manifest cut',
      (own) => {
        truncateSync(join(own, '../../manifest'), 40);
      },
      'manifest is not what was written',
    ],
    [
      'the manifest empty',
      (own) => {
        truncateSync(join(own, '../../manifest'), 0);
      },
      'manifest is not what was written',
    ],
  ])('%s', async (_, damage, message) => {
    const store = await openStore();
    damage(await make(store, 1));
    await expect(store.open(1)).rejects.toThrow(`the checkpoint is damaged: ${join(directory, '1')}/${message}`);
  });

  test('a list that leads out of the version is none', async () => {
    const store = await openStore();
    const version = await store.begin(1, [0]);
    const text = sealLines([{ path: '../../etc/passwd', size: 0, sha256: '' }]);
    writeFileSync(join(version, 'parts-0'), text);
    const { sha256 } = await import('../../src/callbacks/grid/sealed-lines.js');
    await store.commit(1, { incarnation: 0, previous: 0 }, [{ unit: '0', parts: sha256(text), files: 1, bytes: 0 }]);
    await expect(store.open(1)).rejects.toThrow('parts-0 is not what was written');
  });

  test('a version of a newer layout is not called damaged', async () => {
    const store = await openStore();
    await make(store, 1);
    writeFileSync(join(directory, '1/manifest'), sealLines([{ layout: 7 }]));
    await expect(store.open(1)).rejects.toThrow('has layout 7, this xosaga knows 1: upgrade to read it');
  });

  test('a file beside the recorded ones does no harm', async () => {
    const store = await openStore();
    writeFileSync(join(await make(store, 1), '.nfs0001'), 'x');
    expect((await store.open(1)).ranks).toEqual(RANKS);
  });
});

describe('copies and removal', () => {
  test('replicationLevel copies, given places first; a damaged version is read from one', async () => {
    const given = join(base, `given-${String(count)}`);
    const store = await openStore({ replicationLevel: 3, copies: [given] });
    const own = await make(store, 1);
    await store.tidy(0);
    expect(existsSync(join(given, '1/manifest'))).toBe(true);
    expect(existsSync(join(directory, 'copy-1/1/manifest'))).toBe(true);
    writeFileSync(join(own, 'data.bin'), 'damaged');
    expect((await store.open(1)).directory).toBe(join(given, '1'));
    writeFileSync(join(given, '1/0/field/data.bin'), 'damaged');
    expect((await store.open(1)).directory).toBe(join(directory, 'copy-1/1'));
    writeFileSync(join(directory, 'copy-1/1/0/field/data.bin'), 'damaged');
    await expect(store.open(1)).rejects.toThrow(`${given}/1/0/field/data.bin has been changed; the checkpoint`);
  });

  test('a damaged version is not copied', async () => {
    const store = await openStore({ replicationLevel: 2 });
    writeFileSync(join(await make(store, 1), 'data.bin'), 'damaged');
    await store.tidy(0);
    expect(existsSync(join(directory, 'copy-1/1'))).toBe(false);
  });

  test('the last keepCheckpoints are kept, and the one that is needed', async () => {
    const store = await openStore({ keep: 2, replicationLevel: 2 });
    for (const generation of [1, 2, 4, 7]) {
      await make(store, generation);
      await store.tidy(1);
    }
    expect(await store.list()).toEqual([1, 4, 7]);
    await store.tidy(0);
    expect(await store.list()).toEqual([4, 7]);
    expect(existsSync(join(directory, 'copy-1/1'))).toBe(false);
  });

  test('what kills have left is removed, what is whole is kept', async () => {
    const store = await openStore({ replicationLevel: 2 });
    await make(store, 1);
    await (await write(store, 2)).part();
    mkdirSync(join(directory, '.3.old/0'), { recursive: true });
    mkdirSync(join(directory, 'copy-1/.1.copy/0'), { recursive: true });
    mkdirSync(join(directory, 'notes of the user'));
    expect(await store.highest()).toBe(3);
    await store.tidy(0);
    expect(await store.list()).toEqual([1]);
    for (const gone of ['2', '.3.old', 'copy-1/.1.copy']) expect(existsSync(join(directory, gone))).toBe(false);
    expect(existsSync(join(directory, 'copy-1/1/manifest'))).toBe(true);
    expect(existsSync(join(directory, 'notes of the user'))).toBe(true);
  });

  test('a version that is being written is left alone', async () => {
    const store = await openStore();
    await write(store, 2);
    const { part } = await write(store, 3);
    await store.tidy(0, 3);
    expect(existsSync(join(directory, '2'))).toBe(false);
    await store.commit(3, { incarnation: 0, previous: 0 }, [await part()]);
    expect(await store.list()).toEqual([3]);
  });

  test('a version that is committed while others are removed is kept', async () => {
    const store = await openStore({ keep: 1 });
    for (let generation = 1; generation <= 100; generation++) {
      const { part } = await write(store, generation);
      const summary = await part();
      const about = { incarnation: 0, previous: 0 };
      const version = { isCommitted: false };
      const tidied = (async () => {
        while (!version.isCommitted) await store.tidy(0, generation);
      })();
      await store.commit(generation, about, [summary]);
      version.isCommitted = true;
      await tidied;
      expect(await store.list()).toContain(generation);
    }
  });

  test('a version is removed whatever its participants made of the modes', async () => {
    const store = await openStore();
    const { own } = await write(store, 1);
    chmodSync(join(own, 'empty'), 0o000);
    chmodSync(own, 0o500);
    await store.discard(1);
    expect(existsSync(join(directory, '.1.old'))).toBe(false);
  });
});

describe('the directory', () => {
  test('of another job is refused, unless this one was started from it', async () => {
    await openStore();
    await expect(openStore({ job: 'k' })).rejects.toThrow(
      `${directory} has the checkpoints of job j, not of k; give each job a checkpoint directory of its own`,
    );
    await openStore({ job: 'k', takeOver: true });
    await expect(openStore()).rejects.toThrow('has the checkpoints of job k');
  });

  test('into which others can write is refused', async () => {
    mkdirSync(directory);
    chmodSync(directory, 0o770);
    await expect(openStore()).rejects.toThrow(`${directory} is writable by others; run: chmod 700 '${directory}'`);
  });

  test('that is a link is refused', async () => {
    symlinkSync(base, directory);
    await expect(openStore()).rejects.toThrow(`${directory} is no directory`);
  });

  test('that is relative, or below a file, is refused', async () => {
    await expect(openStore({ directory: 'here' })).rejects.toThrow("'here' must be an absolute path");
    writeFileSync(directory, '');
    await expect(openStore({ directory: join(directory, 'below') })).rejects.toThrow('cannot make the directory');
    expect(dirname(directory)).toBe(base);
  });
});
