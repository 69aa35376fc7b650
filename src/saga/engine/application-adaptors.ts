/**
 * Adaptors that an application names in its own package.json: `"xosaga": { "adaptors": ["xosaga-adaptor-pbs"] }`. Each is a
 * package that exports a `manifest`. node_modules is never searched for what might be an adaptor.
 */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { BadParameter, NoSuccess } from '../core/exceptions.js';
import type { AdaptorManifest } from '../spi/adaptor.js';

/**
 * The manifests of the adaptors that the application behind the script `main` names.
 * @throws BadParameter when the list or a package is not of the right form; NoSuccess when a package cannot be loaded.
 */
export function applicationAdaptors(main: string | undefined = process.argv[1]): AdaptorManifest[] {
  // The running script says whose package.json counts. Not the working directory: anybody's files may lie there.
  const file = main === undefined || !existsSync(main) ? undefined : packageOf(realpathSync(main));
  if (file === undefined) return [];
  const require = createRequire(file);
  return namesIn(file).map((name) => {
    let loaded: unknown;
    try {
      loaded = require(name);
    } catch (cause) {
      throw new NoSuccess(`the adaptor package '${name}', named in ${file}, cannot be loaded; npm install ${name}`, {
        cause,
      });
    }
    if (typeof loaded === 'object' && loaded !== null && 'manifest' in loaded)
      return loaded.manifest as AdaptorManifest;
    throw new BadParameter(`the package '${name}', named in ${file}, is no adaptor: it exports no 'manifest'`);
  });
}

function packageOf(script: string): string | undefined {
  for (let folder = dirname(script); ; folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    if (existsSync(file)) return file;
    if (folder === dirname(folder)) return undefined;
  }
}

function namesIn(file: string): readonly string[] {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return []; // an unreadable package.json is for npm to complain about
  }
  const names = (content as { xosaga?: { adaptors?: unknown } } | null)?.xosaga?.adaptors ?? [];
  if (Array.isArray(names) && names.every((name) => typeof name === 'string')) return names;
  throw new BadParameter(`"xosaga.adaptors" in ${file} must be a list of package names`);
}
