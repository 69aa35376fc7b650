/** `npm run bench`: how fast jobs and files on this machine are, beside doing the same by hand in the same run. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FIGURES } from './figures.mjs';
import { describeMachine, findDisk } from './machine.mjs';
import { insertTable, tableOf } from './report.mjs';
import { resultOf } from './results.mjs';
import { measure } from './rounds.mjs';

const HELP = `npm run bench -- [options]

Measures jobs of the local adaptor beside bare child_process.spawn, and files of the file adaptor beside cp and its like, in
turn, each in a process of its own.
Every job is recorded durably: its description is on the disk (fdatasync) before run() resolves, its end before wait() does.

  --only NAME   one of: ${FIGURES.map((f) => f.name).join(', ')}; may be repeated
  --rounds N    how often everything is measured; default 5. The table shows medians
  --dir PATH    where the state of the jobs is put: a directory on a disk; default the directory for temporary files
  --json        print everything that was measured as one JSON document
  --markdown    print the table, and put it into docs/performance.md
  --help        print this

It takes about a minute a round, and means something only on a machine that does nothing else.`;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    rounds: { type: 'string', default: '5' },
    dir: { type: 'string' },
    json: { type: 'boolean', default: false },
    markdown: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

/**
 * @param {string[]} names
 * @returns {import('./figures.mjs').Figure[]}
 */
function chosen(names) {
  const unknown = names.find((name) => !FIGURES.some((figure) => figure.name === name));
  if (unknown !== undefined) throw new Error(`there is no figure '${unknown}'; see --help`);
  return names.length === 0 ? FIGURES : FIGURES.filter(({ name }) => names.includes(name));
}

/** @returns {Promise<void>} */
async function main() {
  const figures = chosen(options.only);
  const rounds = Number(options.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds needs a whole number from 1');
  const directory = options.dir ?? (await findDisk());
  const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
  const machine = await describeMachine(directory);

  /** @type {import('./report.mjs').Report} */
  const report = {
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    version,
    rounds,
    machine,
    figures: {},
  };
  for (const figure of figures) {
    console.error(`xosaga: measuring ${figure.name}`);
    const results = await measure(figure, rounds, directory);
    report.figures[figure.name] = {
      title: figure.title,
      rounds: results,
      results: figure.rows.map((row) => resultOf(row, results)),
    };
  }

  const table = tableOf(report);
  if (options.markdown) await insertTable(fileURLToPath(new URL('../docs/performance.md', import.meta.url)), table);
  console.log(options.json ? JSON.stringify(report, undefined, 2) : table);
}

if (options.help) {
  console.log(HELP);
} else {
  await main().catch((error) => {
    console.error(`xosaga: ${error.message}`);
    process.exitCode = 1;
  });
}
