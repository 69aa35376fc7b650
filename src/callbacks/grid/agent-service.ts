/** An agent: the job-unit checkpointer of one state directory, and in the first unit the job checkpointer, too. */
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';

import type { Typed } from '../frame.js';
import { fromProcess } from '../messages.js';
import { NoSuccess } from '../../saga/core/exceptions.js';
import { readConfig, type Config } from './config.js';
import { Connection } from './connection.js';
import { serveControl, type Controlled } from './control.js';
import { directLink, type FromJob, type FromUnit } from './coordination.js';
import { JobCheckpointer } from './job-checkpointer.js';
import type { JobEvent } from './job-event.js';
import { Journal } from './journal.js';
import { dialAt, listenAt } from './meeting.js';
import { openPrivateDirectory } from './private-directory.js';
import { acceptLink, dialLink } from './sealed-link.js';
import { makeSecret, readSecret } from './secret.js';
import { socketDirectory, socketPath } from './socket-path.js';
import { UnitCheckpointer } from './unit-checkpointer.js';
import { VersionStore } from './version-store.js';

/** Milliseconds until the first message. */
const PATIENCE = 10_000;
/** Connections at the same time; processes of a node, with their threads. */
const MOST_CONNECTIONS = 16_384;
/** Milliseconds before the job checkpointer is dialled again, and what that doubles up to. */
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 2000;

export interface Agent {
  /** For `XOSAGA_CKPT_SOCKET`. */
  readonly socket: string;
  readonly config: Config;
  /** Ends the service. Processes of the job notice, and dial until another agent is there. */
  close(): void;
}

/**
 * Starts the agent of a state directory in this process.
 * @param fatal - called when only another agent can go on.
 * @throws as `readConfig`, `Journal.open` and `VersionStore.open`.
 */
export async function startAgent(directory: string, fatal: (error: unknown) => void): Promise<Agent> {
  await openPrivateDirectory(directory);
  const config = await readConfig(directory);
  const journal = await Journal.open(join(directory, 'journal'));
  const { unit: name, processes, deadlines, units } = config;
  const unit = new UnitCheckpointer(journal, { unit: name, processes, resumeDeadline: deadlines.resume * 1000 });
  const watchers = new Set<(event: JobEvent) => void>();
  const job = units && (await openJob(config, journal, units, watchers, fatal));
  const endMeeting = job ? await meetUnits(config, directory, unit, job) : meetJob(config, directory, unit);
  const socket = socketPath(directory);
  const controlled = job && { job, watchers, processes: () => unit.processes };
  const server = await listen(socket, (peer) => {
    serve(peer, unit, controlled);
  });
  return {
    socket,
    config,
    close: () => {
      server.close();
      endMeeting();
      rmSync(socket, { force: true });
      unit.close();
      job?.close();
      journal.close();
    },
  };
}

async function openJob(
  config: Config,
  journal: Journal,
  units: readonly string[],
  watchers: ReadonlySet<(event: JobEvent) => void>,
  fatal: (error: unknown) => void,
): Promise<JobCheckpointer> {
  const { job, checkpoints, copies, replicationLevel, keepCheckpoints, takeOver, deadlines } = config;
  const store = await VersionStore.open({
    job,
    directory: checkpoints,
    copies,
    replicationLevel,
    keep: keepCheckpoints,
    takeOver,
  });
  const watch = (event: JobEvent): void => {
    for (const watcher of watchers) watcher(event);
  };
  return JobCheckpointer.open(journal, store, { units, deadlines, watch, fatal });
}

/** The own unit is reached without a wire, the others where they are told to dial. @returns what ends it. */
async function meetUnits(
  config: Config,
  directory: string,
  own: UnitCheckpointer,
  checkpointer: JobCheckpointer,
): Promise<() => void> {
  const { unit: name, job, units = [], listen: place } = config;
  const link = directLink();
  own.attach(link.unit);
  checkpointer.attach(name, link.job);
  if (!place) return () => undefined;
  const file = secretOf(config, directory);
  await makeSecret(file);
  const secret = await readSecret(file);
  const isExpected = (unit: string): boolean => unit !== name && units.includes(unit);
  return listenAt(place, join(directory, 'address'), (wire) => {
    acceptLink<FromJob, FromUnit>(wire, { job, secret }, isExpected, (unit, proven) => {
      checkpointer.attach(unit, proven);
    });
  });
}

/** Dials until it is reached, and again when that ends. @returns what ends it. */
function meetJob(config: Config, directory: string, own: UnitCheckpointer): () => void {
  const { unit, job, coordinator } = config;
  let isOpen = true;
  let timer: NodeJS.Timeout | undefined;
  let pause = FIRST_PAUSE;
  const later = (): void => {
    if (!isOpen) return;
    timer = setTimeout(() => void dial(), pause);
    pause = Math.min(2 * pause, LONGEST_PAUSE);
  };
  const dial = async (): Promise<void> => {
    if (!coordinator) return;
    try {
      const secret = await readSecret(secretOf(config, directory));
      const wire = await dialAt(coordinator);
      wire.onClose = later;
      dialLink<FromUnit, FromJob>(wire, { job, secret }, unit, (link) => {
        pause = FIRST_PAUSE;
        own.attach(link);
      });
    } catch {
      later();
    }
  };
  void dial();
  return () => {
    isOpen = false;
    clearTimeout(timer);
  };
}

function secretOf({ secret }: Config, directory: string): string {
  return secret ?? join(directory, 'secret');
}

/** The journal is ours, and so is whatever lies at the path. */
async function listen(path: string, accept: (socket: Socket) => void): Promise<Server> {
  await openPrivateDirectory(socketDirectory(path));
  rmSync(path, { force: true });
  const server = createServer(accept);
  server.maxConnections = MOST_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new NoSuccess(`cannot listen on ${path}: ${cause.message}`, { cause }));
    });
    server.listen(path, resolve);
  });
  // Too many open files, say: those that are open are served, the others come again.
  server.on('error', () => undefined);
  chmodSync(path, 0o600);
  return server;
}

/** The first message tells who it is. */
function serve(socket: Socket, unit: UnitCheckpointer, controlled: Controlled | undefined): void {
  const connection = new Connection(socket);
  const timer = setTimeout(() => {
    connection.destroy();
  }, PATIENCE);
  connection.onClose = () => {
    clearTimeout(timer);
  };
  connection.onMessage = (message: Typed) => {
    clearTimeout(timer);
    if (message.type === 'control') {
      if (controlled) serveControl(connection, message, controlled);
      else refuseControl(connection);
      return;
    }
    const hello = fromProcess(message);
    if (hello?.type === 'hello') unit.welcome(connection, hello);
    else connection.destroy();
  };
}

function refuseControl(connection: Connection): void {
  const reason = 'this agent does not decide: ask that of the first unit';
  connection.send({ type: 'refused', reason } as Typed);
  connection.end();
}
