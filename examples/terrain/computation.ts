/** The computation of one process, with all that a checkpoint of it has to keep. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { checkpointing, type CheckpointParticipant, CheckpointVeto } from 'xosaga/callbacks';

import type { Strip } from './diffusion.js';
import { decode, encode } from './grid.js';
import type { Neighbours } from './strips.js';

const SIDES = ['above', 'below'] as const;
type Side = (typeof SIDES)[number];

/** What is in `progress.json` of a checkpoint; beside it are the strip and the rows of its halo that had arrived. */
interface Progress {
  readonly done: number;
  readonly begun: boolean;
  readonly halo: readonly Side[];
}

/**
 * Does `steps` time steps on a strip. Two rules make it a computation that can be checkpointed at any time:
 *
 * - It steps and sends in critical sections only. A checkpoint finds it before a step or after it, never in between, and
 *   what the strip says it has sent was sent.
 * - It waits for its neighbours outside of them. They may have stopped already, and would answer after the checkpoint. A row
 *   that has arrived is part of the state; a channel that has stopped hands over no more of them.
 */
export class Computation implements CheckpointParticipant {
  readonly name = 'strip';
  /** It is saved before the channels are, at 100, so that nothing it has sent is missing there. */
  readonly priority = 500;
  #done = 0;
  /** Whether the first rows were sent. Those of later steps are, as soon as the step before is done. */
  #begun = false;
  /** The neighbours' rows for the next step, as far as they have arrived. */
  #halo: Partial<Record<Side, Float64Array | undefined>> = {};

  constructor(
    readonly strip: Strip,
    readonly neighbours: Neighbours,
    readonly fourier: number,
    readonly steps: number,
  ) {}

  /** How many steps are done. */
  get done(): number {
    return this.#done;
  }

  /** Does the steps that are to be done; `onStep` is awaited after each. */
  async run(onStep: (done: number) => Promise<void> | void = () => undefined): Promise<void> {
    await checkpointing.criticalSection(async () => {
      if (!this.#begun) await this.#sendBorders();
      this.#begun = true;
    });
    while (this.#done < this.steps) {
      await Promise.all(SIDES.map((side) => this.#receive(side)));
      await checkpointing.criticalSection(async () => {
        this.strip.step(this.fourier, this.#halo.above, this.#halo.below);
        this.#halo = {};
        this.#done++;
        if (this.#done < this.steps) await this.#sendBorders();
      });
      await onStep(this.#done);
      // Without neighbours there is nothing to wait for: even so the request for a checkpoint must be heard.
      await nextTurn();
    }
  }

  async #sendBorders(): Promise<void> {
    const { strip, neighbours } = this;
    await Promise.all([neighbours.above?.send(strip.row(0)), neighbours.below?.send(strip.row(strip.rows - 1))]);
  }

  async #receive(side: Side): Promise<void> {
    this.#halo[side] ??= await this.neighbours[side]?.receive();
  }

  stop(): void {
    if (this.#done === this.steps) throw new CheckpointVeto('all steps are done, the result is being written');
  }

  async checkpoint({ directory }: { readonly directory: string }): Promise<void> {
    await writeFile(join(directory, 'strip.f64'), encode(this.strip.z));
    const halo: Side[] = [];
    for (const side of SIDES) {
      const row = this.#halo[side];
      if (!row) continue;
      await writeFile(join(directory, `${side}.f64`), encode(row));
      halo.push(side);
    }
    const progress: Progress = { done: this.#done, begun: this.#begun, halo };
    await writeFile(join(directory, 'progress.json'), JSON.stringify(progress));
  }

  async rebuild({ directory }: { readonly directory: string }): Promise<void> {
    const { done, begun, halo } = JSON.parse(await readFile(join(directory, 'progress.json'), 'utf8')) as Progress;
    const z = decode(await readFile(join(directory, 'strip.f64')));
    if (z.length !== this.strip.z.length) {
      throw new Error(
        `${z.length} elevations were saved, not ${this.strip.z.length}: the same grid and processes, please`,
      );
    }
    this.strip.z.set(z);
    for (const side of halo) this.#halo[side] = decode(await readFile(join(directory, `${side}.f64`)));
    this.#done = done;
    this.#begun = begun;
  }
}
