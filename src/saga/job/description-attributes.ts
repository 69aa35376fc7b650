/** The attributes of a job description (GFD.90 section 4.1.2), and those that xosaga adds. */
import type { AttributeCodec, AttributeSpec } from '../core/attributes.js';
import { BadParameter } from '../core/exceptions.js';
import { encodeNative } from '../core/native-string.js';

/** `NAME=value` entries; an object `{ NAME: 'value' }` is taken too. */
const environmentCodec: AttributeCodec = {
  toText(value) {
    if (Array.isArray(value)) return value as string[];
    if (typeof value !== 'object' || value === null) {
      throw new BadParameter("takes a list of 'NAME=value' or an object { NAME: 'value' }");
    }
    return Object.entries(value as Record<string, unknown>).map(([name, text]) => {
      if (typeof text !== 'string') throw new BadParameter(`the value of ${name} is no string`);
      if (name.includes('=')) throw new BadParameter(`the name ${JSON.stringify(name)} holds a "="`);
      return `${name}=${text}`;
    });
  },
  fromText(entries) {
    // The entry itself is not shown: what lacks its name may be a secret.
    for (const [i, entry] of [entries].flat().entries()) {
      if (!/^[^=]+=/.test(entry)) throw new BadParameter(`entry ${String(i)} is not of the form 'NAME=value'`);
    }
    return entries;
  },
};

