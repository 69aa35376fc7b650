/** The versions of a job's checkpoints on disk (docs/checkpoint-state.md, "Versions"). */
import { chmod, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { DoesNotExist, NoSuccess, SagaException } from '../../saga/core/exceptions.js';
import { codeOf, syncDirectory, writeDurably } from './durable.js';
import { readManifest, hasManifest, writeManifest, type Manifest } from './manifest.js';
import { openPrivateDirectory } from './private-directory.js';
import { rankDirectory, readPart, type PartSummary, type RankPart } from './part.js';
import { copyVersion } from './version-copy.js';

export interface StoreOptions {
  readonly job: string;
  /** Where the versions are. */
  readonly directory: string;
  /** Where further copies are put, in turn. */
  readonly copies?: readonly string[];
  /** Copies in all, the version itself included; default 1. */
  readonly replicationLevel?: number;
  /** Complete versions kept; default 2. */
  readonly keep?: number;
  /** Another job's versions may be taken over: this one is started from one of them. */
  readonly takeOver?: boolean;
}

/** A version whose every byte was read and compared. */
export interface Version {
  readonly directory: string;
  readonly manifest: Manifest;
  readonly ranks: readonly RankPart[];
}

const NUMBER = /^[1-9]\d{0,14}$/;
const HIDDEN = /^\.([1-9]\d{0,14})\.(old|copy)$/;
const OWNER = 'JOB';

export class VersionStore {
  readonly #options: StoreOptions;
  /** The first has the versions, the others their copies. */
  readonly #places: readonly string[];

  private constructor(options: StoreOptions, places: readonly string[]) {
    this.#options = options;
    this.#places = places;
  }

  /**
   * Opens the directories; they are made when they are missing.
   * @throws PermissionDenied when others can write there, NoSuccess when the versions are another job's.
   */
  static async open(options: StoreOptions): Promise<VersionStore> {
    const level = options.replicationLevel ?? 1;
    const copies = Array.from({ length: level - 1 }, (_, at) => {
      return options.copies?.[at] ?? join(options.directory, `copy-${String(at + 1 - (options.copies?.length ?? 0))}`);
    });
    const places = [options.directory, ...copies];
    for (const place of places) {
      await openPrivateDirectory(place);
      await requireJob(place, options);
    }
    return new VersionStore(options, places);
  }

  /** The highest number that is in use, whole or not; 0 when there is none. */
  async highest(): Promise<number> {
    const names = await this.#names(this.#main);
    return Math.max(0, ...names.map((name) => Number(HIDDEN.exec(name)?.[1] ?? (NUMBER.test(name) ? name : 0))));
  }

  /** Makes the directories of a version, which is none before `commit`. @returns its directory. */
  async begin(generation: number, ranks: readonly number[]): Promise<string> {
    const directory = this.directoryOf(generation);
    await mkdir(directory, { mode: 0o700 });
    for (const rank of new Set(ranks)) await mkdir(rankDirectory(directory, rank), { mode: 0o700 });
    return directory;
  }

  directoryOf(generation: number): string {
    return join(this.#main, String(generation));
  }

  /** Makes the version exist. All parts must be on the disk. @returns the checksum of its manifest. */
  async commit(
    generation: number,
    about: Pick<Manifest, 'incarnation' | 'previous'>,
    units: readonly PartSummary[],
  ): Promise<string> {
    const directory = this.directoryOf(generation);
    await syncDirectory(this.#main);
    const { job } = this.#options;
    return writeManifest(directory, {
      job,
      generation,
      ...about,
      committed: Date.now(),
      checkpointer: 'application',
      units,
    });
  }

  /**
   * The checksum of the manifest of a version that was committed, whatever has become of its files; else undefined.
   * @throws what keeps it from being read: that is no answer.
   */
  async committed(generation: number): Promise<string | undefined> {
    try {
      return (await readManifest(this.directoryOf(generation)))?.sha256;
    } catch (error) {
      if (SagaException.is(error)) return undefined;
      throw error;
    }
  }

  /** The versions, oldest first. Those whose manifest is damaged are among them: `open` tells. */
  async list(): Promise<number[]> {
    const found = new Set<number>();
    for (const place of this.#places) for (const version of await this.#versions(place)) found.add(version);
    return [...found].sort((a, b) => a - b);
  }

  /**
   * Reads a version, or the first of its copies that is whole.
   * @throws DoesNotExist when there is none of that number, NoSuccess naming what is damaged in each copy.
   */
  async open(generation: number): Promise<Version> {
    const problems: string[] = [];
    for (const place of this.#places) {
      try {
        const version = await this.#read(join(place, String(generation)), 'every byte');
        if (version) return version;
      } catch (error) {
        if (!SagaException.is(error)) throw error;
        problems.push(error.message);
      }
    }
    if (problems.length > 0) throw new NoSuccess(problems.join('; '));
    const there = (await this.list()).join(', ') || 'none';
    throw new DoesNotExist(`there is no checkpoint ${String(generation)} in ${this.#main}; there are: ${there}`);
  }

  /**
   * Reads what a version is, but not its files.
   * @throws as `open`.
   */
  async describe(directory: string): Promise<Version | undefined> {
    return this.#read(directory, 'list');
  }

  /** Removes what was begun and not committed. */
  async discard(generation: number): Promise<void> {
    await remove(this.#main, String(generation));
  }

  /**
   * Puts the directories in order: removes what a kill has left and what is more than `keep`,
   * and makes the copies that are missing.
   * @param needed - a version that is kept in any case.
   * @param below - versions from this number on may be under way, and are left alone.
   */
  async tidy(needed: number, below: number = Number.MAX_SAFE_INTEGER): Promise<void> {
    for (const place of this.#places) await this.#removeLeftovers(place, below);
    const versions = await this.#versions(this.#main);
    for (const place of this.#places.slice(1)) {
      const there = new Set(await this.#versions(place));
      for (const version of this.#kept(versions, needed)) {
        if (!there.has(version)) await this.#copy(version, place);
      }
    }
    await this.#prune(needed);
  }

  get #main(): string {
    return this.#options.directory;
  }

  #kept(versions: readonly number[], needed: number): number[] {
    const newest = versions.slice(-(this.#options.keep ?? 2));
    return versions.filter((version) => newest.includes(version) || version === needed);
  }

  async #copy(version: number, place: string): Promise<void> {
    try {
      await copyVersion(this.directoryOf(version), join(place, String(version)));
    } catch (error) {
      // A version that is damaged is not worth a copy; whoever opens it is told.
      if (!SagaException.is(error)) throw error;
    }
  }

  async #prune(needed: number): Promise<void> {
    const listed = await this.list();
    const kept = this.#kept(listed, needed);
    // Of those that were listed: a newer one may be committed meanwhile.
    const old = listed.filter((version) => !kept.includes(version));
    for (const place of [...this.#places].reverse()) {
      for (const version of old) await remove(place, String(version));
    }
  }

  async #read(directory: string, what: 'every byte' | 'list'): Promise<Version | undefined> {
    const found = await readManifest(directory);
    if (!found) return undefined;
    const ranks: RankPart[] = [];
    for (const unit of found.manifest.units) ranks.push(...(await readPart(directory, unit, what)).ranks);
    return { directory, manifest: found.manifest, ranks };
  }

  async #versions(place: string): Promise<number[]> {
    const versions: number[] = [];
    for (const name of await this.#names(place)) {
      if (NUMBER.test(name) && (await hasManifest(join(place, name)))) versions.push(Number(name));
    }
    return versions.sort((a, b) => a - b);
  }

  async #removeLeftovers(place: string, below: number): Promise<void> {
    for (const name of await this.#names(place)) {
      const number = Number(HIDDEN.exec(name)?.[1] ?? name);
      if (number >= below) continue;
      if (HIDDEN.test(name)) await removeTree(join(place, name));
      else if (NUMBER.test(name) && !(await hasManifest(join(place, name)))) await remove(place, name);
    }
  }

  async #names(place: string): Promise<string[]> {
    return readdir(place);
  }
}

/** A name of its own first: nobody sees half a version, and who still writes to it writes to nothing. */
async function remove(place: string, name: string): Promise<void> {
  const hidden = join(place, `.${name}.old`);
  try {
    await rename(join(place, name), hidden);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    if (!['ENOTEMPTY', 'EEXIST'].includes(codeOf(error))) throw error;
    await removeTree(hidden);
    await rename(join(place, name), hidden);
  }
  await syncDirectory(place);
  await removeTree(hidden);
}

/** What a participant has written may be closed even to its owner. */
async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if (!['EACCES', 'EPERM'].includes(codeOf(error))) throw error;
    await openUp(path);
    await rm(path, { recursive: true, force: true });
  }
}

async function openUp(path: string): Promise<void> {
  await chmod(path, 0o700);
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await openUp(join(path, entry.name));
  }
}

/** One directory for two jobs would mix their versions. */
async function requireJob(place: string, { job, takeOver }: StoreOptions): Promise<void> {
  const file = join(place, OWNER);
  const owner = await readFile(file, 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return '';
    throw error;
  });
  if (owner.trim() === job) return;
  if (owner.trim() !== '' && !takeOver) {
    throw new NoSuccess(
      `${place} has the checkpoints of job ${owner.trim()}, not of ${job}; give each job a checkpoint directory of its own`,
    );
  }
  await writeDurably(file, `${job}\n`);
}
