/** Trees of directories, listed several at a time. */
import { SagaException } from '../core/exceptions.js';
import { type Call, FOLLOW, NO_FOLLOW } from '../engine/entry-service.js';
import type { EntryStat, ListedEntry } from '../spi/file.js';
import { childOf, type Location } from './location.js';

/** A directory that was reached. */
export interface Visited {
  /** Relative to where the walk began, which itself is ''. */
  readonly path: string;
  readonly entries: readonly ListedEntry[];
}

/** Directories that are listed side by side, so that a remote service is not asked for one after the other. */
const SIDE_BY_SIDE = 8;
/** Links to directories on one way, where the service cannot tell whether two directories are the same. */
const MOST_LINKS = 40;

interface Directory {
  readonly path: string;
  /** Whether it was reached by a link, and how many there were on the way. */
  readonly isLink: boolean;
  readonly links: number;
}

/**
 * The directory and all beneath it, each before those in it. One that vanishes meanwhile is empty.
 * @param follow - Go into directories that links lead to, but never in circles.
 * @throws PermissionDenied naming a directory that can't be read.
 */
export async function* walk(root: Location, follow: boolean, call: Call): AsyncGenerator<Visited, void> {
  const waiting: Directory[] = [{ path: '', isLink: true, links: 0 }];
  const begun: { directory: Directory; listing: Promise<readonly ListedEntry[]> }[] = [];
  for (;;) {
    while (begun.length < SIDE_BY_SIDE) {
      const directory = waiting.pop();
      if (!directory) break;
      const listing = list(root, directory, call);
      listing.catch(() => undefined); // it is looked at when its turn has come, if ever
      begun.push({ directory, listing });
    }
    const next = begun.shift();
    if (!next) return;
    const { directory } = next;
    const entries = await next.listing;
    yield { path: directory.path, entries };
    for (const { name, kind } of entries) {
      if (kind === 'directory') waiting.push({ ...directory, path: beneath(directory.path, name), isLink: false });
    }
    if (follow) waiting.push(...(await linkedDirectories(root, directory, entries, call)));
  }
}

/** The path of an entry of a visited directory, relative to where the walk began. */
export function beneath(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`;
}

async function list(root: Location, { path, isLink }: Directory, call: Call): Promise<readonly ListedEntry[]> {
  const batches: (readonly ListedEntry[])[] = [];
  try {
    // A directory in whose place somebody has put a link is not what is to be walked.
    const listed = root.service.list(at(root, path), isLink ? FOLLOW : NO_FOLLOW, call);
    for await (const batch of listed) batches.push(batch);
  } catch (error) {
    if (path === '' || !SagaException.is(error) || error.code !== 'DoesNotExist') throw error;
  }
  // Most have one batch, which needs no copy.
  return batches.length === 1 ? (batches[0] ?? []) : batches.flat();
}

/** The directories that links in `directory` lead to, but for those that it lies in itself. */
async function linkedDirectories(
  root: Location,
  directory: Directory,
  entries: readonly ListedEntry[],
  call: Call,
): Promise<Directory[]> {
  const links = entries.filter(({ kind }) => kind === 'link');
  if (links.length === 0 || directory.links === MOST_LINKS) return [];
  const names = directory.path.split('/');
  const above = await Promise.all(
    ['', ...names.map((_, i) => names.slice(0, i + 1).join('/'))].map((p) => stat(root, p, call)),
  );
  const found: Directory[] = [];
  for (const { name } of links) {
    const path = beneath(directory.path, name);
    const there = await stat(root, path, call);
    const isCircle = there?.identity !== undefined && above.some((each) => each?.identity === there.identity);
    if (there?.kind === 'directory' && !isCircle) found.push({ path, isLink: true, links: directory.links + 1 });
  }
  return found;
}

function stat(root: Location, path: string, call: Call): Promise<EntryStat | undefined> {
  return root.service.stat(at(root, path), FOLLOW, call);
}

function at(root: Location, path: string): string {
  return path === '' ? root.path : childOf(root.path, path);
}
