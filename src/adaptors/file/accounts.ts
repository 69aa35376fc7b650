/** Users and groups of this machine: passwd(5), group(5), and what else the system knows (getent(1): LDAP and the like). */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';

export interface User {
  readonly name: string;
  readonly uid: number;
  /** The primary group. */
  readonly gid: number;
}

export interface Group {
  readonly name: string;
  readonly gid: number;
  /** Beside the users whose primary group it is. */
  readonly members: readonly string[];
}

type Database = 'passwd' | 'group';

/** @param key - A name, or a number. */
export async function findUser(key: string | number): Promise<User | undefined> {
  const fields = await find('passwd', key);
  return fields && { name: fields[0] ?? '', uid: Number(fields[2]), gid: Number(fields[3]) };
}

/** As `findUser`. */
export async function findGroup(key: string | number): Promise<Group | undefined> {
  const fields = await find('group', key);
  return fields && { name: fields[0] ?? '', gid: Number(fields[2]), members: (fields[3] ?? '').split(',') };
}

async function find(database: Database, key: string | number): Promise<string[] | undefined> {
  const column = typeof key === 'number' ? 2 : 0;
  const fitting = (text: string): string[] | undefined =>
    text
      .split('\n')
      .map((line) => line.split(':'))
      .find((fields) => fields.length > 2 && fields[column] === String(key));
  return fitting(await readFile(`/etc/${database}`, 'utf8').catch(() => '')) ?? fitting(await ask(database, key));
}

/** Empty when nobody knows, or the system has no getent. */
function ask(database: Database, key: string | number): Promise<string> {
  return new Promise((resolve) => {
    execFile('getent', ['--', database, String(key)], (error, stdout) => {
      resolve(error ? '' : stdout);
    });
  });
}
