/** A backend whose jobs have checkpoints: real versions in a directory, and jobs that are what a test says. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { writePart } from '../../src/callbacks/grid/part.js';
import { VersionStore } from '../../src/callbacks/grid/version-store.js';
import * as saga from '../../src/index.js';
import { scripted } from '../support/scripted-adaptor.js';

type State = saga.JobObservation['state'];

export class ScriptedBackend {
  readonly #store: string;
  readonly #states = new Map<string, State>();
  readonly #watchers = new Map<string, Set<() => void>>();
  /** The calls that change something. */
  readonly asked: unknown[] = [];
  /** Generation and incarnation, as the backend tells them. */
  progress: Pick<saga.JobObservation, 'generation' | 'incarnation'> = {};
  /** Called within a checkpoint, a rollback or a submission. */
  meanwhile: () => void | Promise<void> = () => undefined;

  /** @param name - Of the adaptor, and its scheme. */
  constructor(name: string, base: string) {
    this.#store = join(base, 'versions');
    saga.registerAdaptor(this.#manifest(name));
  }

  get store(): string {
    return this.#store;
  }

  /** What the backend sees of a job from now on. */
  set(id: string, state: State): void {
    this.#states.set(id, state);
    this.tell(id);
  }

  tell(id: string): void {
    for (const watcher of this.#watchers.get(id) ?? []) watcher();
  }

  /** A version in a directory of versions. */
  async make(generation: number, text = `state ${String(generation)}`, store = this.#store): Promise<string> {
    const versions = await VersionStore.open({ job: 'j', directory: store });
    const directory = await versions.begin(generation, [0]);
    mkdirSync(join(directory, '0', 'field'));
    writeFileSync(join(directory, '0', 'field', 'data'), text);
    const ranks = [{ rank: 0, host: 'n1', participants: [{ name: 'field', rebuild: true }] }];
    await versions.commit(generation, { incarnation: 0, previous: 0 }, [await writePart(directory, '0', ranks)]);
    return directory;
  }

  async #versions(): Promise<saga.CheckpointVersion[]> {
    const versions = await VersionStore.open({ job: 'j', directory: this.#store });
    return (await versions.list()).map((generation) => this.#version(generation));
  }

  #version(generation: number): saga.CheckpointVersion {
    return { generation, directory: join(this.#store, String(generation)), created: new Date(0), bytes: 7 };
  }

  #manifest(name: string): saga.AdaptorManifest {
    let jobs = 0;
    const seen = (id: string): saga.JobObservation => {
      const state = this.#states.get(id) ?? 'Running';
      const final = ['Done', 'Failed', 'Canceled'].includes(state);
      const end = state === 'Failed' ? { exitCode: 3, failure: 'exit code 3' } : { exitCode: 0 };
      return { state, detail: state.toUpperCase(), ...this.progress, ...(final && { finished: new Date(), ...end }) };
    };
    const recover: saga.JobRecover = {
      checkpointNow: async (id) => {
        this.asked.push(['checkpoint', id]);
        await this.meanwhile();
        const generation = ((await this.#versions()).at(-1)?.generation ?? 0) + 1;
        await this.make(generation);
        return this.#version(generation);
      },
      checkpoints: () => this.#versions(),
      checkpointStore: () => Promise.resolve(this.#store),
      recover: async (id, generation) => {
        this.asked.push(['recover', id, generation]);
        await this.meanwhile();
      },
      submitFrom: async (spec, from) => {
        this.asked.push(['submitFrom', spec, from]);
        await this.meanwhile();
        return `${name}-${String(++jobs)}`;
      },
    };
    const migrate: saga.JobMigrate = {
      migrate: async (id) => {
        this.asked.push(['migrate', id]);
        await this.meanwhile();
        return `${name}-${String(++jobs)}`;
      },
    };
    const watch: saga.JobWatch = {
      watch: (id, listener) => {
        const tell = (): void => {
          listener(seen(id));
        };
        const watchers = this.#watchers.get(id) ?? new Set();
        this.#watchers.set(id, watchers.add(tell));
        tell();
        return () => watchers.delete(tell);
      },
    };
    const base = scripted(name, name, {
      submit: () => [`${name}-${String(++jobs)}`],
      query: (ids) => new Map(ids.map((id) => [id, seen(id)])),
    });
    return {
      ...base,
      capabilities: [...base.capabilities, 'job.watch', 'job.recover', 'job.migrate'],
      jobAttributes: ['executable', 'arguments', 'checkpointInitiator', 'checkpointInterval'],
      load: async () => {
        const module = await base.load();
        const connect: typeof module.connect = async (...args) =>
          Object.assign(await module.connect(...args), recover, migrate, watch);
        return { ...module, connect };
      },
    };
  }
}
