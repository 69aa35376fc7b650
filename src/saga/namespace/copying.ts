/**
 * Copying: by the service where both sides are of one and it can, else by reading and writing. What is not whole is not
 * there: a copy is made under another name beside its place, and gets its own name when it is complete.
 */
import type { CallOptions, Progress } from '../core/call-options.js';
import { BadParameter } from '../core/exceptions.js';
import { type Call, FOLLOW, NO_FOLLOW, READ, WRITE } from '../engine/entry-service.js';
import { traced } from '../engine/layers/tracing.js';
import type { CopyMode, EntryKind, WriteMode } from '../spi/file.js';
import { makeDirectory } from './directories.js';
import { placeLink } from './linking.js';
import { childOf, type Location, temporaryBeside, urlAt } from './location.js';
import type { Landing, Operand } from './operands.js';
import { remove } from './removing.js';
import { sideBySide } from './side-by-side.js';
import { pump, verify } from './streaming.js';
import { beneath, walk } from './walking.js';

/** What else can be asked of a copy or a move. */
export interface TransferOptions extends CallOptions {
  /** Keep the permission bits and the times; default false, for a move true. */
  preserve?: boolean | undefined;
  /** Read each copied file again and compare SHA-256 digests; default false. */
  verify?: boolean | undefined;
}

interface Manner extends CopyMode {
  readonly verify: boolean;
  readonly meter: Meter;
}

/** Files that are copied side by side. */
const SIDE_BY_SIDE = 4;

/**
 * Makes the landing a copy of the operand; a file replaces what is there, a directory is added to it.
 * @throws BadParameter for what has no content to copy, such as a device or a pipe.
 */
export async function copy(source: Operand, target: Landing, call: Call, options: TransferOptions = {}): Promise<void> {
  const { kind, size } = source.stat;
  const manner = {
    overwrite: target.existing !== undefined,
    preserve: options.preserve === true,
    verify: options.verify === true,
    meter: new Meter(call.options?.onProgress, kind === 'file' ? size : undefined),
  };
  if (kind === 'directory') return copyTree(source, target, manner, call);
  requireFile(source, kind);
  return copyFile(source, target, manner, call);
}

function copyTree(source: Location, target: Landing, manner: Manner, call: Call): Promise<void> {
  if (byService(source, target, 'file.tree', manner)) {
    return source.service.copyTree(source.path, target.path, manner, manner.meter.ofService(source, call));
  }
  if (target.existing) return fill(source, target, manner, call);
  return whole(target, manner, call, async (place) => {
    await place.service.makeDir(place.path, call);
    await orDiscard(place, call, fill(source, place, manner, call));
  });
}

function copyFile(source: Location, target: Location, manner: Manner, call: Call): Promise<void> {
  if (byService(source, target, 'file.serverCopy', manner)) {
    return source.service.copyFile(source.path, target.path, manner, manner.meter.ofService(source, call));
  }
  const url = urlAt(source.service.url, source.path);
  const derived = { adaptor: source.service.adaptor, operation: `${call.operation} (by read and write)`, url };
  return traced(derived, () =>
    whole(target, manner, call, (place, isNew) => streamFile(source, place, isNew, manner, call)),
  );
}

/** The service may do it faster, but it does not tell how it checked what it did. */
function byService(
  source: Location,
  target: Location,
  capability: 'file.tree' | 'file.serverCopy',
  manner: Manner,
): boolean {
  return !manner.verify && source.service.offers(capability) && source.service.isSameAs(target.service);
}

/** Has something made beside its place, and renames it when it is complete; without rename it is made in its place. */
async function whole(
  { service, path }: Location,
  { overwrite }: CopyMode,
  call: Call,
  make: (place: Location, isNew: boolean) => Promise<void>,
): Promise<void> {
  if (!service.offers('namespace.rename')) return make({ service, path }, !overwrite);
  const place = { service, path: temporaryBeside(path) };
  await make(place, true);
  await orDiscard(place, call, service.rename(place.path, path, overwrite, call));
}

/** Waits for work on something that was begun. A failure, and be it an abort, leaves nothing of it. */
async function orDiscard(place: Location, { operation }: Call, work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    await discard(place, { operation }).catch(() => undefined); // the first failure is what the caller is to hear of
    throw error;
  }
}

async function discard(place: Location, call: Call): Promise<void> {
  const there = await place.service.stat(place.path, NO_FOLLOW, call);
  if (there) await remove(place, there.kind, call);
}

/**
 * Copies what is in a directory into another one. Links are copied as they are; none is followed out of the target, also
 * when the source has told of it as a link before, and now tells of a directory.
 */
