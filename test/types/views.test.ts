import { describe, expect, test } from '@jest/globals';

import type { Job, JobService, Task } from '../../src/index.js';
import { asynchronous, type Tasks } from '../../src/saga/core/call-modes.js';
import type { CallOptions } from '../../src/saga/core/call-options.js';
import { ObjectType } from '../../src/saga/core/object.js';
import { SessionObject } from '../../src/saga/core/session.js';
import type { Same } from '../support/types.js';

class Library extends SessionObject {
  declare readonly async: Tasks<Library>;
  declare readonly task: Tasks<Library>;
  readonly city = 'Wellington';

  getType(): ObjectType {
    return ObjectType.Session;
  }

  clone(): this {
    return new Library() as this;
  }

  count(options?: CallOptions): Promise<number> {
    return Promise.resolve(options ? 2 : 1);
  }

  find(title: string, options?: CallOptions): Promise<string>;
  find(title: string, year: number, options?: CallOptions): Promise<string[]>;
  find(...args: unknown[]): Promise<string | string[]> {
    return Promise.resolve(typeof args[1] === 'number' ? ['book'] : 'book');
  }

  shelves(): string[] {
    return ['A'];
  }
}
asynchronous(Library);

describe('the views of a class', () => {
  const library = new Library();

  test('give tasks of what the methods promise', async () => {
    const task = library.async.count();
    const proof: Same<typeof task, Task<number>> = true;
    expect(proof).toBe(true);
    const total: number = await task.getResult();
    expect(total).toBe(2);
    // @ts-expect-error -- a task is no promise of its result
    const wrong: Promise<number> = library.async.count();
    expect(wrong).not.toBeInstanceOf(Promise);
  });

  test('keep overloads apart', async () => {
    const one = library.task.find('Emma');
    const many = library.task.find('Emma', 1815);
    const proofs: [Same<typeof one, Task<string>>, Same<typeof many, Task<string[]>>] = [true, true];
    expect(proofs).toEqual([true, true]);
    await Promise.all([one.run(), many.run()]);
    await expect(one.getResult()).resolves.toBe('book');
    await expect(many.getResult()).resolves.toEqual(['book']);
  });

  test('check the arguments', () => {
    const uncalled = (): void => {
      // @ts-expect-error -- a title is a string
      library.async.find(1815);
      // @ts-expect-error -- an option is missing its braces
      library.async.count(new AbortController().signal, 1);
    };
    expect(uncalled).toBeInstanceOf(Function);
  });

  test('have no local methods, properties or views', () => {
    type Names = keyof Tasks<Library>;
    const proof: Same<Names, 'count' | 'find'> = true;
    expect(proof).toBe(true);
    // @ts-expect-error -- getId asks nobody
    expect(library.async.getId).toBeUndefined();
    // @ts-expect-error -- clone neither
    expect(library.task.clone).toBeUndefined();
    // @ts-expect-error -- a property is no method
    expect(library.async.city).toBeUndefined();
    // @ts-expect-error -- there are no views of views
    expect(library.async.async).toBeUndefined();
  });

  test('of the job package have what its classes promise', () => {
    const proofs: [
      Same<ReturnType<JobService['async']['getJob']>, Task<Job>>,
      Same<ReturnType<JobService['task']['list']>, Task<string[]>>,
      Same<ReturnType<Job['async']['suspend']>, Task<void>>,
      Same<ReturnType<Job['async']['getAttribute']>, Task<string>>,
      Same<ReturnType<Job['async']['addCallback']>, Task<number>>,
      Same<ReturnType<Job['async']['permissionsCheck']>, Task<boolean>>,
    ] = [true, true, true, true, true, true];
    expect(proofs).not.toContain(false);
  });
});
