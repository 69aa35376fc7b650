/** What is measured: the figures, the processes that measure them, and the goals. */

/**
 * A process that measures one thing and prints it as a JSON object of numbers.
 * @typedef {object} Probe
 * @property {string} name by which rows refer to it
 * @property {string[]} command script beside this file, and its arguments
 * @property {string[]} [flags] of node
 * @property {'native' | 'sh'} [launcher] which launcher runs its jobs; native by default
 */

/**
 * One line of the table: a number of one probe, beside the same number of another.
 * @typedef {object} Row
 * @property {string} what
 * @property {[probe: string, number: string]} value
 * @property {[probe: string, number: string]} [base] what it is compared with
 * @property {'ratio' | 'difference'} [compare]
 * @property {string} unit
 * @property {Goal} [goal]
 */

/**
 * @typedef {object} Goal
 * @property {'value' | 'comparison'} of
 * @property {'least' | 'most'} at
 * @property {number} limit
 */

/**
 * @typedef {object} Figure
 * @property {string} name for `--only`
 * @property {string} title
 * @property {Probe[]} probes run one after the other in every round
 * @property {Row[]} rows
 */

const JOBS = '2000';
const SINGLE_JOBS = '200';
const STALLS = '20';
const COLD_STARTS = '15';
const CHECKPOINTS = '200';
const BIG_HEAP = ['--max-old-space-size=4096', '--expose-gc'];

