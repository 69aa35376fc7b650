/** `config.json` of a state directory (docs/checkpoint-state.md): what an agent is to do. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';

import { BadParameter, DoesNotExist, NoSuccess } from '../../saga/core/exceptions.js';
import { codeOf, FOR_READING, writeDurably } from './durable.js';
import { isUnitName } from './manifest.js';
import { openPrivateDirectory } from './private-directory.js';
import { isPid } from './process-name.js';

const LAYOUT = 1;
/** Bytes. */
const LONGEST = 1 << 20;

/** Where units meet the job checkpointer. */
export type Meeting =
  { readonly unix: string } | { readonly host: string; readonly port: number } | { readonly directory: string };

/** How units find it; `address` is the file in which the agent of the first unit tells its TCP port. */
export type Rendezvous = Meeting | { readonly address: string };

export interface Config {
  readonly job: string;
  /** The name of this unit; default `0`. */
  readonly unit: string;
  /** The directory of the versions. */
  readonly checkpoints: string;
  /** Its versions may be those of another job. */
  readonly takeOver: boolean;
  readonly replicationLevel: number;
  readonly copies: readonly string[];
  readonly keepCheckpoints: number;
  /** Processes of this unit that must have said hello before a checkpoint; 0: as many as have. */
  readonly processes: number;
  /** Seconds. */
  readonly deadlines: Deadlines;
  /** The agent ends when this process has. */
  readonly keeper?: { readonly pid: number; readonly start: string };
  /** All units of the job, when this agent is its job checkpointer; else undefined. */
  readonly units: readonly string[] | undefined;
  readonly listen?: Meeting;
  /** Where the job checkpointer listens. */
  readonly coordinator?: Rendezvous;
  /** The file with the secret of the job; default `secret` in the state directory. */
  readonly secret?: string;
}

export interface Deadlines {
  readonly stop: number;
  readonly save: number;
  readonly resume: number;
  /** From the restart until all have rebuilt. */
  readonly rebuild: number;
}

const DEADLINES: Deadlines = { stop: 60, save: 600, resume: 60, rebuild: 600 };

/** What who starts a job writes; what is left out has its default. */
export type ConfigFile = Pick<Config, 'job' | 'checkpoints'> &
  Partial<Omit<Config, 'deadlines'>> & { readonly deadlines?: Partial<Deadlines> };

/**
 * Makes a state directory.
 * @throws as `openPrivateDirectory`, and BadParameter for a configuration that no agent could read.
 */
export async function writeConfig(directory: string, config: ConfigFile): Promise<void> {
  const text = `${JSON.stringify({ layout: LAYOUT, ...config })}\n`;
  parseConfig(text, join(directory, 'config.json'));
  await openPrivateDirectory(directory);
  await writeDurably(join(directory, 'config.json'), text);
}

