import { describe, expect, test } from '@jest/globals';

import { BadParameter, PermissionDenied } from '../../src/saga/core/exceptions.js';
import { AccessControl, parsePermissionId, Permission } from '../../src/saga/core/permissions.js';
import { rule } from '../support/rules.js';

const { Query, Read, Write, Exec, Owner, All, None } = Permission;

describe('access control', () => {
  rule(72, 'check is true only when all bits are granted', () => {
    const table = new AccessControl({ owner: 'ann', grants: [['user-bob', Query | Read]] });
    expect(table.check('user-bob', Query)).toBe(true);
    expect(table.check('user-bob', Query | Read)).toBe(true);
    expect(table.check('user-bob', Query | Write)).toBe(false);
    expect(table.check('user-eve', Query)).toBe(false);
    expect(table.check('user-eve', None)).toBe(true);
  });

  rule(73, '"*" stands for all users in allow, deny and check', () => {
    const table = new AccessControl({ owner: 'ann', grants: [['user-bob', Query]] });
    table.allow('*', Read);
    expect(table.check('*', Read)).toBe(true);
    expect(table.check('user-eve', Read)).toBe(true);
    expect(table.check('user-bob', Query | Read)).toBe(true);
    table.deny('user-bob', Read);
    expect(table.check('user-bob', Read)).toBe(false);
    expect(table.check('user-eve', Read)).toBe(true);
    table.deny('*', Query | Read);
    expect(table.check('*', Read)).toBe(false);
    expect(table.check('user-bob', Query)).toBe(false);
    expect(table.check('user-ann', Owner)).toBe(true);
  });

  rule(74, 'Owner is neither given to nor taken from "*"', () => {
    const table = new AccessControl({ owner: 'ann' });
    expect(() => {
      table.allow('*', Owner);
    }).toThrow(new BadParameter("Owner can't be given to *: an entity is owned by exactly one user"));
    expect(() => {
      table.allow('*', All);
    }).toThrow(BadParameter);
    expect(() => {
      table.deny('*', Owner);
    }).toThrow(BadParameter);
    expect(table.check('*', Query)).toBe(false);
    expect(table.owner).toBe('user-ann');
  });

  rule(75, 'an unknown or malformed id is BadParameter', () => {
    const table = new AccessControl({ owner: 'ann', knows: (id) => id.name === 'ann' || id.name === 'bob' });
    expect(() => table.check('user-eve', Read)).toThrow(new BadParameter('there is no user "eve"'));
    expect(() => {
      table.allow('group-staff', Read);
    }).toThrow('there is no group "staff"');
    for (const bad of ['', 'user-', 'group-', 'a b', 'user-*', 'a\n']) {
      expect(() => table.check(bad, Read)).toThrow('is no id: use "user-NAME", "group-NAME", or "*" for all users');
    }
    expect(() => table.check(undefined as unknown as string, Read)).toThrow(BadParameter);
  });

  rule(76, 'there is exactly one owner, a user', () => {
    expect(() => new AccessControl({ owner: '' })).toThrow(BadParameter);
    expect(() => new AccessControl({ owner: '*' })).toThrow('is owned by a user');
    expect(() => new AccessControl({ owner: 'group-staff' })).toThrow('is owned by a user');
    const table = new AccessControl({ owner: 'ann', grants: [['user-eve', All]] });
    expect(table.check('user-eve', Owner)).toBe(false);
    expect(() => {
      table.deny('ann', Owner);
    }).toThrow('Grant Owner to another user instead');
    table.allow('user-bob', Owner);
    expect(table.owner).toBe('user-bob');
    expect(table.check('ann', Owner)).toBe(false);
    expect(table.check('ann', Read | Write)).toBe(true);
    expect(() => {
      table.allow('group-staff', Owner);
    }).toThrow(BadParameter);
  });

  rule(77, 'the group is empty when there is none', () => {
    expect(new AccessControl({ owner: 'ann' }).group).toBe('');
    expect(new AccessControl({ owner: 'ann', group: 'staff' }).group).toBe('group-staff');
    expect(new AccessControl({ owner: 'ann', group: 'group-staff' }).group).toBe('group-staff');
  });

  rule(78, 'who lacks a permission is refused with what the operation needs', () => {
    const table = new AccessControl({ owner: 'ann', grants: [['bob', Query]] });
    table.demand('ann', Owner, 'permissionsAllow');
    table.demand('bob', Query, 'permissionsCheck');
    expect(() => {
      table.demand('bob', Owner, 'permissionsAllow');
    }).toThrow(new PermissionDenied('permissionsAllow needs the permission Owner, which bob lacks; ask user-ann'));
  });

  rule(79, 'All is 31, the bits combine by or, and anything else is BadParameter', () => {
    expect(Query | Read | Write | Exec | Owner).toBe(All);
    expect(All).toBe(31);
    const table = new AccessControl({ owner: 'ann' });
    for (const bad of [-1, 32, 1.5, NaN]) expect(() => table.check('ann', bad)).toThrow('is no permission');
  });

  rule(81, 'ids are "user-NAME", "group-NAME", "*", or the bare name of a user', () => {
    expect(parsePermissionId('*')).toEqual({ kind: 'all', name: '*', text: '*' });
    expect(parsePermissionId('user-ann')).toEqual({ kind: 'user', name: 'ann', text: 'user-ann' });
    expect(parsePermissionId('ann')).toEqual(parsePermissionId('user-ann'));
    expect(parsePermissionId('group-staff')).toEqual({ kind: 'group', name: 'staff', text: 'group-staff' });
    expect(parsePermissionId('user-user-x').name).toBe('user-x');
  });

  test('the entries make an equal table', () => {
    const table = new AccessControl({ owner: 'ann', group: 'staff' });
    table.allow('*', Query);
    table.deny('ann', Write);
    const again = new AccessControl({ owner: table.owner, group: table.group, grants: table.grants });
    expect([...again.grants]).toEqual([...table.grants]);
    expect(again.check('ann', Write)).toBe(false);
    expect(again.check('ann', Read | Owner)).toBe(true);
  });
});
