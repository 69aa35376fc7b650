// Writes the table of adaptors in README.md from what their manifests declare; `--check` fails when it is stale.
import { readFile, writeFile } from 'node:fs/promises';
import { root } from './root.mjs';

const { listAdaptors } = await import(`${root}dist/esm/index.js`);

const titles = ['adaptor', 'URLs', 'what it offers', 'job attributes it honours'];
const page = (name) => `[${name}](docs/adaptors/${name}.md)`;
const rows = (await listAdaptors()).map(({ name, schemes, capabilities, jobAttributes = [] }) => [
  page(name),
  schemes.map((scheme) => `\`${scheme}://\``).join(', '),
  capabilities.join(', '),
  jobAttributes.join(', '),
]);
const widths = titles.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
const line = (cells) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`;
const table = [line(titles), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');

const START = '<!-- matrix: written by npm run matrix -->';
const END = '<!-- end of matrix -->';
const readme = await readFile(`${root}README.md`, 'utf8');
const [before, after] = [readme.split(START)[0], readme.split(END)[1]];
const written = `${before}${START}\n\n${table}\n\n${END}${after}`;

if (!process.argv.includes('--check')) await writeFile(`${root}README.md`, written);
else if (written !== readme) {
  console.error('The table of adaptors in README.md is stale: npm run matrix');
  process.exitCode = 1;
}
