/** Which launcher runs: the compiled one where a C compiler is (made on first need), else the POSIX sh one. */
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, lstat, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { text } from 'node:stream/consumers';

import { BadParameter, NoSuccess } from '../../saga/core/exceptions.js';
import packageRoot from '../../saga/core/package-root.cjs';

/** How to start a launcher; `kind` decides the form of its input (docs/launcher.md). */
export interface LauncherProgram {
  readonly kind: 'native' | 'sh';
  readonly command: string;
  readonly arguments: readonly string[];
  /** The script that brings the files of jobs in and out, which the launcher wants to know. */
  readonly staging: string;
}

/**
 * The launcher for jobs under `home`. `XOSAGA_LAUNCHER=native|sh` insists on one of the two.
 * @throws NoSuccess when the native one is insisted on and cannot be compiled.
 */
export async function launcherProgram(home: string): Promise<LauncherProgram> {
  const wish = process.env['XOSAGA_LAUNCHER'] ?? 'auto';
  if (!['auto', 'native', 'sh'].includes(wish)) {
    throw new BadParameter(`XOSAGA_LAUNCHER is '${wish}'; it must be 'native', 'sh' or 'auto'`);
  }
  const store = join(dirname(home), 'native');
  const staging = await copied(store, 'xosaga_staging.sh');
  if (wish !== 'sh') {
    try {
      return { kind: 'native', command: await compiled(store), arguments: [], staging };
    } catch (cause) {
      if (wish === 'native') {
        throw new NoSuccess(
          'the native launcher cannot be compiled; install a C compiler (Debian: apt-get install gcc libc6-dev) ' +
            'or unset XOSAGA_LAUNCHER to use the sh launcher',
          { cause },
        );
      }
    }
  }
  return { kind: 'sh', command: '/bin/sh', arguments: [await copied(store, 'xosaga_launcher.sh')], staging };
}

/** The compiled launcher, from the store of an earlier run or made now. */
async function compiled(store: string): Promise<string> {
  const folder = join(packageRoot(), 'native', 'launcher');
  const files = (await readdir(folder)).filter((name) => /\.[ch]$/.test(name)).sort();
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name))));
  const compiler = process.env['CC'] ?? 'cc';
  const parts = files.flatMap((name, i) => [name, texts[i] ?? '']);
  const hash = hashOf(...parts, compiler, process.platform, process.arch);

  return kept(store, `launcher-${hash}`, async (path) => {
    const sources = files.filter((name) => name.endsWith('.c')).map((name) => join(folder, name));
    const flags = ['-O2', '-std=c11', '-o', path, ...sources];
    // A static program forks faster: a keeper has fewer pages to copy. Not every system has a static libc.
    await compile(compiler, [...flags, '-static']).catch(() => compile(compiler, flags));
  });
}

/** A script of the package, as it is now: jobs that run need it even when the package is replaced or removed. */
async function copied(store: string, script: string): Promise<string> {
  const source = join(packageRoot(), 'native', script);
  const content = await readFile(source);
  const name = `${basename(script, '.sh').replace('xosaga_', '')}-${hashOf(content)}${extname(script)}`;
  // Where nothing can be stored, the one of the package must do.
  return kept(store, name, (path) => writeFile(path, content, { flag: 'wx' })).catch(() => source);
}

function hashOf(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex').slice(0, 16);
}

/** The file of that name in the store; made when it is not there. */
async function kept(store: string, name: string, make: (path: string) => Promise<void>): Promise<string> {
  const path = join(store, name);
  if (await isOwn(path)) return path;

  await mkdir(store, { recursive: true, mode: 0o700 });
  // Made beside and renamed: two submitters at once do not meet, and one that is killed leaves no half file.
  const making = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await make(making);
    await chmod(making, 0o700);
    await written(making);
    await rename(making, path);
  } finally {
    await rm(making, { force: true });
  }
  return path;
}

/** After a power cut, too, the name means the whole file. */
async function written(path: string): Promise<void> {
  const file = await open(path);
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}

async function compile(compiler: string, args: readonly string[]): Promise<void> {
  // As make takes it, CC may hold a wrapper or options: "ccache gcc".
  const [command = 'cc', ...first] = compiler.trim().split(/\s+/);
  const child = spawn(command, [...first, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  // Read before the end is awaited: a compiler with much to say would wait for a reader.
  const [said, ended] = await Promise.all([text(child.stderr), once(child, 'close')]);
  const code: unknown = ended[0];
  if (code !== 0) throw new Error(`${compiler} ended with ${String(code)}: ${said}`);
}

/** What somebody else could have put there is not run. */
async function isOwn(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return found !== undefined && found.isFile() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
}
