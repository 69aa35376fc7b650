/**
 * The native id of a local job, `<segment>.<n>`, of a task of an array `<segment>.<n>_<index>` (docs/state.md, "Layout"): where
 * it stands, so that any process finds it by opening one file.
 */
import { BadParameter } from '../../saga/core/exceptions.js';
import type { JobLine } from './job-line.js';

const FORM = /^([a-z0-9]{12})\.([1-9][0-9]{0,8})(?:_(0|[1-9][0-9]{0,8}))?$/;

export function nativeId(segment: string, { n, task }: Pick<JobLine, 'n' | 'task'>): string {
  return task ? `${segment}.${String(task.array)}_${String(task.index)}` : `${segment}.${String(n)}`;
}

/** What marks the processes of a job in their environment (`XOSAGA_JOB_ID`), and its temporary files: all who read `events` know it. */
export function markOf(segment: string, { n }: Pick<JobLine, 'n'>): string {
  return `${segment}.${String(n)}`;
}

export function isNativeId(text: string): boolean {
  return FORM.test(text);
}

/** @throws BadParameter for what cannot be an id. */
export function parseNativeId(id: string): { name: string; n: number; index: number | undefined } {
  const [, name, n, index] = FORM.exec(id) ?? [];
  if (name !== undefined && n !== undefined) {
    return { name, n: Number(n), index: index === undefined ? undefined : Number(index) };
  }
  throw new BadParameter(`'${id}' is not the id of a local job; ids look like [local://localhost]-[abcdefgh1234.1]`);
}