/** A structured value, whose string form is JSON. */
function jsonCodec(form: string, fits: (value: unknown) => boolean): AttributeCodec {
  const check = (value: unknown): unknown => {
    if (fits(value)) return value;
    throw new BadParameter(`takes ${form}`);
  };
  return {
    toText: (value) => JSON.stringify(check(value)),
    fromText(text) {
      let value: unknown;
      try {
        value = JSON.parse(String(text));
      } catch {
        throw new BadParameter(`takes ${form}, as JSON`);
      }
      return check(value);
    },
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const DEPENDENCY_TYPES = ['after', 'afterok', 'afternotok', 'afterany'];

const dependenciesCodec = jsonCodec(
  "a list of { type: 'after' | 'afterok' | 'afternotok' | 'afterany', job: JobID }",
  (value) =>
    Array.isArray(value) &&
    value.every(
      (d: unknown) =>
        isRecord(d) && DEPENDENCY_TYPES.includes(String(d['type'])) && typeof d['job'] === 'string' && d['job'] !== '',
    ),
);
const nativeCodec = jsonCodec(
  'an object of objects, by adaptor: { slurm: { qos: "debug" } }',
  (value) => isRecord(value) && Object.values(value).every(isRecord),
);
const requirementsCodec = jsonCodec(
  'an object of booleans: { multiThread: true }',
  (value) => isRecord(value) && Object.values(value).every((v) => typeof v === 'boolean'),
);

/** For text that becomes an argument, path or name of the operating system: refused when no bytes stand for it. */
const nativeText: AttributeCodec = {
  toText(value) {
    if (typeof value !== 'string') throw new BadParameter('takes a string');
    return value;
  },
  fromText(text) {
    for (const [i, each] of [text].flat().entries()) {
      encodeNative(each, Array.isArray(text) ? `item ${String(i)}` : 'the text');
    }
    return text;
  },
};
const nativeTexts: AttributeCodec = {
  toText(value) {
    if (!Array.isArray(value) || !value.every((each) => typeof each === 'string')) {
      throw new BadParameter('takes a list of strings');
    }
    return value;
  },
  fromText: nativeText.fromText.bind(nativeText),
};

const count = { type: 'Int', minimum: 1 } as const;
const amount = { type: 'Int', minimum: 0 } as const;

export const DESCRIPTION_ATTRIBUTES: readonly AttributeSpec[] = [
  { key: 'Executable', property: 'executable', type: 'String', codec: nativeText, description: 'the command' },
  {
    key: 'Arguments',
    property: 'arguments',
    type: 'String',
    vector: true,
    codec: nativeTexts,
    description: 'its arguments',
  },
  {
    key: 'SPMDVariation',
    property: 'spmdVariation',
    type: 'String',
    description: 'how the processes are started: MPI, OpenMP, None, ...',
  },
  { key: 'TotalCPUCount', property: 'totalCPUCount', ...count, default: '1', description: 'CPUs of the whole job' },
  {
    key: 'NumberOfProcesses',
    property: 'numberOfProcesses',
    ...count,
    default: '1',
    description: 'processes to start',
  },
  {
    key: 'ProcessesPerHost',
    property: 'processesPerHost',
    ...count,
    default: '1',
    description: 'processes on one host',
  },
  {
    key: 'ThreadsPerProcess',
    property: 'threadsPerProcess',
    ...count,
    default: '1',
    description: 'threads of a process',
  },
  {
    key: 'Environment',
    property: 'environment',
    type: 'String',
    vector: true,
    codec: environmentCodec,
    description: 'NAME=value, over the environment that the service gives',
  },
  {
    key: 'WorkingDirectory',
    property: 'workingDirectory',
    type: 'String',
    default: '.',
    codec: nativeText,
    description: 'where the processes start, and what relative paths are relative to',
  },
  {
    key: 'Interactive',
    property: 'interactive',
    type: 'Bool',
    default: 'False',
    description:
      'whether the streams are connected to the program that submits; then Input, Output and Error are ignored',
  },
  { key: 'Input', property: 'input', type: 'String', codec: nativeText, description: 'file for standard input' },
  { key: 'Output', property: 'output', type: 'String', codec: nativeText, description: 'file for standard output' },
  { key: 'Error', property: 'error', type: 'String', codec: nativeText, description: 'file for standard error' },
  {
    key: 'FileTransfer',
    property: 'fileTransfer',
    type: 'String',
    vector: true,
    description: 'staging: LOCAL > REMOTE, LOCAL >> REMOTE, LOCAL < REMOTE, LOCAL << REMOTE',
  },
  {
    key: 'Cleanup',
    property: 'cleanup',
    type: 'Enum',
    values: ['True', 'False', 'Default'],
    default: 'Default',
    description: 'whether output is deleted at the end',
  },
  { key: 'JobStartTime', property: 'jobStartTime', ...amount, description: 'not before; seconds since 1970' },
  { key: 'WallTimeLimit', property: 'wallTimeLimit', ...amount, description: 'seconds from start to end' },
  { key: 'TotalCPUTime', property: 'totalCPUTime', ...amount, description: 'CPU seconds of all processes' },
  {
    key: 'TotalPhysicalMemory',
    property: 'totalPhysicalMemory',
    type: 'Float',
    minimum: 0,
    description: 'megabytes of the whole job',
  },
  { key: 'CPUArchitecture', property: 'cpuArchitecture', type: 'String', vector: true, description: 'acceptable ones' },
  {
    key: 'OperatingSystemType',
    property: 'operatingSystemType',
    type: 'String',
    vector: true,
    description: 'acceptable ones',
  },
  {
    key: 'CandidateHosts',
    property: 'candidateHosts',
    type: 'String',
    vector: true,
    description: 'hosts to choose from',
  },
  { key: 'Queue', property: 'queue', type: 'String', description: 'queue or partition' },
  { key: 'JobProject', property: 'jobProject', type: 'String', description: 'account to charge' },
  { key: 'JobContact', property: 'jobContact', type: 'String', vector: true, description: 'whom to tell, as URIs' },
  { key: 'Name', property: 'name', type: 'String', description: 'a name for people' },
  { key: 'Array', property: 'array', type: 'String', description: "indices, as the schedulers write them: '0-99%10'" },
  {
    key: 'Dependencies',
    property: 'dependencies',
    type: 'String',
    codec: dependenciesCodec,
    description: 'jobs to start after',
  },
  {
    key: 'Script',
    property: 'script',
    type: 'String',
    codec: nativeText,
    description: 'a batch script in place of Executable',
  },
  { key: 'Gpus', property: 'gpus', ...amount, description: 'GPUs of the whole job' },
  { key: 'Hold', property: 'hold', type: 'Bool', description: 'submit, but do not start before release()' },
  { key: 'Native', property: 'native', type: 'String', codec: nativeCodec, description: 'options of one adaptor' },
  {
    key: 'CheckpointInitiator',
    property: 'checkpointInitiator',
    type: 'Enum',
    values: ['System', 'User'],
    description: 'who asks for checkpoints',
  },
  {
    key: 'CheckpointProtocol',
    property: 'checkpointProtocol',
    type: 'Enum',
    values: ['CoordinatedCheckpointing', 'IndependentCheckpointing'],
    description: 'how the units of a job agree',
  },
  { key: 'CheckpointInterval', property: 'checkpointInterval', ...count, description: 'seconds between checkpoints' },
  { key: 'Checkpointer', property: 'checkpointer', type: 'String', description: 'application, criu, ...' },
  {
    key: 'CheckpointRequirements',
    property: 'checkpointRequirements',
    type: 'String',
    codec: requirementsCodec,
    description: 'what the checkpointer must be able to save',
  },
  {
    key: 'CheckpointDirectory',
    property: 'checkpointDirectory',
    type: 'String',
    description: 'where checkpoints go: a URL',
  },
  { key: 'ReplicationLevel', property: 'replicationLevel', ...count, description: 'copies of a checkpoint' },
  { key: 'KeepCheckpoints', property: 'keepCheckpoints', ...count, description: 'complete versions that are kept' },
  { key: 'RestartOnFailure', property: 'restartOnFailure', ...amount, description: 'automatic restarts allowed' },
];