async function fill(source: Location, target: Location, manner: Manner, call: Call): Promise<void> {
  const { service } = target;
  const directories = [''];
  for await (const { path, entries } of walk(source, NO_FOLLOW, call)) {
    await sideBySide(entries, SIDE_BY_SIDE, async ({ name, kind }) => {
      const relative = beneath(path, name);
      const from = { service: source.service, path: childOf(source.path, relative) };
      const to = { service, path: childOf(target.path, relative) };
      if (kind === 'directory') {
        directories.push(relative);
        await makeDirectory(to, NO_FOLLOW, call);
      } else if (kind === 'link') await copyLink(from, to, manner, call);
      else {
        requireFile(from, kind);
        await copyFile(from, to, manner, call);
      }
    });
  }
  if (!manner.preserve) return;
  // Innermost first, when nothing more is put into them that would change their times.
  for (const relative of directories.reverse()) {
    const at = (root: Location) => ({ ...root, path: relative === '' ? root.path : childOf(root.path, relative) });
    await copyMetadata(at(source), at(target), manner, call);
  }
}

async function copyLink(source: Location, target: Location, { overwrite }: CopyMode, call: Call): Promise<void> {
  await placeLink(target, await source.service.readLink(source.path, call), overwrite, call);
}

async function streamFile(
  source: Location,
  target: Location,
  isNew: boolean,
  manner: Manner,
  call: Call,
): Promise<void> {
  const what = urlAt(source.service.url, source.path).toString();
  const input = await source.service.openFile(source.path, READ, {}, call);
  try {
    const mode = await writeMode(target, isNew, call);
    const output = await target.service.openFile(target.path, WRITE, mode, call);
    const copied = async (): Promise<void> => {
      const count = (bytes: number): void => {
        manner.meter.count(bytes, what);
      };
      const digest = await pump(input, output, manner.verify, call, count);
      if (digest !== undefined) await verify(target, digest, call);
      await copyMetadata(source, target, manner, call);
    };
    await orDiscard(target, call, copied());
  } finally {
    await input.close({ operation: call.operation });
  }
}

/** A link in the place goes first: what is written through it could be the very file that is copied. */
async function writeMode({ service, path }: Location, isNew: boolean, call: Call): Promise<WriteMode> {
  const isLink = !isNew && (await service.stat(path, NO_FOLLOW, call))?.kind === 'link';
  if (isLink) await service.remove(path, call);
  return isNew || isLink ? { create: true, exclusive: true } : { create: true, truncate: true };
}

/** The bits and times where that is asked for; else a file that could be run can be run by those who may read the copy. */
async function copyMetadata(source: Location, target: Location, { preserve }: CopyMode, call: Call): Promise<void> {
  const { service, path } = target;
  if (!service.offers('namespace.metadata')) return;
  const original = await source.service.stat(source.path, FOLLOW, call);
  if (!original) return;
  if (preserve) {
    const { mode, modified } = original;
    return service.setMetadata(path, { ...(mode !== undefined && { mode }), ...(modified && { modified }) }, call);
  }
  const isProgram = ((original.mode ?? 0) & 0o111) !== 0;
  const mode = isProgram ? (await service.stat(path, FOLLOW, call))?.mode : undefined;
  if (mode !== undefined) await service.setMetadata(path, { mode: mode | ((mode & 0o444) >> 2) }, call);
}

function requireFile({ service, path }: Location, kind: EntryKind): void {
  if (kind === 'file') return;
  const url = urlAt(service.url, path).toString();
  throw new BadParameter(`${url} is neither a file nor a directory: there is nothing in it that could be copied`, {
    url,
  });
}

/** Adds up the bytes of all files of a copy. */
class Meter {
  readonly #report: ((progress: Progress) => void) | undefined;
  readonly #total: number | undefined;
  #done = 0;

  constructor(report: ((progress: Progress) => void) | undefined, total: number | undefined) {
    this.#report = report;
    this.#total = total;
  }

  count(bytes: number, what: string): void {
    this.#done += bytes;
    this.#report?.({ done: this.#done, total: this.#total, what });
  }

  /** A call that the service does by itself: it counts from 0, and names files by their paths. */
  ofService({ service }: Location, call: Call): Call {
    if (!this.#report) return call;
    let counted = 0;
    const onProgress = ({ done, what }: Progress): void => {
      this.count(done - counted, urlAt(service.url, what).toString());
      counted = done;
    };
    return { ...call, options: { ...call.options, onProgress } };
  }
}
