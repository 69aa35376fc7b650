/** The results as a table, for people: Markdown, which reads well on a terminal, too. */
import { readFile, writeFile } from 'node:fs/promises';

const BEGIN = '<!-- bench: begin -->';
const END = '<!-- bench: end -->';

/**
 * @typedef {object} Report
 * @property {string} date
 * @property {string} node
 * @property {string} version of xosaga
 * @property {number} rounds
 * @property {import('./machine.mjs').Machine} machine
 * @property {Record<string, { title: string, rounds: import('./rounds.mjs').Round[], results: import('./results.mjs').Result[] }>} figures
 */

const HEADINGS = ['', 'xosaga', 'baseline', 'compared', 'goal', 'met'];

/**
 * @param {Report} report
 * @returns {string}
 */
export function tableOf({ date, node, version, rounds, machine, figures }) {
  const { system, processor, processors, memoryGB, fileSystem, syncMs, load } = machine;
  const lines = [
    `xosaga ${version}, Node ${node}, ${date}: medians of ${counted(rounds, 'round')}.`,
    `${processors} x ${processor}, ${memoryGB} GB, ${system}; load before: ${load.toFixed(1)}.`,
    `State on ${fileSystem}, where a write with fdatasync takes ${inFigures(syncMs)} ms.`,
  ];
  for (const { title, results } of Object.values(figures)) {
    lines.push('', `**${title}**`, '', ...aligned([HEADINGS, ...results.map(cellsOf)]));
  }
  return lines.join('\n');
}

/**
 * Puts the table into a document, between the two comments that mark its place.
 * @param {string} path
 * @param {string} table
 * @returns {Promise<void>}
 */
export async function insertTable(path, table) {
  const text = await readFile(path, 'utf8');
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${path} needs the lines '${BEGIN}' and '${END}', in this order`);
  await writeFile(path, `${text.slice(0, begin + BEGIN.length)}\n\n${table}\n\n${text.slice(end)}`);
}

/**
 * @param {import('./results.mjs').Result} result
 * @returns {string[]}
 */
function cellsOf({ what, unit, value, base, comparison, compare, goal, met }) {
  const compared = (/** @type {number} */ n) => (compare === 'ratio' ? `${n.toFixed(2)} x` : `${signed(n)} ${unit}`);
  const limit = (/** @type {number} */ n) => (goal?.of === 'value' ? `${n} ${unit}` : compared(n));
  return [
    what,
    `${inFigures(value)} ${unit}`,
    base === undefined ? '' : `${inFigures(base)} ${unit}`,
    comparison === undefined ? '' : compared(comparison),
    goal ? `${goal.at === 'least' ? '>=' : '<='} ${limit(goal.limit)}` : '',
    met === undefined ? '' : met ? 'yes' : 'no',
  ];
}

/**
 * @param {string[][]} rows the first one are the headings
 * @returns {string[]}
 */
function aligned(rows) {
  const widths = HEADINGS.map((_, column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)));
  const lineOf = (/** @type {string[]} */ cells) => `| ${cells.map((c, i) => c.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  const rule = widths.map((width) => '-'.repeat(width));
  const [head = [], ...body] = rows;
  return [head, rule, ...body].map(lineOf);
}

/**
 * @param {number} n
 * @returns {string} three digits, or all before the point
 */
function inFigures(n) {
  return n.toFixed(n < 10 ? 2 : n < 100 ? 1 : 0);
}

/**
 * @param {number} n
 * @returns {string}
 */
function signed(n) {
  return `${n < 0 ? '-' : '+'}${inFigures(Math.abs(n))}`;
}

/**
 * @param {number} n
 * @param {string} noun
 * @returns {string}
 */
function counted(n, noun) {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
