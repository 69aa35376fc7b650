import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { openHome } from '../../../src/adaptors/local/home.js';
import * as saga from '../../../src/index.js';

let directory = '';
const before = process.env['XOSAGA_HOME'];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'xosaga-home-'));
  process.env['XOSAGA_HOME'] = join(directory, 'home');
});
afterEach(() => {
  if (before === undefined) delete process.env['XOSAGA_HOME'];
  else process.env['XOSAGA_HOME'] = before;
  rmSync(directory, { recursive: true, force: true });
});

/** Writes the layout version. */
function layout(text: string): void {
  mkdirSync(join(directory, 'home', 'local'), { recursive: true, mode: 0o700 });
  writeFileSync(join(directory, 'home', 'local', 'LAYOUT'), text);
}

describe('XOSAGA_HOME', () => {
  test('is made, for its user alone, with the layout version', () => {
    process.env['XOSAGA_HOME'] = join(directory, 'not', 'yet', 'there');
    const local = openHome();
    expect(local).toBe(join(directory, 'not', 'yet', 'there', 'local'));
    expect(statSync(join(local, '..')).mode & 0o777).toBe(0o700);
    expect(statSync(local).mode & 0o777).toBe(0o700);
    expect(readFileSync(join(local, 'LAYOUT'), 'utf8')).toBe('1\n');
    expect(openHome()).toBe(local);
  });

  test.each(['', 'relative/path'])('must be absolute: %j', (home) => {
    process.env['XOSAGA_HOME'] = home;
    expect(openHome).toThrow(saga.BadParameter);
    expect(openHome).toThrow(/must be an absolute path/);
  });

  // Below a directory of /proc the system says that the directory itself is not there, for which Node's mkdir would look for ever.
  test.each(['/dev/null/home', ...(process.platform === 'linux' ? ['/proc/xosaga/home'] : [])])(
    'that cannot be made is refused with what to do: %s',
    (home) => {
      process.env['XOSAGA_HOME'] = home;
      expect(openHome).toThrow(saga.BadParameter);
      expect(openHome).toThrow(
        /^cannot make the directory .* \(ENO\w+\); set XOSAGA_HOME to a directory that you may write/,
      );
    },
  );

  test.each([0o720, 0o702, 0o777])('is refused when others can write: %o', (mode) => {
    mkdirSync(join(directory, 'home'));
    chmodSync(join(directory, 'home'), mode);
    expect(openHome).toThrow(saga.PermissionDenied);
    expect(openHome).toThrow(`chmod 700 '${join(directory, 'home')}'`);
  });

  test('that was there keeps its mode; what is made in it is closed to others', () => {
    mkdirSync(join(directory, 'home'));
    chmodSync(join(directory, 'home'), 0o755);
    const local = openHome();
    expect(statSync(join(directory, 'home')).mode & 0o777).toBe(0o755);
    expect(statSync(local).mode & 0o777).toBe(0o700);
  });

  test.each(['2', '17\n'])('of a newer layout is refused: %j', (text) => {
    layout(text);
    expect(openHome).toThrow(saga.NoSuccess);
    expect(openHome).toThrow(/written by a newer xosaga\. Upgrade, or set XOSAGA_HOME/);
  });

  test('whose layout version is damaged is refused', () => {
    layout('one');
    expect(openHome).toThrow(/LAYOUT is damaged: it should hold the layout version/);
  });

  test('whose layout version was not written to its end gets one', () => {
    layout('');
    const local = openHome();
    expect(readFileSync(join(local, 'LAYOUT'), 'utf8')).toBe('1\n');
  });
});
