/** Dependencies: jobs of this service, of whatever submitter, that have to come first (docs/state.md, "Before a job starts"). */
import { hostname } from 'node:os';

import { BadParameter, DoesNotExist, NoSuccess, SagaException } from '../../saga/core/exceptions.js';
import { URL } from '../../saga/core/url.js';
import type { JobDependency, JobSpec } from '../../saga/spi/job.js';
import { isSettled, type JobLog } from './events.js';
import { jobsOf } from './job-line.js';
import { isNativeId } from './native-id.js';
import type { Found } from './segments.js';

const JOB_ID = /^\[([^\]]*)\]-\[([^\]]+)\]$/;

type Find = (id: string) => Promise<Found>;

/**
 * Looks for the jobs that are named.
 * @throws BadParameter for what is no id of this service, DoesNotExist for a job that it does not know.
 */
export async function checkDependencies({ dependencies = [] }: JobSpec, find: Find): Promise<void> {
  for (const dependency of dependencies) await findNamed(dependency, find);
}

/** @throws what `find` throws, naming the attribute. */
async function findNamed(dependency: JobDependency, find: Find): Promise<Found> {
  return find(nativeIdOf(dependency)).catch((cause: unknown) => {
    if (!SagaException.is(cause) || cause.getType() !== 'DoesNotExist') throw cause;
    throw new DoesNotExist(`Dependencies names '${dependency.job}', which is no job that this service knows`, {
      cause,
    });
  });
}

/**
 * What a keeper is told of the jobs that it has to wait for, in the words of docs/launcher.md. Of those that have ended already it
 * is told nothing.
 * @throws as `checkDependencies`; NoSuccess when a dependency can never be met.
 */
export async function dependencyWords({ dependencies = [] }: JobSpec, find: Find): Promise<string[]> {
  const words: string[] = [];
  for (const dependency of dependencies) {
    const { segment, line } = await findNamed(dependency, find);
    const numbers = jobsOf(line).map(({ n }) => n);
    const logs = await segment.observeEach(numbers);
    const judgements = logs.map((log) => judge(dependency.type, log));
    if (judgements.includes('impossible')) {
      throw new NoSuccess(
        `the dependency ${dependency.type} on ${dependency.job} cannot be met: ${REASONS[dependency.type]}`,
      );
    }
    if (judgements.every((judgement) => judgement === 'met')) continue;
    const { pid, start } = segment.header.submitter;
    const range = `${String(numbers[0])}-${String(numbers.at(-1))}`;
    words.push(`${dependency.type}=${segment.name}:${range}:${String(pid)}:${start}`);
  }
  return words;
}

const REASONS: Readonly<Record<JobDependency['type'], string>> = {
  after: 'that job has ended, or a task of it, and never ran',
  afterok: 'that job, or a task of it, was not Done',
  afternotok: 'that job, or a task of it, was Done',
  afterany: 'nobody knows of its end',
};

function judge(type: JobDependency['type'], log: JobLog): 'met' | 'impossible' | 'open' {
  if (type === 'after') return log.run ? 'met' : isSettled(log) ? 'impossible' : 'open';
  if (!isSettled(log)) return 'open';
  if (type === 'afterany') return 'met';
  const succeeded = log.end?.kind === 'exit' && log.end.value === '0';
  return succeeded === (type === 'afterok') ? 'met' : 'impossible';
}

function nativeIdOf({ job }: JobDependency): string {
  const [, service = '', native = ''] = JOB_ID.exec(job) ?? [];
  if (service === '' || !isNativeId(native)) {
    throw new BadParameter(
      `Dependencies names '${job}', which is not the id of a local job; ids look like [local://localhost]-[abcdefgh1234.1]`,
    );
  }
  const url = new URL(service);
  const isHere = ['', 'localhost', '127.0.0.1', hostname().toLowerCase()].includes(url.getHost());
  if (!isHere || !['local', 'fork'].includes(url.getScheme())) {
    throw new BadParameter(
      `Dependencies names '${job}', a job of ${service}; a local job can wait for local jobs only`,
    );
  }
  return native;
}
