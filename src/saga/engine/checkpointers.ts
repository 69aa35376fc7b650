/** Which checkpointer serves a job: the one that it names, or the first that meets its requirements. */
import { BadParameter } from '../core/exceptions.js';
import type { AdaptorManifest } from '../spi/adaptor.js';

/** XtreemGCP's own, and what took their place. */
const SUCCESSORS: Readonly<Record<string, string>> = { openvz: 'criu', native: 'criu' };
const GONE: Readonly<Record<string, string>> = {
  blcr: 'its kernel module works up to Linux 3.7',
  linuxssi: 'Kerrighed is no longer developed',
  kerrighed: 'Kerrighed is no longer developed',
};

/**
 * @param manifests - All adaptors; those registered first are preferred.
 * @throws BadParameter for a name that is none, and for a requirement that is not met, naming both and what there is.
 */
export function chooseCheckpointer(
  manifests: readonly AdaptorManifest[],
  name: string | undefined,
  requirements: Readonly<Record<string, boolean>>,
): AdaptorManifest {
  const known = manifests.filter(({ capabilities }) => capabilities.includes('checkpointer'));
  const names = known.map((manifest) => manifest.name).join(', ');
  const wanted = name?.toLowerCase();
  const reason = GONE[wanted ?? ''];
  if (reason) throw new BadParameter(`Checkpointer '${name ?? ''}' is not served: ${reason}; there are: ${names}`);
  const alias = SUCCESSORS[wanted ?? ''] ?? wanted;
  const candidates = known.filter((manifest) => alias === undefined || manifest.name === alias);
  if (candidates.length === 0) throw new BadParameter(`Checkpointer '${name ?? ''}' is not known; there are: ${names}`);

  const required = Object.keys(requirements).filter((requirement) => requirements[requirement]);
  const chosen = candidates.find((manifest) => unmet(manifest, required).length === 0);
  if (chosen) return chosen;
  const lacks = candidates.map((manifest) => `'${manifest.name}' cannot do ${unmet(manifest, required).join(', ')}`);
  throw new BadParameter(`CheckpointRequirements are not met: ${lacks.join('; ')}`);
}

function unmet({ checkpointRequirements = [] }: AdaptorManifest, required: readonly string[]): string[] {
  const met = new Set(checkpointRequirements.map((requirement) => requirement.toLowerCase()));
  return required.filter((requirement) => !met.has(requirement.toLowerCase()));
}
