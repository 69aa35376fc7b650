/** The job description (GFD.90 section 4.1.2): what to run, on which resources, with which files. */
import { attributed, attributeSetOf, copyAttributes, initialise, type Attributes } from '../core/attributes.js';
import { BaseObject, ObjectType } from '../core/object.js';
import type { JobDependency, JobSpec } from '../spi/job.js';
import { DESCRIPTION_ATTRIBUTES } from './description-attributes.js';

// The members are put there by `attributed`.
export interface JobDescription extends Attributes {
  /** The command: a path, or a name that is searched in the job's PATH. The one attribute that a job must have. */
  executable: string | undefined;
  arguments: readonly string[] | undefined;
  spmdVariation: string | undefined;
  totalCPUCount: number | undefined;
  /** Default 1. Each process finds its rank and their number in XOSAGA_RANK and XOSAGA_SIZE. */
  numberOfProcesses: number | undefined;
  processesPerHost: number | undefined;
  threadsPerProcess: number | undefined;
  /** `NAME=value`, over the environment that the service gives; an object is taken too. */
  environment: readonly string[] | Readonly<Record<string, string>> | undefined;
  /** Default `.`: for a local job, the directory of the program that submits. */
  workingDirectory: string | undefined;
  /** Default false. The streams are then connected to this program, and Input, Output and Error are ignored. */
  interactive: boolean | undefined;
  /** Paths, relative to the working directory. Output and Error are overwritten. */
  input: string | undefined;
  output: string | undefined;
  error: string | undefined;
  fileTransfer: readonly string[] | undefined;
  cleanup: string | undefined;
  /** Seconds since 1970. */
  jobStartTime: number | undefined;
  /** Seconds. */
  wallTimeLimit: number | undefined;
  /** Seconds. */
  totalCPUTime: number | undefined;
  /** Megabytes. */
  totalPhysicalMemory: number | undefined;
  cpuArchitecture: readonly string[] | undefined;
  operatingSystemType: readonly string[] | undefined;
  candidateHosts: readonly string[] | undefined;
  queue: string | undefined;
  jobProject: string | undefined;
  jobContact: readonly string[] | undefined;
  /** A name for people. */
  name: string | undefined;
  /** The schedulers' array notation: `0-99`, `1-9:2`, `0-99%10` (ten at a time). */
  array: string | undefined;
  dependencies: readonly JobDependency[] | undefined;
  /** A batch script in place of executable and arguments. */
  script: string | undefined;
  /** Per job. */
  gpus: number | undefined;
  hold: boolean | undefined;
  /** For what has no portable name, by adaptor: `{ slurm: { qos: 'debug' } }`. */
  native: Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined;
  checkpointInitiator: 'System' | 'User' | undefined;
  checkpointProtocol: 'CoordinatedCheckpointing' | 'IndependentCheckpointing' | undefined;
  /** Seconds. */
  checkpointInterval: number | undefined;
  checkpointer: string | undefined;
  checkpointRequirements: Readonly<Record<string, boolean>> | undefined;
  checkpointDirectory: string | undefined;
  replicationLevel: number | undefined;
  keepCheckpoints: number | undefined;
  restartOnFailure: number | undefined;
}

/**
 * A description may serve any job service, as often as one likes: `createJob` takes a copy.
 *
 * ```ts
 * const jd = new saga.JobDescription({ executable: '/bin/sort', arguments: ['-n'], input: 'numbers', output: 'sorted' });
 * ```
 */
export class JobDescription extends BaseObject {
  /**
   * @param init - Attributes by property, `{ numberOfProcesses: 2 }`, or by SAGA key, `{ NumberOfProcesses: '2' }`.
   * @throws BadParameter naming the property that is unknown or has a wrong value.
   */
  constructor(init: Partial<JobDescription> = {}) {
    super();
    initialise(this, init);
  }

  getType(): ObjectType {
    return ObjectType.JobDescription;
  }

  override clone(): this {
    const copy = new JobDescription();
    copyAttributes(this, copy);
    return copy as this;
  }
}

attributed(JobDescription, DESCRIPTION_ATTRIBUTES);

/** The set attributes as plain data, for an adaptor. */
export function specOf(description: JobDescription): JobSpec {
  const set = attributeSetOf(description);
  const spec: Record<string, unknown> = {};
  for (const [key] of set.entries()) {
    const attribute = set.schema.find(key);
    if (attribute) spec[attribute.property] = set.read(attribute);
  }
  return spec;
}

/** The description that an adaptor gives back. */
export function descriptionOf(spec: JobSpec): JobDescription {
  return new JobDescription(spec);
}
