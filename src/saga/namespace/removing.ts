/** Removing entries and trees. */
import { type Call, NO_FOLLOW } from '../engine/entry-service.js';
import type { EntryStat } from '../spi/file.js';
import { childOf, type Location } from './location.js';
import { beneath, walk } from './walking.js';

/** Removes an entry, a directory with everything in it. Links are removed themselves. */
export async function remove({ service, path }: Location, kind: EntryStat['kind'], call: Call): Promise<void> {
  if (kind !== 'directory') return service.remove(path, call);
  if (service.offers('file.tree')) return service.removeTree(path, call);

  const directories: string[] = [];
  for await (const visited of walk({ service, path }, NO_FOLLOW, call)) {
    for (const { name, kind: each } of visited.entries) {
      const entry = childOf(path, beneath(visited.path, name));
      if (each === 'directory') directories.push(entry);
      else await service.remove(entry, call);
    }
  }
  // Those within come after those that they are in.
  for (const directory of directories.reverse()) await service.removeDir(directory, call);
  await service.removeDir(path, call);
}
