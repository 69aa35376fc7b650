import { describe, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, inflateSync } from 'node:zlib';

import {
  decode,
  encode,
  type Grid,
  readSurvey,
  refine,
  relief,
  SURVEY_FILE,
  volume,
} from '../../examples/terrain/grid.js';
import { hillshade } from '../../examples/terrain/hillshade.js';
import { png } from '../../examples/terrain/png.js';

const survey = readSurvey(SURVEY_FILE);

function grid(rows: number, columns: number, height: (i: number, j: number) => number, spacing = 1): Grid {
  const z = Float64Array.from({ length: rows * columns }, (_, k) => height(Math.floor(k / columns), k % columns));
  return { rows, columns, spacing, z };
}

describe('the survey', () => {
  test('is that of Maunga Whau, with its source', () => {
    expect(survey).toMatchObject({ rows: 61, columns: 87, spacing: 10 });
    expect(relief(survey)).toEqual({ lowest: 94, highest: 195 });
    expect(survey.name).toContain('Maunga Whau');
    expect(survey.source).toContain('Ross Ihaka');
  });

  test('a file of the wrong length is refused by name', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'xosaga-test-'));
    try {
      const file = join(directory, 'short.json');
      await writeFile(file, JSON.stringify({ rows: 2, columns: 2, cellSizeMetres: 10, elevation: [1, 2, 3] }));
      expect(() => readSurvey(file)).toThrow(`${file} is not a survey of 2 x 2 elevations`);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe('refinement', () => {
  test.each([1, 2, 3, 20])('by %d keeps the points of the survey to the last bit', (factor) => {
    const fine = refine(survey, factor);
    expect(fine).toMatchObject({ rows: 60 * factor + 1, columns: 86 * factor + 1, spacing: 10 / factor });
    const kept = survey.z.map(
      (_, k) => fine.z[Math.floor(k / survey.columns) * factor * fine.columns + (k % survey.columns) * factor]!,
    );
    expect(kept).toEqual(survey.z);
  });

  test('a plane stays a plane, to its edges', () => {
    const plane = (i: number, j: number) => 3 + 2 * i - 5 * j;
    const fine = refine(grid(4, 5, plane), 4);
    expect(fine.z).toEqual(grid(13, 17, (i, j) => plane(i / 4, j / 4)).z);
  });

  test('is the Catmull-Rom cubic between points', () => {
    // At half way the weights are -1/16, 9/16, 9/16, -1/16.
    const fine = refine(
      grid(2, 4, (_, j) => [16, 32, 0, 64][j]!),
      2,
    );
    expect(fine.z[3]).toBe((-16 + 9 * 32 + 9 * 0 - 64) / 16);
  });

  test('needs a whole factor and something to refine', () => {
    expect(() => refine(survey, 1.5)).toThrow('factor is a positive integer, not 1.5');
    expect(() =>
      refine(
        grid(1, 5, () => 0),
        2,
      ),
    ).toThrow('at least 2 x 2');
  });
});

describe('volume and encoding', () => {
  test('the volume is in cubic metres, and small terms are not lost', () => {
    expect(volume(grid(2, 3, () => 4, 10))).toBe(2400);
    const z = Float64Array.of(1e16, 1, -1e16, 1);
    expect(volume({ rows: 2, columns: 2, spacing: 1, z })).toBe(2);
  });

  test('elevations are little-endian float64', () => {
    const z = Float64Array.of(1, -2.5, 195);
    const bytes = encode(z);
    expect(bytes.subarray(0, 8).toString('hex')).toBe('000000000000f03f');
    expect([0, 8, 16].map((at) => bytes.readDoubleLE(at))).toEqual([...z]);
    expect(decode(bytes)).toEqual(z);
    expect(encode(new Float64Array([0, 1, 2]).subarray(1, 2))).toHaveLength(8);
  });
});

describe('hillshade', () => {
  test('level ground is 180, the slope towards the upper left bright, the opposite one dark', () => {
    expect(new Set(hillshade(grid(3, 4, () => 5)))).toEqual(new Set([180]));
    const middle = (height: (i: number, j: number) => number) => hillshade(grid(3, 3, height))[4];
    expect(middle((i, j) => (i + j) / Math.SQRT2)).toBe(255); // 45 degrees, straight at the sun
    expect(middle((i, j) => -(i + j) / Math.SQRT2)).toBe(0);
    expect(middle((i, j) => i - j)).toBe(middle((i, j) => j - i)); // along the light
  });

  test('the crater wall next to the light is in the shade, the far one is lit', () => {
    const shade = hillshade(survey);
    const at = (i: number, j: number) => shade[i * survey.columns + j]!;
    expect(at(27, 20)).toBeLessThan(120);
    expect(at(31, 32)).toBeGreaterThan(220);
  });
});

describe('PNG', () => {
  test('any decoder gets the pixels back', () => {
    const grey = Uint8Array.from({ length: 7 * 5 }, (_, k) => (k * 53) % 256);
    const file = png(grey, 7, 5);
    expect(file.subarray(0, 8).toString('latin1')).toBe('\x89PNG\r\n\x1a\n');

    const chunks = new Map<string, Buffer>();
    let at = 8;
    while (at < file.length) {
      const length = file.readUInt32BE(at);
      const body = file.subarray(at + 4, at + 8 + length);
      expect(file.readUInt32BE(at + 8 + length)).toBe(crc32(body));
      chunks.set(body.toString('latin1', 0, 4), body.subarray(4));
      at += 12 + length;
    }
    expect([...chunks.keys()]).toEqual(['IHDR', 'IDAT', 'IEND']);
    const header = chunks.get('IHDR')!;
    expect([header.readUInt32BE(0), header.readUInt32BE(4), ...header.subarray(8)]).toEqual([7, 5, 8, 0, 0, 0, 0]);

    const lines = inflateSync(chunks.get('IDAT')!);
    expect(lines).toHaveLength(5 * 8);
    const pixels: number[] = [];
    for (let y = 0; y < 5; y++) {
      expect(lines[y * 8]).toBe(1); // each byte is the difference to the one on its left
      let left = 0;
      for (let x = 1; x <= 7; x++) pixels.push((left = (left + lines[y * 8 + x]!) & 255));
    }
    expect(pixels).toEqual([...grey]);
  });

  test('pixels that do not fill the picture are refused', () => {
    expect(() => png(new Uint8Array(5), 2, 3)).toThrow('2 x 3 pixels wanted, 5 given');
  });
});
