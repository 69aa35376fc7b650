import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { translate } from '../../../src/adaptors/local/errors.js';
import { launcherProgram } from '../../../src/adaptors/local/launcher-program.js';
import * as saga from '../../../src/index.js';

let home = '';
const { XOSAGA_LAUNCHER, CC } = process.env;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'xosaga-program-'));
  delete process.env['XOSAGA_LAUNCHER'];
});
afterEach(() => {
  for (const [name, value] of Object.entries({ XOSAGA_LAUNCHER, CC })) {
    if (value === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = value;
  }
  rmSync(home, { recursive: true, force: true });
});

/** A compiler that writes a line for each call, so that they can be counted, and makes a program of a kind. */
function compiler(script = 'while [ "$1" != -o ]; do shift; done; echo "#!/bin/sh" >"$2"'): string {
  const path = join(home, 'cc');
  writeFileSync(path, `#!/bin/sh\necho >>'${join(home, 'calls')}'\n${script}\n`);
  chmodSync(path, 0o700);
  process.env['CC'] = path;
  return path;
}

const calls = (): number => statSync(join(home, 'calls')).size;
const local = (): string => join(home, 'local');
const store = (): string => join(home, 'native');

describe('the launcher', () => {
  test('is compiled once, and kept', async () => {
    compiler();
    const first = await launcherProgram(local());
    expect(first.kind).toBe('native');
    expect(first.command.startsWith(`${store()}/`)).toBe(true);
    expect(statSync(first.command).mode & 0o777).toBe(0o700);
    expect(await launcherProgram(local())).toEqual(first);
    expect(calls()).toBeGreaterThan(0);
    const before = calls();
    await launcherProgram(local());
    expect(calls()).toBe(before);
    expect(readdirSync(store())).toHaveLength(2);
  });

  test('and its scripts outlive the package', async () => {
    process.env['XOSAGA_LAUNCHER'] = 'sh';
    const {
      arguments: [launcher = ''],
      staging,
    } = await launcherProgram(local());
    for (const [copy, name] of [
      [launcher, 'launcher'],
      [staging, 'staging'],
    ] as const) {
      expect(copy).toMatch(new RegExp(`^${store()}/${name}-[0-9a-f]{16}\\.sh$`));
      expect(readFileSync(copy)).toEqual(readFileSync(join('native', `xosaga_${name}.sh`)));
      expect(statSync(copy).mode & 0o777).toBe(0o700);
    }
    chmodSync(staging, 0o777);
    writeFileSync(staging, 'echo changed');
    await launcherProgram(local());
    expect(readFileSync(staging)).toEqual(readFileSync(join('native', 'xosaga_staging.sh')));
    expect(readdirSync(store())).toHaveLength(2);
  });

  test('may be compiled by two at once', async () => {
    compiler();
    const [one, other] = await Promise.all([launcherProgram(local()), launcherProgram(local())]);
    expect(one).toEqual(other);
    expect(readdirSync(store())).toHaveLength(2);
  });

  test('is the sh one when there is no compiler, or one that fails', async () => {
    process.env['CC'] = join(home, 'no-such-compiler');
    expect(await launcherProgram(local())).toMatchObject({ kind: 'sh', command: '/bin/sh' });
    compiler('while [ "$1" != -o ]; do shift; done; echo half >"$2"; exit 1');
    expect(await launcherProgram(local())).toMatchObject({ kind: 'sh' });
    expect(readdirSync(store()).every((name) => name.endsWith('.sh'))).toBe(true);
  });

  test('is the sh one when that is asked for', async () => {
    process.env['XOSAGA_LAUNCHER'] = 'sh';
    const program = await launcherProgram(local());
    expect(program.kind).toBe('sh');
    expect(statSync(program.arguments[0]!).isFile()).toBe(true);
  });

  test('that is asked for and cannot be made is an error that says what to do', async () => {
    process.env['XOSAGA_LAUNCHER'] = 'native';
    process.env['CC'] = join(home, 'no-such-compiler');
    await expect(launcherProgram(local())).rejects.toThrow(saga.NoSuccess);
    await expect(launcherProgram(local())).rejects.toThrow(/install a C compiler .* or unset XOSAGA_LAUNCHER/);
  });

  test('of another kind is refused', async () => {
    process.env['XOSAGA_LAUNCHER'] = 'java';
    await expect(launcherProgram(local())).rejects.toThrow(saga.BadParameter);
    await expect(launcherProgram(local())).rejects.toThrow(/must be 'native', 'sh' or 'auto'/);
  });

  test('that somebody else could have changed is made anew', async () => {
    compiler();
    const { command } = await launcherProgram(local());
    chmodSync(command, 0o777);
    await launcherProgram(local());
    expect(statSync(command).mode & 0o777).toBe(0o700);
  });

  test('is not put into a place that is no directory', async () => {
    compiler();
    mkdirSync(home, { recursive: true });
    writeFileSync(store(), '');
    const program = await launcherProgram(local());
    expect(program.kind).toBe('sh');
    for (const script of [program.arguments[0]!, program.staging]) expect(statSync(script).isFile()).toBe(true);
  });
});

describe('an error of the system', () => {
  const failure = (code: string): Error => Object.assign(new Error(`${code}: trouble`), { code });

  test.each([
    ['ENOENT', 'DoesNotExist', ''],
    ['EEXIST', 'AlreadyExists', ''],
    ['EACCES', 'PermissionDenied', ''],
    ['ENOTDIR', 'BadParameter', ''],
    ['ENOSPC', 'NoSuccess', 'free some space, or set XOSAGA_HOME'],
    ['EDQUOT', 'NoSuccess', 'quota'],
    ['EROFS', 'PermissionDenied', 'set XOSAGA_HOME to a writable directory'],
    ['EMFILE', 'NoSuccess', 'ulimit -n'],
    ['EAGAIN', 'NoSuccess', 'ulimit -u'],
  ])('%s is %s and says what to do', (code, category, advice) => {
    const cause = failure(code);
    const error = translate(cause)!;
    expect(error).toMatchObject({ name: category, cause });
    expect(error.message).toContain('trouble');
    expect(error.message).toContain(advice);
  });

  test('that is none means nothing special', () => {
    expect(translate(failure('EWHATEVER'))).toBeUndefined();
    expect(translate(new Error('plain'))).toBeUndefined();
    expect(translate('text')).toBeUndefined();
    expect(translate(undefined)).toBeUndefined();
  });
});
