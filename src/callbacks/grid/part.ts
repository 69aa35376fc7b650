/** The part of a version that one unit writes (docs/checkpoint-state.md): its files, synced, and their list with checksums. */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { lstat, open, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';

import { NoSuccess } from '../../saga/core/exceptions.js';
import { decodeNative, encodeNative } from '../../saga/core/native-string.js';
import { directoryOf } from '../directory.js';
import { codeOf, FOR_READING, syncDirectory, writeDurably } from './durable.js';
import { sealLines, sha256, unsealLines } from './sealed-lines.js';

/** What a manifest says of a part. */
export interface PartSummary {
  readonly unit: string;
  /** The checksum of the file `parts`. */
  readonly parts: string;
  readonly files: number;
  readonly bytes: number;
}

/** What a rank saved: the first lines of `parts`. */
export interface RankPart {
  readonly rank: number;
  readonly host: string;
  readonly participants: readonly SavedParticipant[];
}

export interface SavedParticipant {
  readonly name: string;
  /** Whether it has to be told of a restart. */
  readonly rebuild: boolean;
}

/** A further line. Paths are relative to the version, with `/`. */
export type PartEntry =
  | { readonly path: string; readonly size: number; readonly sha256: string }
  | { readonly path: string; readonly directory: true }
  | { readonly path: string; readonly link: string };

/** Bytes read at once. */
const PIECE = 1 << 20;
/** Files that are read at the same time: disks and checksums keep two cores busy, not more. */
const AT_ONCE = 4;
/** Bytes of the longest list that is read: some million files. */
const LONGEST_LIST = 1 << 29;

/** The list of a unit's part, in the directory of the version. */
export function listOf(unit: string): string {
  return `parts-${unit}`;
}

/** The directory of a rank in a version. */
export function rankDirectory(version: string, rank: number): string {
  return join(version, String(rank));
}

/**
 * Makes all that the participants of a unit have written durable, and writes the list of it.
 * @throws NoSuccess naming what is no file, directory or link.
 */
export async function writePart(directory: string, unit: string, ranks: readonly RankPart[]): Promise<PartSummary> {
  const entries: Found[] = [];
  for (const { rank, participants } of ranks) {
    entries.push({ path: String(rank), kind: 'directory' });
    for (const { name } of participants) await collect(directory, directoryOf(name, String(rank)), entries);
  }
  const recorded = await inTurns(entries, (entry) => record(directory, entry));
  // Deepest first: a directory is whole when what it names is.
  for (const entry of [...recorded].reverse()) {
    if ('directory' in entry) await syncDirectory(nativePath(directory, entry.path));
  }
  await syncDirectory(directory);
  const text = sealLines([...ranks, ...recorded]);
  await writeDurably(join(directory, listOf(unit)), text);
  const sizes = recorded.map((entry) => ('size' in entry ? entry.size : -1)).filter((size) => size >= 0);
  return { unit, parts: sha256(text), files: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

/**
 * Reads the list of a part and, with `every`, compares every byte.
 * @throws NoSuccess naming the first file that is not as it was written.
 */
export async function readPart(
  directory: string,
  summary: PartSummary,
  every: 'every byte' | 'list',
): Promise<{ ranks: RankPart[]; entries: PartEntry[] }> {
  const list = join(directory, listOf(summary.unit));
  const bytes = await readList(list);
  const lines = sha256(bytes) === summary.parts ? unsealLines(bytes) : undefined;
  if (!lines?.every((line) => isRank(line) || isEntry(line))) throw damaged(list, 'is not what was written');
  const ranks = lines.filter(isRank);
  const entries = lines.filter(isEntry);
  if (every === 'list') return { ranks, entries };

  const directories = new Set(['']);
  for (const { path, ...entry } of entries) {
    // A parent that became a link would lead elsewhere.
    if (!directories.has(parentOf(path))) throw damaged(nativeText(directory, path), 'has no directory');
    if (!('directory' in entry)) continue;
    const found = await lstat(nativePath(directory, path)).catch(() => undefined);
    if (!found?.isDirectory()) throw damaged(nativeText(directory, path), 'is missing');
    directories.add(path);
  }
  await inTurns(entries, (entry) => compare(directory, entry));
  return { ranks, entries };
}

/** The path of an entry as the system has it. */
export function nativePath(directory: string, path: string): Buffer {
  return Buffer.from(encodeNative(nativeText(directory, path)));
}

function nativeText(directory: string, path: string): string {
  return `${directory}/${path}`;
}

async function readList(path: string): Promise<Buffer> {
  try {
    const file = await open(path, FOR_READING);
    try {
      const found = await file.stat();
      if (!found.isFile() || found.size > LONGEST_LIST) throw damaged(path, 'is not what was written');
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw damaged(path, 'is missing');
    throw error;
  }
}

interface Found {
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'link';
}

/** Adds a participant's directory and all that is in it, parents first. */
async function collect(directory: string, path: string, entries: Found[]): Promise<void> {
  const found = await lstat(nativePath(directory, path)).catch((error: unknown) => {
    // A participant that saves nothing has none.
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (!found) return;
  if (found.isFile() || found.isSymbolicLink()) {
    entries.push({ path, kind: found.isFile() ? 'file' : 'link' });
  } else if (found.isDirectory()) {
    entries.push({ path, kind: 'directory' });
    const names = await readdir(nativePath(directory, path), 'buffer');
    for (const name of names.sort((a, b) => Buffer.compare(a, b)))
      await collect(directory, `${path}/${decodeNative(name)}`, entries);
  } else {
    throw new NoSuccess(`${nativeText(directory, path)} is no file, directory or link: a checkpoint cannot hold it`);
  }
}

async function record(directory: string, { path, kind }: Found): Promise<PartEntry> {
  if (kind === 'directory') return { path, directory: true };
  if (kind === 'link') return { path, link: decodeNative(await readlink(nativePath(directory, path), 'buffer')) };
  return { path, ...(await digest(directory, path, 'sync')) };
}

async function compare(directory: string, entry: PartEntry): Promise<void> {
  const { path } = entry;
  const name = nativeText(directory, path);
  if ('directory' in entry) return;
  try {
    if ('link' in entry) {
      const link = decodeNative(await readlink(nativePath(directory, path), 'buffer'));
      if (link !== entry.link) throw damaged(name, 'leads elsewhere');
      return;
    }
    const found = await digest(directory, path, 'read');
    if (found.size !== entry.size) {
      throw damaged(name, `has ${String(found.size)} bytes, not ${String(entry.size)}`);
    }
    if (found.sha256 !== entry.sha256) throw damaged(name, 'has been changed');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw damaged(name, 'is missing');
    if (['ELOOP', 'EINVAL', 'ENOTDIR'].includes(codeOf(error))) throw damaged(name, 'has been replaced');
    throw error;
  }
}

/** Reads a file from its beginning to its end. */
async function digest(
  directory: string,
  path: string,
  purpose: 'sync' | 'read',
): Promise<{ size: number; sha256: string }> {
  const file = await open(nativePath(directory, path), FOR_READING);
  try {
    if (!(await file.stat()).isFile()) throw damaged(nativeText(directory, path), 'has been replaced');
    const hash = createHash('sha256');
    const piece = Buffer.allocUnsafe(PIECE);
    let size = 0;
    for (let count: number; (count = (await file.read(piece, 0, PIECE, size)).bytesRead) > 0; size += count) {
      hash.update(piece.subarray(0, count));
    }
    if (purpose === 'sync') await file.sync();
    return { size, sha256: hash.digest('hex') };
  } finally {
    await file.close();
  }
}

/** Maps in order, a few at the same time. */
async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const next = items.entries();
  const worker = async (): Promise<void> => {
    for (const [at, item] of next) results[at] = await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

/** A list that was copied from somewhere may hold anything: nothing may lead out of its directory. */
function isEntry(value: unknown): value is PartEntry {
  if (typeof value !== 'object' || value === null) return false;
  const { path, size, sha256: sum, directory, link } = value as Readonly<Record<string, unknown>>;
  if (typeof path !== 'string' || path.split('/').some((name) => ['', '.', '..'].includes(name))) return false;
  if (path.includes('\0')) return false;
  if (directory === true || typeof link === 'string') return true;
  return Number.isSafeInteger(size) && Number(size) >= 0 && typeof sum === 'string';
}

function isRank(value: unknown): value is RankPart {
  if (typeof value !== 'object' || value === null) return false;
  const { rank, host, participants } = value as Readonly<Record<string, unknown>>;
  if (!Number.isSafeInteger(rank) || Number(rank) < 0 || typeof host !== 'string') return false;
  return Array.isArray(participants) && participants.every(isParticipant);
}

function isParticipant(value: unknown): value is SavedParticipant {
  const { name, rebuild } = (value ?? {}) as Readonly<Record<string, unknown>>;
  return typeof name === 'string' && typeof rebuild === 'boolean';
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0));
}

function damaged(path: string, how: string): NoSuccess {
  return new NoSuccess(`the checkpoint is damaged: ${path} ${how}`);
}
