/** What an adaptor does not honour is refused before anything is submitted: nothing is dropped in silence. */
import { attributeSetOf } from '../core/attributes.js';
import { BadParameter } from '../core/exceptions.js';
import type { AdaptorManifest } from '../spi/adaptor.js';
import type { JobAttribute } from '../spi/job.js';
import type { JobDescription } from './job-description.js';

/**
 * Checks a description against a manifest.
 * @throws BadParameter naming the attribute and the adaptor, or what is wrong with Executable and Script.
 */
export function requireHonoured(description: JobDescription, manifest: AdaptorManifest): void {
  const set = attributeSetOf(description);
  const honoured = manifest.jobAttributes ?? [];
  for (const [key, value] of set.entries()) {
    const spec = set.schema.find(key);
    // A value equal to the default asks for nothing.
    if (!spec || JSON.stringify(value) === JSON.stringify(spec.default)) continue;
    if (!honoured.includes(spec.property as JobAttribute)) {
      const reason = manifest.refusals?.[spec.property as JobAttribute];
      throw new BadParameter(
        `the adaptor '${manifest.name}' does not honour the attribute ${key}${reason ? `, for ${reason}` : ''}; ` +
          'leave it out or use another service',
        { adaptor: manifest.name },
      );
    }
  }
  requireCommand(description, manifest);
}

/** One of Executable and Script; that this adaptor honours Script, where it is set, is known. */
function requireCommand({ executable, script }: JobDescription, { name }: AdaptorManifest): void {
  if (script === '')
    throw new BadParameter('Script is empty: put a script into it, or leave it out', { adaptor: name });
  if (executable && script !== undefined) {
    throw new BadParameter('Executable and Script are both set: a job runs one of them, leave the other out', {
      adaptor: name,
    });
  }
  if (!executable && script === undefined) {
    throw new BadParameter('the job description has no Executable: say what to run', { adaptor: name });
  }
}
