import { expect, test } from '@jest/globals';
import { linkSync, lstatSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';

import { giveDirectoryName } from '../../../src/adaptors/file/give-name.js';
import { scratch } from '../../support/scratch.js';
import { failure, files, namesIn } from './files.js';

const place = scratch();

test('files, directories and links get another name', async () => {
  writeFileSync(place.at('f'), 'x');
  mkdirSync(place.at('d'));
  writeFileSync(place.at('d/x'), 'x');
  symlinkSync('nowhere', place.at('l'));
  for (const name of ['f', 'd', 'l']) await files.rename(place.at(name), place.at(`${name}2`), false, {});
  expect(namesIn(place.path)).toEqual(['d2', 'f2', 'l2']);
  expect(namesIn(place.at('d2'))).toEqual(['x']);
  expect(readlinkSync(place.at('l2'))).toBe('nowhere');
});

test('what is there is replaced with overwrite alone', async () => {
  writeFileSync(place.at('a'), 'new');
  writeFileSync(place.at('b'), 'old');
  const error = await failure(files.rename(place.at('a'), place.at('b'), false, {}));
  expect(error).toMatchObject({ code: 'AlreadyExists' });
  expect(error.message).toContain('the flag Overwrite replaces it');
  expect(readFileSync(place.at('b'), 'utf8')).toBe('old');
  await files.rename(place.at('a'), place.at('b'), true, {});
  expect(readFileSync(place.at('b'), 'utf8')).toBe('new');
  expect(namesIn(place.path)).toEqual(['b']);
});

test.each([
  ['a file', 'f', 'an empty directory', 'e'],
  ['a directory', 'd', 'an empty directory', 'e'],
  ['a directory', 'd', 'a file', 'f'],
])('%s (%s) takes not the place of %s', async (_, source, __, target) => {
  mkdirSync(place.at('d'));
  mkdirSync(place.at('e'));
  writeFileSync(place.at('f'), '');
  for (const overwrite of [false, true]) {
    await expect(files.rename(place.at(source), place.at(target), overwrite, {})).rejects.toMatchObject({
      code: 'AlreadyExists',
    });
  }
  expect(namesIn(place.path)).toEqual(['d', 'e', 'f']);
});

test('one of two names of a file is given up', async () => {
  writeFileSync(place.at('a'), 'x');
  linkSync(place.at('a'), place.at('b'));
  await files.rename(place.at('a'), place.at('b'), true, {});
  expect(namesIn(place.path)).toEqual(['b']);
});

test('a name that is the same by another way is left', async () => {
  mkdirSync(place.at('d'));
  writeFileSync(place.at('d/a'), 'x');
  symlinkSync('d', place.at('link'));
  await files.rename(place.at('d/a'), place.at('link/a'), true, {});
  expect(lstatSync(place.at('d/a')).isFile()).toBe(true);
});

test('a directory does not go into itself, what is missing nowhere', async () => {
  mkdirSync(place.at('d'));
  const error = await failure(files.rename(place.at('d'), place.at('d/e'), false, {}));
  expect(error).toMatchObject({ code: 'BadParameter' });
  expect(namesIn(place.at('d'))).toEqual([]);
  await expect(files.rename(place.at('x'), place.at('y'), true, {})).rejects.toMatchObject({ code: 'DoesNotExist' });
  await expect(files.rename(place.at('d'), place.at('x/y'), true, {})).rejects.toMatchObject({ code: 'DoesNotExist' });
});

// It is seen at once mostly; these are made between the look and the step.
test('a directory takes no name that somebody else has just given', () => {
  mkdirSync(place.at('d'));
  mkdirSync(place.at('full/in'), { recursive: true });
  writeFileSync(place.at('f'), 'x');
  for (const name of ['full', 'f', 'd']) {
    const give = () => {
      giveDirectoryName(place.at('d'), place.at(name), name);
    };
    expect(give).toThrow(`'${name}' is there already`);
  }
  expect(() => {
    giveDirectoryName(place.at('d'), place.at('f/x'), 'f/x');
  }).toThrow('ENOTDIR');
  expect(namesIn(place.path)).toEqual(['d', 'f', 'full']);
});
