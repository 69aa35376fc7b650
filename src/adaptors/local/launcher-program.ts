/** Which launcher runs: the compiled one where a C compiler is (made on first need), else the POSIX sh one. */
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, lstat, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';

import { BadParameter, NoSuccess } from '../../saga/core/exceptions.js';
import packageRoot from '../../saga/core/package-root.cjs';

/** How to start a launcher; `kind` decides the form of its input (docs/launcher.md). */
export interface LauncherProgram {
  readonly kind: 'native' | 'sh';
  readonly command: string;
  readonly arguments: readonly string[];
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
  if (wish !== 'sh') {
    try {
      return { kind: 'native', command: await compiled(join(dirname(home), 'native')), arguments: [] };
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
  return { kind: 'sh', command: '/bin/sh', arguments: [join(packageRoot(), 'native', 'xosaga_launcher.sh')] };
}

/** The compiled launcher, from the store of an earlier run or made now. */
async function compiled(store: string): Promise<string> {
  const source = join(packageRoot(), 'native', 'xosaga_launcher.c');
  const compiler = process.env['CC'] ?? 'cc';
  const hash = createHash('sha256')
    .update(await readFile(source))
    .update(`\0${compiler}\0${process.platform}\0${process.arch}`)
    .digest('hex')
    .slice(0, 16);
  const program = join(store, `launcher-${hash}`);
  if (await isOwnProgram(program)) return program;

  await mkdir(store, { recursive: true, mode: 0o700 });
  // Compiled beside and renamed: two submitters that compile at once do not meet, a killed one leaves no half program.
  const making = `${program}.${randomBytes(6).toString('hex')}`;
  try {
    const flags = ['-O2', '-std=c11', '-o', making, source];
    // A static program forks faster: a keeper has fewer pages to copy. Not every system has a static libc.
    await compile(compiler, [...flags, '-static']).catch(() => compile(compiler, flags));
    await chmod(making, 0o700);
    await rename(making, program);
  } finally {
    await rm(making, { force: true });
  }
  return program;
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

/** A program that somebody else could have put there is not run. */
async function isOwnProgram(program: string): Promise<boolean> {
  const found = await lstat(program).catch(() => undefined);
  return found !== undefined && found.isFile() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
}
