/** Checkpointable jobs: run under a checkpointer, whose command takes the place of the job's own (docs/checkpointing.md). */
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { CallOptions } from '../../saga/core/call-options.js';
import { BadParameter, DoesNotExist, IncorrectState, SagaException } from '../../saga/core/exceptions.js';
import { URL } from '../../saga/core/url.js';
import type { AdaptorEnvironment } from '../../saga/spi/adaptor.js';
import type { Checkpointer, CheckpointPlan, CheckpointVersion } from '../../saga/spi/checkpointer.js';
import type { CheckpointOrigin, JobSpec } from '../../saga/spi/job.js';
import { isSettled } from './events.js';
import type { JobLine } from './job-line.js';
import { markOf } from './native-id.js';
import { absolute } from './paths.js';
import type { Submitter } from './submitter.js';
import { isMpi } from './variation.js';

export type ChooseCheckpointer = AdaptorEnvironment['checkpointer'];

/** Milliseconds for which the checkpointer of a job that runs may not answer yet, and between two attempts. */
const START_OF_CHECKPOINTER = 10_000;
const LOOK = 50;

/** Any of these makes a job checkpointable. */
const ATTRIBUTES = [
  'checkpointInitiator',
  'checkpointProtocol',
  'checkpointInterval',
  'checkpointer',
  'checkpointRequirements',
  'checkpointDirectory',
  'replicationLevel',
  'keepCheckpoints',
  'restartOnFailure',
] as const satisfies readonly (keyof JobSpec)[];

export function isCheckpointable(spec: JobSpec): boolean {
  return ATTRIBUTES.some((attribute) => spec[attribute] !== undefined);
}

/**
 * The checkpointer of a job that is to be checkpointable.
 * @throws BadParameter naming the attribute, for what cannot be had here.
 */
export async function checkpointerOf(spec: JobSpec, choose: ChooseCheckpointer): Promise<Checkpointer> {
  if (spec.checkpointProtocol === 'IndependentCheckpointing') {
    throw new BadParameter(
      'CheckpointProtocol IndependentCheckpointing is not kept here; leave it out for CoordinatedCheckpointing',
    );
  }
  if (spec.checkpointInitiator === 'System' && spec.checkpointInterval === undefined) {
    throw new BadParameter('CheckpointInitiator System needs CheckpointInterval: how often, in seconds');
  }
  if (isMpi(spec)) {
    throw new BadParameter(
      'SPMDVariation: processes that mpirun starts cannot be checkpointed here; use None or OpenMP',
    );
  }
  if (spec.array !== undefined) {
    throw new BadParameter('Array: the tasks of an array cannot be checkpointed; submit them with runJobs');
  }
  if (spec.checkpointDirectory !== undefined) directoryOf(spec.checkpointDirectory, '/');
  return choose(spec.checkpointer, spec.checkpointRequirements ?? {});
}

/** What the checkpointer of a job knows while the job runs; of no use after its end. `home`: where segments are. */
export function stateOf(home: string, segment: string, line: JobLine): string {
  return join(dirname(home), 'checkpoint', markOf(segment, line));
}

export function planOf(home: string, segment: string, line: JobLine): CheckpointPlan {
  const { description: spec, cwd, from } = line;
  const root = dirname(home);
  const id = markOf(segment, line);
  const base =
    spec.checkpointDirectory === undefined ? join(root, 'checkpoints') : directoryOf(spec.checkpointDirectory, cwd);
  return {
    job: id,
    stateDirectory: stateOf(home, segment, line),
    checkpoints: from?.checkpoints ?? join(base, id),
    processes: spec.numberOfProcesses ?? 1,
    ...(from && { from: from.generation }),
    ...(spec.checkpointInterval !== undefined && { interval: spec.checkpointInterval }),
    ...(spec.replicationLevel !== undefined && { replicationLevel: spec.replicationLevel }),
    ...(spec.keepCheckpoints !== undefined && { keepCheckpoints: spec.keepCheckpoints }),
    ...(spec.restartOnFailure !== undefined && { restartOnFailure: spec.restartOnFailure }),
  };
}

