/** The attributes of a job (GFD.90 section 4.1.5), all read-only, and how an observation shows in them. */
import { attributeSetOf, dateCodec, type AttributeSpec } from '../core/attributes.js';
import type { JobObservation } from '../spi/job.js';

const time = { type: 'Time', readonly: true, codec: dateCodec } as const;

export const JOB_ATTRIBUTES: readonly AttributeSpec[] = [
  { key: 'JobID', property: 'jobID', type: 'String', readonly: true, description: '[service url]-[native id]' },
  {
    key: 'ServiceURL',
    property: 'serviceURL',
    type: 'String',
    readonly: true,
    description: 'the service that runs it',
  },
  {
    key: 'ExecutionHosts',
    property: 'executionHosts',
    type: 'String',
    vector: true,
    readonly: true,
    description: 'where its processes run',
  },
  { key: 'Created', property: 'created', ...time, description: 'when it was submitted' },
  { key: 'Started', property: 'started', ...time, description: 'when its processes started' },
  { key: 'Finished', property: 'finished', ...time, description: 'when it became final' },
  {
    key: 'WorkingDirectory',
    property: 'workingDirectory',
    type: 'String',
    readonly: true,
    description: 'where it runs',
  },
  { key: 'ExitCode', property: 'exitCode', type: 'Int', readonly: true, description: 'when it ended by itself' },
  { key: 'Termsig', property: 'termsig', type: 'Int', readonly: true, description: 'when a signal ended it' },
];

/** Brings the attributes of `job` up to date; what the observation does not say stays as it was. */
export function showInAttributes(job: object, observation: JobObservation): void {
  const set = attributeSetOf(job);
  const put = (key: string, value: string | readonly string[] | undefined): void => {
    if (value !== undefined) set.assign(key, value);
  };
  const seconds = (date: Date | undefined): string | undefined => date && dateCodec.toText(date).toString();
  put('ExecutionHosts', observation.executionHosts);
  put('Created', seconds(observation.created));
  put('Started', seconds(observation.started));
  put('Finished', seconds(observation.finished));
  put('WorkingDirectory', observation.workingDirectory);
  put('ExitCode', observation.exitCode?.toString());
  put('Termsig', observation.termsig?.toString());
}

/** The job was started again: what was said of its end is no longer so. */
export function forgetEnd(job: object): void {
  const set = attributeSetOf(job);
  for (const key of ['ExecutionHosts', 'Created', 'Started', 'Finished', 'ExitCode', 'Termsig']) set.unassign(key);
}
