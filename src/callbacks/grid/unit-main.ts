/** The program of a unit: `node unit-main.js <state directory> <plan as JSON> <program> <argument>...` */
import { join } from 'node:path';

import packageRoot from '../../saga/core/package-root.cjs';
import { Unit, type UnitPlan } from './unit.js';

const USAGE = 64;
const SOFTWARE = 70;

/** The job ends as its processes did; whoever keeps it sees the same exit code or signal. */
function endAs({ code, signal }: { code?: number; signal?: NodeJS.Signals }): never {
  if (signal) {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    // A signal that does not end a process says no more than that.
    process.exit(1);
  }
  process.exit(code);
}

const [directory, plan, ...command] = process.argv.slice(2);
if (directory === undefined || plan === undefined || command.length === 0) {
  process.stderr.write('usage: node unit-main.js <state directory> <plan as JSON> <program> <argument>...\n');
  process.exit(USAGE);
}
const agent = [process.execPath, join(packageRoot(), 'dist', 'esm', 'callbacks', 'grid', 'agent.js')];
const unit = new Unit(directory, JSON.parse(plan) as UnitPlan, command, agent);
for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP'] as const) {
  process.on(signal, () => {
    unit.cancel(signal);
  });
}
// What else the group of the job gets is for the processes; here it must do no harm.
for (const signal of ['SIGUSR1', 'SIGUSR2', 'SIGALRM', 'SIGPIPE'] as const) process.on(signal, () => undefined);
try {
  endAs(await unit.run());
} catch (error) {
  process.stderr.write(`xosaga: ${(error as Error).message}\n`);
  process.exit(SOFTWARE);
}