/** @type {Figure[]} */
export const FIGURES = [
  {
    name: 'throughput',
    title: `Throughput: ${JOBS} jobs, 16 in flight`,
    probes: [
      { name: 'spawn', command: ['throughput.mjs', 'spawn', JOBS] },
      { name: 'native', command: ['throughput.mjs', 'jobs', JOBS] },
      { name: 'batch', command: ['throughput.mjs', 'batch', JOBS] },
      { name: 'sh', command: ['throughput.mjs', 'jobs', JOBS], launcher: 'sh' },
    ],
    rows: [
      {
        what: 'createJob, run, wait',
        value: ['native', 'perSecond'],
        base: ['spawn', 'perSecond'],
        compare: 'ratio',
        unit: 'jobs/s',
        goal: { of: 'comparison', at: 'least', limit: 1 },
      },
      {
        what: 'runJobs, one batch',
        value: ['batch', 'perSecond'],
        base: ['spawn', 'perSecond'],
        compare: 'ratio',
        unit: 'jobs/s',
      },
      {
        what: 'createJob, run, wait; sh launcher',
        value: ['sh', 'perSecond'],
        base: ['spawn', 'perSecond'],
        compare: 'ratio',
        unit: 'jobs/s',
      },
      {
        what: 'processor time of the submitter',
        value: ['native', 'cpuPerJob'],
        base: ['spawn', 'cpuPerJob'],
        compare: 'ratio',
        unit: 'ms a job',
        goal: { of: 'value', at: 'most', limit: 1 },
      },
      {
        what: 'the same, runJobs',
        value: ['batch', 'cpuPerJob'],
        base: ['spawn', 'cpuPerJob'],
        compare: 'ratio',
        unit: 'ms a job',
      },
    ],
  },
  {
    name: 'latency',
    title: `Latency: ${SINGLE_JOBS} jobs, one at a time`,
    probes: [
      { name: 'spawn', command: ['latency.mjs', 'spawn', SINGLE_JOBS] },
      { name: 'native', command: ['latency.mjs', 'jobs', SINGLE_JOBS] },
      { name: 'sh', command: ['latency.mjs', 'jobs', SINGLE_JOBS], launcher: 'sh' },
    ],
    rows: [
      {
        what: 'submit to done, median',
        value: ['native', 'median'],
        base: ['spawn', 'median'],
        compare: 'ratio',
        unit: 'ms',
        goal: { of: 'comparison', at: 'most', limit: 1.2 },
      },
      {
        what: 'submit to done, 95 of 100',
        value: ['native', 'p95'],
        base: ['spawn', 'p95'],
        compare: 'ratio',
        unit: 'ms',
      },
      {
        what: 'median; sh launcher',
        value: ['sh', 'median'],
        base: ['spawn', 'median'],
        compare: 'ratio',
        unit: 'ms',
      },
      {
        what: '95 of 100; sh launcher',
        value: ['sh', 'p95'],
        base: ['spawn', 'p95'],
        compare: 'ratio',
        unit: 'ms',
      },
      { what: 'first job of a process', value: ['native', 'first'], base: ['spawn', 'first'], unit: 'ms' },
      { what: 'first job ever (compiles the launcher)', value: ['fresh', 'first'], unit: 'ms' },
    ],
  },
  {
    name: 'stall',
    title: `Event loop stall in a process with a heap of 1 GB: ${STALLS} jobs, one at a time`,
    probes: [
      { name: 'spawn', command: ['stall.mjs', 'spawn', STALLS], flags: BIG_HEAP },
      { name: 'native', command: ['stall.mjs', 'jobs', STALLS], flags: BIG_HEAP },
    ],
    rows: [
      {
        what: 'longest stall of a job, median',
        value: ['native', 'median'],
        base: ['spawn', 'median'],
        compare: 'ratio',
        unit: 'ms',
        goal: { of: 'value', at: 'most', limit: 5 },
      },
      {
        what: 'longest stall of all jobs',
        value: ['native', 'worst'],
        base: ['spawn', 'worst'],
        compare: 'ratio',
        unit: 'ms',
      },
      { what: 'first job (starts the launcher)', value: ['native', 'first'], base: ['spawn', 'first'], unit: 'ms' },
      { what: 'nothing happens (noise)', value: ['native', 'idle'], base: ['spawn', 'idle'], unit: 'ms' },
    ],
  },
  {
    name: 'cold',
    title: `Cold start: process start to the end of one job, ${COLD_STARTS} times`,
    probes: [{ name: 'starts', command: ['cold-start.mjs', COLD_STARTS] }],
    rows: [
      {
        what: 'import, one job',
        value: ['starts', 'esmDone'],
        base: ['starts', 'floorDone'],
        compare: 'difference',
        unit: 'ms',
        goal: { of: 'comparison', at: 'most', limit: 40 },
      },
      {
        what: 'require, one job',
        value: ['starts', 'cjsDone'],
        base: ['starts', 'floorDone'],
        compare: 'difference',
        unit: 'ms',
        goal: { of: 'comparison', at: 'most', limit: 40 },
      },
      {
        what: 'import alone',
        value: ['starts', 'esmImported'],
        base: ['starts', 'floorImported'],
        compare: 'difference',
        unit: 'ms',
      },
      {
        what: 'require alone',
        value: ['starts', 'cjsImported'],
        base: ['starts', 'floorImported'],
        compare: 'difference',
        unit: 'ms',
      },
    ],
  },
  {
    name: 'checkpoint',
    title: 'Checkpoints: two processes with 10,000 messages a second each way, and one with 1000 participants',
    probes: [
      { name: 'phases', command: ['checkpoint.mjs', 'phases', CHECKPOINTS] },
      { name: 'participants', command: ['checkpoint.mjs', 'participants', CHECKPOINTS] },
      { name: 'whole', command: ['checkpoint.mjs', 'whole', CHECKPOINTS] },
      { name: 'import', command: ['checkpoint.mjs', 'import', COLD_STARTS] },
    ],
    rows: [
      {
        what: 'own phases, median',
        value: ['phases', 'median'],
        unit: 'ms',
        goal: { of: 'value', at: 'most', limit: 15 },
      },
      {
        what: 'own phases, 95 of 100',
        value: ['phases', 'p95'],
        unit: 'ms',
        goal: { of: 'value', at: 'most', limit: 40 },
      },
      { what: '  stop to all prepared', value: ['phases', 'stop'], unit: 'ms' },
      { what: '  save to all closed', value: ['phases', 'save'], unit: 'ms' },
      { what: '  outcome to last resumed', value: ['phases', 'resume'], unit: 'ms' },
      { what: 'whole, on the disk, median', value: ['whole', 'median'], unit: 'ms' },
      {
        what: 'stop of 1000 participants, 99 of 100',
        value: ['participants', 'stop'],
        unit: 'ms',
        goal: { of: 'value', at: 'most', limit: 100 },
      },
      {
        what: 'require of xosaga/callbacks',
        value: ['import', 'required'],
        base: ['import', 'nothing'],
        compare: 'difference',
        unit: 'ms',
        goal: { of: 'comparison', at: 'most', limit: 15 },
      },
      {
        what: 'import of xosaga/callbacks',
        value: ['import', 'imported'],
        base: ['import', 'module'],
        compare: 'difference',
        unit: 'ms',
        goal: { of: 'comparison', at: 'most', limit: 15 },
      },
    ],
  },
  {
    name: 'many',
    title: 'State directory with 5000 finished jobs; baseline: readdir, and readFile of all descriptions',
    probes: [
      { name: 'files10', command: ['many-jobs.mjs', 'files', '10', '512'] },
      { name: 'jobs10', command: ['many-jobs.mjs', 'jobs', '10', '512'] },
      { name: 'files5000', command: ['many-jobs.mjs', 'files', '5000', '1'] },
      { name: 'jobs5000', command: ['many-jobs.mjs', 'jobs', '5000', '1'] },
    ],
    rows: [
      {
        what: 'list(), 10 segments of 512, median',
        value: ['jobs10', 'list'],
        base: ['files10', 'list'],
        compare: 'ratio',
        unit: 'ms',
        goal: { of: 'value', at: 'most', limit: 200 },
      },
      {
        what: 'the same, first of a process',
        value: ['jobs10', 'listFirst'],
        base: ['files10', 'listFirst'],
        compare: 'ratio',
        unit: 'ms',
      },
      {
        what: 'getJob(), 10 segments of 512, median',
        value: ['jobs10', 'getJob'],
        unit: 'ms',
        goal: { of: 'value', at: 'most', limit: 10 },
      },
      {
        what: 'list(), 5000 segments of 1, median',
        value: ['jobs5000', 'list'],
        base: ['files5000', 'list'],
        compare: 'ratio',
        unit: 'ms',
        goal: { of: 'value', at: 'most', limit: 200 },
      },
      {
        what: 'the same, first of a process',
        value: ['jobs5000', 'listFirst'],
        base: ['files5000', 'listFirst'],
        compare: 'ratio',
        unit: 'ms',
      },
      {
        what: 'getJob(), 5000 segments of 1, median',
        value: ['jobs5000', 'getJob'],
        unit: 'ms',
        goal: { of: 'value', at: 'most', limit: 10 },
      },
    ],
  },
  {
    name: 'files',
    title: 'Files of this machine; baseline: fs.readdir with types, find, cp, cp -r, rm -r',
    probes: [
      { name: 'list', command: ['files.mjs', 'list', '10000'] },
      { name: 'iterate', command: ['files.mjs', 'iterate', '10000'] },
      { name: 'find', command: ['files.mjs', 'find', '100000'] },
      { name: 'copy', command: ['files.mjs', 'copy', '256'] },
      { name: 'tree', command: ['files.mjs', 'tree', '10000'] },
      { name: 'remove', command: ['files.mjs', 'remove', '10000'] },
    ],
    rows: [
      {
        what: 'list(), 10000 entries',
        value: ['list', 'xosaga'],
        base: ['list', 'base'],
        compare: 'ratio',
        unit: 'ms',
        goal: { of: 'comparison', at: 'most', limit: 1.3 },
      },
      {
        what: 'for await, 10000 entries',
        value: ['iterate', 'xosaga'],
        base: ['iterate', 'base'],
        compare: 'ratio',
        unit: 'ms',
      },
      {
        what: 'find(), 100000 entries',
        value: ['find', 'xosaga'],
        base: ['find', 'base'],
        compare: 'ratio',
        unit: 'ms',
        goal: { of: 'comparison', at: 'most', limit: 1.5 },
      },
      {
        what: 'copy of 256 MiB',
        value: ['copy', 'xosaga'],
        base: ['copy', 'base'],
        compare: 'ratio',
        unit: 'ms',
        goal: { of: 'comparison', at: 'most', limit: 1.05 },
      },
      {
        what: 'the same: growth of the process',
        value: ['copy', 'grown'],
        unit: 'MB',
      },
      {
        what: 'recursive copy of 10000 small files',
        value: ['tree', 'xosaga'],
        base: ['tree', 'base'],
        compare: 'ratio',
        unit: 'ms',
        goal: { of: 'comparison', at: 'most', limit: 1.2 },
      },
      {
        what: 'the same: growth of the process',
        value: ['tree', 'grown'],
        unit: 'MB',
      },
      {
        what: 'recursive removal of 10000 small files',
        value: ['remove', 'xosaga'],
        base: ['remove', 'base'],
        compare: 'ratio',
        unit: 'ms',
      },
    ],
  },
];