/** @throws DoesNotExist without a configuration, BadParameter naming the field that is wrong. */
export async function readConfig(directory: string): Promise<Config> {
  const path = join(directory, 'config.json');
  try {
    const file = await open(path, FOR_READING | constants.O_NOCTTY);
    try {
      const found = await file.stat();
      if (!found.isFile() || found.size > LONGEST) throw new BadParameter(`${path} is no configuration of an agent`);
      return parseConfig(await file.readFile('utf8'), path);
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (codeOf(cause) !== 'ENOENT') throw cause;
    throw new DoesNotExist(`there is no ${path}: it must be there before the agent is started`, { cause });
  }
}

type Fields = Readonly<Record<string, unknown>>;

/** @throws BadParameter naming the file and the field. */
export function parseConfig(text: string, path: string): Config {
  const require_ = (right: boolean, field: string, what: string): void => {
    if (!right) throw new BadParameter(`${path}: ${field} must be ${what}`);
  };
  const found = parse(text, path);
  if (typeof found['layout'] === 'number' && found['layout'] > LAYOUT) {
    throw new NoSuccess(`${path} has layout ${String(found['layout'])}, this xosaga knows ${String(LAYOUT)}: upgrade`);
  }
  require_(found['layout'] === LAYOUT, 'layout', String(LAYOUT));
  const { job, checkpoints, unit = '0', takeOver = false, replicationLevel = 1, copies = [] } = found;
  const { keepCheckpoints = 2, processes = 0, deadlines = {}, keeper, listen, coordinator, secret } = found;
  const units = found['units'] ?? (coordinator === undefined ? [unit] : undefined);
  const isPath = (value: unknown): boolean => typeof value === 'string' && isAbsolute(value) && !value.includes('\0');
  require_(typeof job === 'string' && job !== '' && !/\s/.test(job), 'job', 'the id of a job');
  require_(isPath(checkpoints), 'checkpoints', 'an absolute path');
  require_(isUnitName(unit), 'unit', 'a name of letters, digits, ".", "_" and "-"');
  require_(typeof takeOver === 'boolean', 'takeOver', 'true or false');
  require_(isCount(replicationLevel, 1, 16), 'replicationLevel', 'a number from 1 to 16');
  require_(Array.isArray(copies) && copies.every(isPath), 'copies', 'a list of absolute paths');
  require_(isCount(keepCheckpoints, 1), 'keepCheckpoints', 'a number from 1 on');
  require_(isCount(processes, 0), 'processes', 'a number from 0 on');
  require_(isObject(deadlines) && Object.values(deadlines).every(isSeconds), 'deadlines', 'seconds above 0');
  const { pid, start } = (keeper ?? {}) as Fields;
  require_(
    keeper === undefined || (isPid(pid) && typeof start === 'string'),
    'keeper',
    'the pid and start of a process',
  );
  const isUnits = Array.isArray(units) && units.every(isUnitName) && units.includes(unit as string);
  require_(units === undefined || isUnits, 'units', 'the names of all units, this one among them');
  require_((units === undefined) !== (coordinator === undefined), 'coordinator', 'left out where units is given');
  require_(listen === undefined || isMeeting(listen, 0), 'listen', MEETING);
  require_(coordinator === undefined || isRendezvous(coordinator), 'coordinator', `${MEETING} or {"address": path}`);
  require_(secret === undefined || isPath(secret), 'secret', 'an absolute path');
  return {
    job,
    checkpoints,
    unit,
    takeOver,
    replicationLevel,
    copies,
    keepCheckpoints,
    processes,
    deadlines: { ...DEADLINES, ...(deadlines as Partial<Deadlines>) },
    ...(keeper !== undefined && { keeper }),
    units,
    ...(listen !== undefined && { listen }),
    ...(coordinator !== undefined && { coordinator }),
    ...(secret !== undefined && { secret }),
  } as Config;
}

const MEETING = '{"unix": path}, {"host": name, "port": number}, {"directory": path}';

function isMeeting(value: unknown, lowestPort: number): boolean {
  if (!isObject(value)) return false;
  const { unix, host, port, directory } = value;
  if (Object.keys(value).length > (host === undefined ? 1 : 2)) return false;
  if (host !== undefined) return typeof host === 'string' && host !== '' && isCount(port, lowestPort, 65_535);
  const path = unix ?? directory;
  return typeof path === 'string' && isAbsolute(path);
}

function isRendezvous(value: unknown): boolean {
  const { address } = (value ?? {}) as Fields;
  return address === undefined ? isMeeting(value, 1) : isMeeting({ unix: address }, 1);
}

function parse(text: string, path: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new BadParameter(`${path} is no JSON`, { cause });
  }
  if (!isObject(value)) throw new BadParameter(`${path} is no JSON object`);
  return value;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown, lowest: number, highest: number = Number.MAX_SAFE_INTEGER): boolean {
  return Number.isSafeInteger(value) && (value as number) >= lowest && (value as number) <= highest;
}

/** A timer of Node has at most 24 days. */
function isSeconds(value: unknown): boolean {
  return typeof value === 'number' && value > 0 && value <= 1_000_000;
}
