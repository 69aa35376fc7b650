/** Segments that a long-lived submitter is done with. */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { SegmentLog } from '../../../src/adaptors/local/segment-log.js';
import { SegmentWriter } from '../../../src/adaptors/local/segment-writer.js';

let home = '';
let writer: SegmentWriter;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'xosaga-retired-'));
  writer = new SegmentWriter(home);
});
afterEach(() => {
  jest.useRealTimers();
  writer.close();
  rmSync(home, { recursive: true, force: true });
});

/** The segment with two jobs. */
function opened(): SegmentLog {
  const segment = new SegmentLog(home, writer.name, writer.header);
  for (let i = 0; i < 2; i++) segment.jobs.add(writer.append({ executable: 'x' }, '/'));
  return segment;
}

describe('a segment', () => {
  test('is over when the last of its jobs has ended', async () => {
    const segment = opened();
    expect(await segment.isOver()).toBe(false);
    segment.append('never 1 5 canceled');
    expect(await segment.isOver()).toBe(false);
    segment.append('end 2 6 exit 0 0 - - -');
    expect(await segment.isOver()).toBe(true);
    segment.close();
  });

  test('that knows why a job was refused is not over: no file says it', async () => {
    const segment = opened();
    segment.refuse(1, 'no space');
    for (const n of [1, 2]) segment.append(`never ${String(n)} 5 gone`);
    expect(await segment.isOver()).toBe(false);
    segment.close();
  });

  test('that is closed reads nothing more: its file number may be that of another file', async () => {
    const segment = opened();
    segment.append('end 1 6 exit 0 0 - - -');
    await expect(segment.observe(1)).resolves.toMatchObject({ end: { kind: 'exit' } });
    segment.close();
    await expect(segment.observe(1)).rejects.toThrow(/closed/);
  });

  test('that is no longer needed closes when the last listener has gone', async () => {
    const segment = opened();
    const stop = segment.watch(1, () => undefined);
    jest.useFakeTimers();
    segment.closeWhenIdle();
    await jest.advanceTimersByTimeAsync(60_000);
    expect(segment.closing.aborted).toBe(false);
    stop();
    await jest.advanceTimersByTimeAsync(60_000);
    expect(segment.closing.aborted).toBe(true);
  });
});

test('a segment is written for one day, whatever the clock does: then a clean-up may come', () => {
  expect(writer.isOld).toBe(false);
  const present = Date.now();
  const clock = jest.spyOn(Date, 'now');
  for (const hours of [25, -25, 24 * 31]) {
    clock.mockReturnValue(present + hours * 3_600_000);
    expect(writer.isOld).toBe(true);
  }
  clock.mockReturnValue(present + 3_600_000);
  expect(writer.isOld).toBe(false);
});