/** @throws BadParameter for a URL that is no directory of this machine. */
function directoryOf(given: string, cwd: string): string {
  const url = new URL(given);
  const scheme = url.getScheme();
  if (!['', 'file'].includes(scheme) || !['', 'localhost'].includes(url.getHost())) {
    throw new BadParameter(
      `CheckpointDirectory '${given}' is not on this machine, where the job writes; give a path or a file:// URL`,
    );
  }
  return absolute(cwd, url.getPath());
}

/** The checkpoints of local jobs: each asked for through the checkpointer of its job. */
export class Checkpoints {
  readonly #home: string;
  readonly #submitter: Submitter;
  readonly #choose: ChooseCheckpointer;

  constructor(home: string, submitter: Submitter, choose: ChooseCheckpointer) {
    this.#home = home;
    this.#submitter = submitter;
    this.#choose = choose;
  }

  /** @throws BadParameter naming the attribute that cannot be had. */
  async check(spec: JobSpec): Promise<void> {
    if (isCheckpointable(spec)) await checkpointerOf(spec, this.#choose);
  }

  async make(id: string, mode: 'continue' | 'stop', options: CallOptions): Promise<CheckpointVersion> {
    const { checkpointer, plan } = await this.#of(id);
    const { segment, line } = await this.#submitter.segments.find(id);
    const { end } = await segment.whenRunning(line.n, options);
    if (end) throw new IncorrectState(`job '${id}' has ended`);
    // The checkpointer of a job begins with the job, and may take a moment.
    const patience = performance.now() + START_OF_CHECKPOINTER;
    for (;;) {
      try {
        return await checkpointer.checkpoint(plan, mode, options);
      } catch (error) {
        const isEarly = SagaException.is(error) && error.code === 'IncorrectState' && performance.now() < patience;
        if (!isEarly || (await segment.observe(line.n)).end) throw error;
        await sleep(LOOK, undefined, { signal: options.signal });
      }
    }
  }

  async list(id: string, options: CallOptions): Promise<readonly CheckpointVersion[]> {
    const { checkpointer, plan } = await this.#of(id);
    return checkpointer.versions(plan, options);
  }

  async store(id: string): Promise<string> {
    return (await this.#of(id)).plan.checkpoints;
  }

  async recover(id: string, generation: number, options: CallOptions): Promise<void> {
    const { checkpointer, plan } = await this.#of(id);
    await checkpointer.recover(plan, generation, options);
  }

  /** @returns the native id of a new job that begins from the checkpoint of another one. */
  async submitFrom(spec: JobSpec, { id, generation }: CheckpointOrigin, options: CallOptions): Promise<string> {
    const { checkpointer, plan } = await this.#of(id);
    const known = await checkpointer.versions(plan, options);
    if (!known.some((version) => version.generation === generation)) {
      throw new DoesNotExist(`job '${id}' has no checkpoint ${String(generation)}`);
    }
    requireCheckpointable(id, spec);
    await this.check(spec);
    return this.#submitter.submitFrom(spec, { checkpoints: plan.checkpoints, generation });
  }

  /** A checkpoint that ends the job, and a job that goes on from it. */
  async migrate(id: string, spec: JobSpec, options: CallOptions): Promise<string> {
    requireCheckpointable(id, spec);
    await this.check(spec);
    const { segment, line } = await this.#submitter.segments.find(id);
    const { generation } = await this.make(id, 'stop', options);
    await segment.when(line.n, isSettled, options);
    return this.submitFrom(spec, { id, generation }, options);
  }

  async #of(id: string): Promise<{ checkpointer: Checkpointer; plan: CheckpointPlan }> {
    const { segment, line } = await this.#submitter.segments.find(id);
    requireCheckpointable(id, line.description);
    const checkpointer = await checkpointerOf(line.description, this.#choose);
    return { checkpointer, plan: planOf(this.#home, segment.name, line) };
  }
}

/** @throws IncorrectState for a job that is not one that can be checkpointed. */
function requireCheckpointable(id: string, spec: JobSpec): void {
  if (isCheckpointable(spec)) return;
  throw new IncorrectState(
    `job '${id}' cannot be checkpointed; give its description an attribute such as CheckpointInitiator or Checkpointer`,
  );
}
