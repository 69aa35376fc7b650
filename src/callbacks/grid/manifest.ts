/** The manifest of a version (docs/checkpoint-state.md, "manifest"): written last; without it there is no version. */
import { lstat, open } from 'node:fs/promises';
import { join } from 'node:path';

import { NoSuccess } from '../../saga/core/exceptions.js';
import { codeOf, FOR_READING, writeDurably } from './durable.js';
import type { PartSummary } from './part.js';
import { sealLines, sha256, unsealLines } from './sealed-lines.js';

const LAYOUT = 1;
const NAME = 'manifest';
/** Bytes: thousands of units. */
const LONGEST = 1 << 24;

export interface Manifest {
  readonly layout: typeof LAYOUT;
  readonly job: string;
  readonly generation: number;
  readonly incarnation: number;
  /** The version before, 0 when there is none. */
  readonly previous: number;
  /** When it was committed, in milliseconds since 1970. */
  readonly committed: number;
  readonly checkpointer: string;
  readonly units: readonly PartSummary[];
}

/** Writes the manifest: the version exists when this resolves, and only if the rename in it was reached. @returns its checksum. */
export async function writeManifest(directory: string, manifest: Omit<Manifest, 'layout'>): Promise<string> {
  const text = sealLines([{ layout: LAYOUT, ...manifest }]);
  await writeDurably(join(directory, NAME), text);
  return sha256(text);
}

/**
 * The manifest of a version; undefined when there is none: not yet, or no longer.
 * @throws NoSuccess when there is one that is damaged or that this version of xosaga cannot read.
 */
export async function readManifest(directory: string): Promise<{ manifest: Manifest; sha256: string } | undefined> {
  const path = join(directory, NAME);
  const bytes = await readWhole(path);
  if (!bytes) return undefined;
  const [manifest, ...more] = unsealLines(bytes) ?? [];
  const layout = (manifest as { layout?: unknown } | undefined)?.layout;
  if (typeof layout === 'number' && layout > LAYOUT) {
    throw new NoSuccess(
      `${path} has layout ${String(layout)}, this xosaga knows ${String(LAYOUT)}: upgrade to read it`,
    );
  }
  if (!isManifest(manifest) || more.length > 0)
    throw new NoSuccess(`the checkpoint is damaged: ${path} is not what was written`);
  return { manifest, sha256: sha256(bytes) };
}

/** Whether there is a manifest, whole or not. */
export async function hasManifest(directory: string): Promise<boolean> {
  return (await lstat(join(directory, NAME)).catch(() => undefined)) !== undefined;
}

async function readWhole(path: string): Promise<Buffer | undefined> {
  try {
    const file = await open(path, FOR_READING);
    try {
      const found = await file.stat();
      return found.isFile() && found.size <= LONGEST ? await file.readFile() : Buffer.alloc(0);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return undefined;
    // A link, a FIFO: there is something, which nobody of us has written.
    if (['ELOOP', 'ENXIO'].includes(codeOf(error))) return Buffer.alloc(0);
    throw error;
  }
}

const UNIT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Whether it can be the name of a unit: it is part of the name of a file, too. */
export function isUnitName(name: unknown): name is string {
  return typeof name === 'string' && UNIT.test(name);
}

const isCount = (value: unknown): boolean => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

function isManifest(value: unknown): value is Manifest {
  if (typeof value !== 'object' || value === null) return false;
  const { layout, job, generation, incarnation, previous, committed, checkpointer, units } = value as Readonly<
    Record<keyof Manifest, unknown>
  >;
  if (layout !== LAYOUT || ![generation, incarnation, previous, committed].every(isCount)) return false;
  if (![job, checkpointer].every((text) => typeof text === 'string')) return false;
  return Array.isArray(units) && units.every(isSummary);
}

function isSummary(value: unknown): value is PartSummary {
  if (typeof value !== 'object' || value === null) return false;
  const { unit, parts, files, bytes } = value as Readonly<Record<keyof PartSummary, unknown>>;
  return isUnitName(unit) && typeof parts === 'string' && isCount(files) && isCount(bytes);
}
