// A process of a job that counts, and can be checkpointed. What it does at which number, and in which lives of the job, its
// plan says; what happens to it, it writes to `<directory>/rank-<n>.log`, a line of JSON each.
//
//     node counter.mjs '{"directory", "until", "at": [{"count", "rank"?, "incarnation"?, "do", "code"?, "after"?, "signal"?, "mode"?}]}'
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkpointing } from 'xosaga/callbacks';

const { directory, until, at = [] } = JSON.parse(process.argv[2]);
const rank = Number(process.env.XOSAGA_RANK);
let count = 0;

function tell(line) {
  const all = { ...line, count, pid: process.pid, incarnation: checkpointing.incarnation };
  appendFileSync(join(directory, `rank-${rank}.log`), `${JSON.stringify(all)}\n`);
}

checkpointing.register({
  name: 'counter',
  checkpoint(ctx) {
    writeFileSync(join(ctx.directory, 'count'), String(count));
  },
  rebuild(ctx) {
    count = Number(readFileSync(join(ctx.directory, 'count'), 'utf8'));
  },
});

const actions = {
  exit: async ({ code, after = '' }) => {
    while (!existsSync(join(directory, after))) await sleep(2);
    process.exit(code);
  },
  kill: ({ signal = 'SIGKILL' }) => {
    process.kill(process.pid, signal);
    return new Promise(() => undefined);
  },
  deaf: () => {
    process.on('SIGTERM', () => tell({ heard: 'SIGTERM' }));
    writeFileSync(join(directory, 'deaf'), '');
  },
  checkpoint: async ({ mode = 'continue' }) => tell({ checkpoint: await checkpointing.request({ mode }) }),
};

await checkpointing.ready();
tell({ started: process.env.XOSAGA_SIZE });
while (count < until && !existsSync(join(directory, 'enough'))) {
  count++;
  for (const step of at) {
    const isNow = step.count === count && (step.rank ?? 0) === rank;
    if (isNow && (step.incarnation ?? checkpointing.incarnation) === checkpointing.incarnation) {
      await actions[step.do](step);
    }
  }
  await sleep(2);
}
tell({ ended: true });
