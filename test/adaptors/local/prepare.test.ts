import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { workingDirectoryOf } from '../../../src/adaptors/local/paths.js';
import { checkPaths } from '../../../src/adaptors/local/prepare.js';
import * as saga from '../../../src/index.js';
import type { JobSpec } from '../../../src/saga/spi/job.js';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'xosaga-prepare-'));
  writeFileSync(join(directory, 'file'), '');
  writeFileSync(join(directory, 'program'), '#!/bin/sh\n');
  chmodSync(join(directory, 'program'), 0o700);
  mkdirSync(Buffer.concat([Buffer.from(`${directory}/`), Buffer.from([0x64, 0xff])]));
});
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

// eslint-disable-next-line @typescript-eslint/require-await -- what it throws is to reject
const check = async (spec: JobSpec): Promise<void> => {
  checkPaths({ executable: '/bin/true', workingDirectory: directory, ...spec });
};

describe('before a job is submitted', () => {
  test('all is well with what is there', async () => {
    await expect(check({})).resolves.toBeUndefined();
    await expect(
      check({ executable: 'true', input: 'file', output: 'new', error: 'program' }),
    ).resolves.toBeUndefined();
    await expect(check({ executable: './program' })).resolves.toBeUndefined();
    await expect(
      check({ executable: 'program', environment: [`PATH=/nowhere:${directory}`] }),
    ).resolves.toBeUndefined();
    // An empty entry of PATH is the working directory.
    await expect(check({ executable: 'program', environment: ['PATH=/nowhere:'] })).resolves.toBeUndefined();
  });

  test('an Input that Output or Error would empty is refused', async () => {
    await expect(check({ input: 'file', output: './file' })).rejects.toThrow(
      /^Input and Output are the same file, '.*\/file', which would be emptied before the job reads it/,
    );
    await expect(check({ input: './file', error: 'file' })).rejects.toThrow(/Input and Error are the same file/);
    await expect(check({ input: '/dev/null', output: '/dev/null' })).resolves.toBeUndefined();
  });

  test('a name of any bytes is found', async () => {
    await expect(check({ workingDirectory: `${directory}/d\udcff` })).resolves.toBeUndefined();
    await expect(check({ output: 'd\udcff/new' })).resolves.toBeUndefined();
    await expect(check({ workingDirectory: `${directory}/d\udcfe` })).rejects.toThrow(saga.DoesNotExist);
  });

  test.each<[JobSpec, string, RegExp]>([
    [{ workingDirectory: '/nowhere' }, 'DoesNotExist', /WorkingDirectory '\/nowhere' does not exist/],
    [{ workingDirectory: '/bin/sh' }, 'BadParameter', /WorkingDirectory '\/bin\/sh' is not a directory/],
    [{ executable: '/nowhere/x' }, 'DoesNotExist', /Executable '\/nowhere\/x' does not exist/],
    [{ executable: './file' }, 'PermissionDenied', /Executable '.*\/file' is not executable; run: chmod \+x/],
    [{ executable: '/bin' + '/' }, 'BadParameter', /Executable '.*' is a directory/],
    [{ executable: 'no-such-program' }, 'DoesNotExist', /'no-such-program' is not in the PATH of the job/],
    [
      { executable: 'true', environment: ['PATH=/nowhere'] },
      'DoesNotExist',
      /not in the PATH of the job \(\/nowhere\)/,
    ],
    [{ input: 'nothing' }, 'DoesNotExist', /Input '.*\/nothing' does not exist/],
    [{ input: '.' }, 'BadParameter', /Input '.*' is a directory/],
    [{ output: 'nowhere/out' }, 'DoesNotExist', /Output '.*nowhere\/out': its directory '.*nowhere' does not exist/],
    [{ error: 'file/err' }, 'BadParameter', /Error '.*file\/err': '.*file' is not a directory/],
  ])('%j is refused', async (spec, category, message) => {
    const error: unknown = await check(spec).catch((e: unknown) => e);
    expect(error).toMatchObject({ name: category });
    expect((error as Error).message).toMatch(message);
  });

  test('the files of an interactive job are not looked at', async () => {
    await expect(check({ interactive: true, input: 'nothing', output: 'nowhere/x' })).resolves.toBeUndefined();
  });

  test('a relative working directory is that of the submitter', () => {
    expect(workingDirectoryOf({})).toBe(process.cwd());
    expect(workingDirectoryOf({ workingDirectory: 'x' })).toBe(resolve('x'));
  });
});
