/** A control connection (docs/checkpoint-protocol.md, "Control"): who has the job asks for checkpoints and restarts. */
import type { Typed } from '../frame.js';
import { SagaException } from '../../saga/core/exceptions.js';
import type { Connection } from './connection.js';
import type { JobCheckpointer } from './job-checkpointer.js';
import type { JobEvent } from './job-event.js';

const PROTOCOL = 1;

/** What a control connection needs to know. */
export interface Controlled {
  readonly job: JobCheckpointer;
  readonly processes: () => readonly object[];
  readonly watchers: Set<(event: JobEvent) => void>;
}

type Fields = Typed & Readonly<Record<string, unknown>>;

let connections = 0;

/** Serves the connection from its first message, `control`, on. */
export function serveControl(connection: Connection, first: Typed, controlled: Controlled): void {
  const { v } = first as Fields;
  if (!Array.isArray(v) || !(Number(v[0]) <= PROTOCOL && PROTOCOL <= Number(v[1]))) {
    say(connection, { type: 'refused', reason: `this agent speaks version ${String(PROTOCOL)}` });
    connection.end();
    return;
  }
  const key = `control ${String(++connections)}`;
  const asked = new Set<string>();
  const watch = (event: JobEvent): void => {
    say(connection, { type: 'event', ...event });
  };
  connection.onMessage = (message) => {
    const { id } = message as Fields;
    if (!Number.isSafeInteger(id)) connection.destroy();
    else void serve(connection, message as Fields, `${key} ${String(id)}`);
  };
  connection.onClose = () => {
    controlled.watchers.delete(watch);
    for (const request of asked) controlled.job.cancel(request);
  };
  say(connection, { type: 'controlling', v: PROTOCOL });

  const serve = async (to: Connection, message: Fields, request: string): Promise<void> => {
    const { id, type } = message;
    try {
      switch (type) {
        case 'status':
          say(to, { type, id, ...status(controlled) });
          break;
        case 'versions': {
          const versions = await controlled.job.versions();
          const listed = versions.map((generation) => ({
            generation,
            directory: controlled.job.directoryOf(generation),
          }));
          say(to, { type, id, versions: listed });
          break;
        }
        case 'watch':
          controlled.watchers.add(watch);
          say(to, { type: 'ok', id });
          break;
        case 'request':
          asked.add(request);
          ask(to, message, request, controlled.job);
          break;
        case 'restart': {
          const { generation } = message;
          if (generation !== undefined && !Number.isSafeInteger(generation)) {
            to.destroy();
            return;
          }
          say(to, { type: 'restarted', id, ...(await controlled.job.restart(generation as number | undefined)) });
          break;
        }
        default:
          say(to, { type: 'unsupported', what: type });
      }
    } catch (error) {
      const { message: reason } = error as Error;
      say(to, { type: 'refused', id, reason, ...(SagaException.is(error) && { code: error.code }) });
    }
  };
}

function ask(to: Connection, { id, mode, deadline_ms }: Fields, request: string, job: JobCheckpointer): void {
  if (mode !== 'continue' && mode !== 'stop') {
    to.destroy();
    return;
  }
  job.request({
    id: request,
    mode,
    ...(typeof deadline_ms === 'number' && deadline_ms > 0 && { deadline: deadline_ms }),
    accepted: (op) => {
      say(to, { type: 'accepted', id, op });
    },
    refused: (reason) => {
      say(to, { type: 'refused', id, reason });
    },
    decided: (decision) => {
      say(to, { type: 'decided', id, ...decision });
    },
  });
}

function status({ job, processes }: Controlled): object {
  const { incarnation, generation, restart } = job.standing;
  const { phase, op, units } = job;
  return { incarnation, generation, phase, op, units, restartedFrom: restart?.from, processes: processes() };
}

function say(connection: Connection, message: Typed & Record<string, unknown>): void {
  connection.send(message);
}
