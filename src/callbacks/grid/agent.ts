/**
 * The program of an agent: `node agent.js <state directory>`. It tells `ready <socket>` on its standard output, ends with 0 when it
 * is told to (SIGTERM) or its keeper has died, and otherwise goes on until it is killed; then it is started again.
 */
import { writeSync } from 'node:fs';

import { startAgent } from './agent-service.js';
import { isAlive, thisBoot } from './process-name.js';

/** Milliseconds between looks at the keeper. */
const LOOK = 1000;

function say(fd: 1 | 2, line: string): void {
  try {
    writeSync(fd, `${line}\n`);
  } catch {
    // Nobody listens.
  }
}

function die(error: unknown): never {
  say(2, `xosaga agent: ${(error as Error).message}`);
  process.exit(1);
}

const [directory = ''] = process.argv.slice(2);
try {
  const agent = await startAgent(directory, die);
  const end = (): void => {
    agent.close();
    process.exit(0);
  };
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
  // The terminal of whoever started the job is not ours.
  process.on('SIGHUP', () => undefined);
  const { keeper } = agent.config;
  if (keeper) {
    setInterval(() => {
      if (!isAlive({ ...keeper, boot: thisBoot() })) end();
    }, LOOK);
  }
  say(1, `ready ${agent.socket}`);
} catch (error) {
  die(error);
}
