import { describe, expect, test } from '@jest/globals';
import { chmodSync, chownSync, statSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';

import { Permission, parsePermissionId } from '../../../src/saga/core/permissions.js';
import { findGroup, findUser } from '../../../src/adaptors/file/accounts.js';
import { scratch } from '../../support/scratch.js';
import { failure, files } from './files.js';

const place = scratch();
const ME = `user-${userInfo().username}`;
const { Query, Read, Write, Exec, Owner } = Permission;

function makeFile(mode: number): string {
  writeFileSync(place.at('f'), '');
  chmodSync(place.at('f'), mode);
  return place.at('f');
}
const modeOf = (path: string): number => statSync(path).mode & 0o777;
const permits = (path: string, id: string, perm: number): Promise<boolean> =>
  files.permits(path, parsePermissionId(id), perm, {});
const allow = (path: string, id: string, perm: number): Promise<void> =>
  files.allow(path, parsePermissionId(id), perm, {});
const deny = (path: string, id: string, perm: number): Promise<void> =>
  files.deny(path, parsePermissionId(id), perm, {});

describe('bits', () => {
  test('the owner, the group and all', async () => {
    const path = makeFile(0o600);
    const group = `group-${(await findGroup(statSync(path).gid))?.name ?? ''}`;
    await allow(path, group, Read);
    expect(modeOf(path)).toBe(0o640);
    await allow(path, '*', Read | Exec);
    expect(modeOf(path)).toBe(0o755);
    await deny(path, ME, Write);
    expect(modeOf(path)).toBe(0o555);
    await deny(path, '*', Exec);
    expect(modeOf(path)).toBe(0o444);
    await deny(path, group, Read);
    expect(modeOf(path)).toBe(0o404);
  });

  test('what is granted', async () => {
    const path = makeFile(0o640);
    const group = `group-${(await findGroup(statSync(path).gid))?.name ?? ''}`;
    expect(await permits(path, ME, Read | Write | Query)).toBe(true);
    expect(await permits(path, ME, Exec)).toBe(false);
    expect(await permits(path, group, Read)).toBe(true);
    expect(await permits(path, group, Write)).toBe(false);
    expect(await permits(path, '*', Read)).toBe(false);
    expect(await permits(path, '*', Query)).toBe(true);
    expect(await permits(path, ME, Owner)).toBe(true);
    expect(await permits(path, '*', Owner)).toBe(false);
    expect(await permits(path, 'user-daemon', Read)).toBe(false);
    expect(await permits(path, 'user-daemon', Owner)).toBe(false);
  });

  test('what the bits cannot tell apart is refused, what is so already is not', async () => {
    const path = makeFile(0o604);
    await allow(path, 'user-daemon', Read);
    const error = await failure(allow(path, 'user-daemon', Write));
    expect(error).toMatchObject({ code: 'BadParameter' });
    expect(error.message).toContain('none for user-daemon alone');
    await expect(deny(path, 'user-daemon', Read)).rejects.toMatchObject({ code: 'BadParameter' });
    await deny(path, 'user-daemon', Write);
    await expect(deny(path, '*', Query)).rejects.toThrow("Query can't be denied");
    await expect(deny(path, ME, Owner)).rejects.toThrow("Owner can't be taken");
    await expect(allow(path, '*', Owner)).rejects.toThrow("Owner can't be given");
    await expect(allow(path, 'user-no-such', Read)).rejects.toThrow("knows no user 'no-such'");
    await expect(allow(path, 'group-no-such', Read)).rejects.toThrow("knows no group 'no-such'");
    expect(modeOf(path)).toBe(0o604);
  });
});

describe('owners', () => {
  test('names, and numbers where there is no name', async () => {
    const path = makeFile(0o600);
    expect(await files.owner(path, {})).toMatchObject({ user: userInfo().username });
    expect(await findUser(4_000_000)).toBeUndefined();
    expect(await findUser('--help')).toBeUndefined();
  });

  if (process.getuid?.() === 0) {
    test('Owner hands the file over', async () => {
      const path = makeFile(0o600);
      await allow(path, 'user-daemon', Owner | Exec);
      expect(await files.owner(path, {})).toMatchObject({ user: 'daemon' });
      expect(modeOf(path)).toBe(0o700);
      chownSync(path, 4_000_000, 4_000_001);
      expect(await files.owner(path, {})).toEqual({ user: '4000000', group: '4000001' });
    });
  } else {
    test('who may not hand a file over is refused', async () => {
      await expect(allow(makeFile(0o600), 'user-daemon', Owner)).rejects.toMatchObject({ code: 'EPERM' });
    });
  }
});
