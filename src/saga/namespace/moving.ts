/** Moving: a new name where the service can rename, else a copy, and the source removed when the copy is complete. */
import { IncorrectURL, SagaException } from '../core/exceptions.js';
import type { Call } from '../engine/entry-service.js';
import { copy, type TransferOptions } from './copying.js';
import { placeLink } from './linking.js';
import { urlAt } from './location.js';
import type { Landing, Operand } from './operands.js';
import { remove } from './removing.js';

/** @throws IncorrectURL for a link that is to go to another service. */
export async function move(source: Operand, target: Landing, call: Call, options: TransferOptions = {}): Promise<void> {
  const { kind } = source.stat;
  // A directory is not replaced but added to.
  const adds = kind === 'directory' && target.existing !== undefined;
  if (!adds && source.service.isSameAs(target.service) && (await renamed(source, target, call))) return;

  if (kind === 'link') await moveLink(source, target, call);
  else await copy(source, target, call, { ...options, preserve: options.preserve ?? true });
  await remove(source, kind, call);
}

/** Whether the service could do it: it cannot across devices. */
async function renamed({ service, path }: Operand, target: Landing, call: Call): Promise<boolean> {
  if (!service.offers('namespace.rename')) return false;
  try {
    await service.rename(path, target.path, target.existing !== undefined, call);
    return true;
  } catch (error) {
    if (SagaException.is(error) && error.code === 'NotImplemented') return false;
    throw error;
  }
}

async function moveLink({ service, path }: Operand, target: Landing, call: Call): Promise<void> {
  if (!service.isSameAs(target.service)) {
    const url = urlAt(service.url, path).toString();
    throw new IncorrectURL(
      `${url} is a link, and cannot be one in another service; the flag Dereference moves what it leads to`,
      { url },
    );
  }
  await placeLink(target, await service.readLink(path, call), target.existing !== undefined, call);
}
