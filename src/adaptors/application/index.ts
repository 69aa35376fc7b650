/** The application checkpointer (docs/checkpointing.md): a unit runs the job, an agent makes its checkpoints. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { ControlClient } from '../../callbacks/grid/control-client.js';
import { readManifest } from '../../callbacks/grid/manifest.js';
import { socketPath } from '../../callbacks/grid/socket-path.js';
import type { UnitPlan } from '../../callbacks/grid/unit.js';
import { untilAborted, type CallOptions } from '../../saga/core/call-options.js';
import { DoesNotExist, NoSuccess, SagaException } from '../../saga/core/exceptions.js';
import packageRoot from '../../saga/core/package-root.cjs';
import type { Connection } from '../../saga/spi/adaptor.js';
import type { CheckpointPlan, CheckpointVersion } from '../../saga/spi/checkpointer.js';

export { manifest } from './manifest.js';

const NUMBER = /^[1-9]\d{0,14}$/;

export class ApplicationCheckpointer implements Connection<'checkpointer'> {
  command(plan: CheckpointPlan, command: readonly string[]): readonly string[] {
    const unit = join(packageRoot(), 'dist', 'esm', 'callbacks', 'grid', 'unit-main.js');
    return [process.execPath, unit, plan.stateDirectory, JSON.stringify(unitPlanOf(plan)), ...command];
  }

  async checkpoint(plan: CheckpointPlan, mode: 'continue' | 'stop', options: CallOptions): Promise<CheckpointVersion> {
    const { op, result, reason } = await this.#control(plan, options, (control) => control.request(mode));
    if (result === 'aborted') throw new NoSuccess(`there is no checkpoint: ${reason ?? 'no reason is known'}`);
    const version = (await this.versions(plan)).find(({ generation }) => generation === op);
    if (!version) throw new NoSuccess(`checkpoint ${String(op)} was made, and somebody has removed it`);
    return version;
  }

  async versions({ checkpoints }: Pick<CheckpointPlan, 'checkpoints'>): Promise<CheckpointVersion[]> {
    const names = await readdir(checkpoints).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    });
    const versions = await Promise.all(
      names.filter((name) => NUMBER.test(name)).map((name) => versionIn(join(checkpoints, name))),
    );
    return versions.filter((version) => version !== undefined).sort((a, b) => a.generation - b.generation);
  }

  async recover(plan: CheckpointPlan, generation: number, options: CallOptions): Promise<void> {
    const known = (await this.versions(plan)).some((version) => version.generation === generation);
    if (!known) throw new DoesNotExist(`there is no checkpoint ${String(generation)} in ${plan.checkpoints}`);
    await this.#control(plan, options, (control) => control.restart(generation));
  }

  async close(): Promise<void> {
    // Nothing is held: each call has a connection of its own.
  }

  async #control<T>(
    { stateDirectory }: CheckpointPlan,
    options: CallOptions,
    ask: (control: ControlClient) => Promise<T>,
  ): Promise<T> {
    const control = await ControlClient.connect(socketPath(stateDirectory));
    try {
      return await untilAborted(ask(control), options);
    } finally {
      control.close();
    }
  }
}

function unitPlanOf(plan: CheckpointPlan): UnitPlan {
  const { job, checkpoints, processes, from, interval, replicationLevel, keepCheckpoints, restartOnFailure } = plan;
  return {
    config: {
      job,
      checkpoints,
      // The versions are another job's when this one starts from one of them.
      takeOver: from !== undefined,
      ...(replicationLevel !== undefined && { replicationLevel }),
      ...(keepCheckpoints !== undefined && { keepCheckpoints }),
    },
    processes,
    ...(from !== undefined && { from }),
    ...(interval !== undefined && { interval }),
    ...(restartOnFailure !== undefined && { restarts: restartOnFailure }),
  };
}

/** Undefined for one that is not whole: it does not exist. */
async function versionIn(directory: string): Promise<CheckpointVersion | undefined> {
  try {
    const found = await readManifest(directory);
    if (!found) return undefined;
    const { generation, committed, units } = found.manifest;
    const bytes = units.reduce((sum, unit) => sum + unit.bytes, 0);
    return { generation, directory, created: new Date(committed), bytes };
  } catch (error) {
    if (SagaException.is(error)) return undefined;
    throw error;
  }
}

/** One for all: it holds nothing. */
const checkpointer = new ApplicationCheckpointer();

export function connect(): Promise<ApplicationCheckpointer> {
  return Promise.resolve(checkpointer);
}

/** @returns nothing: what it throws is translated already. */
export function translate(): undefined {
  return undefined;
}
