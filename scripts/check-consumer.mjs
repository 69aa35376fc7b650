// What users get: packs the package, installs the tarball into an empty folder, and uses it from there: imported and
// required, with this Node and with the others named in arguments (`node scripts/check-consumer.mjs 22 24`), which npm
// carries as packages; each runs a real job. Then by a test of a CommonJS project under jest.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './root.mjs';

const execute = promisify(execFile);

const JOB = `
  const service = await saga.JobService.create('local://localhost');
  const job = await service.createJob(new saga.JobDescription({ executable: '/bin/sh', arguments: ['-c', 'exit 3'] }));
  await job.run();
  await job.wait();
  const state = await job.getState();
  const code = await job.getAttribute('ExitCode');
  if (state !== saga.JobState.Failed || code !== '3') throw new Error('state ' + state + ', exit code ' + code);
  if (service.close) await service.close();
`;

const PROGRAMS = {
  'esm.mjs': `import * as saga from 'xosaga';\n${JOB}`,
  'cjs.cjs': `const saga = require('xosaga');\n(async () => {${JOB}})();\n`,
  'consumer.test.cjs': `
    const saga = require('xosaga');
    test('a CommonJS project can use and test with it', () => {
      expect(saga.SagaException.is(new saga.BadParameter('detail'))).toBe(true);
    });
  `,
};

const folder = await mkdtemp(join(tmpdir(), 'xosaga-consumer-'));
const project = join(folder, 'project');

/** Installs a package into a folder. The prefix is named, as `npm run` hands its own on to its children. */
const install = (prefix, ...packages) =>
  execute('npm', ['install', '--prefix', prefix, '--no-audit', '--no-fund', '--loglevel=error', ...packages], {
    cwd: prefix,
  });

/** The node of another major version. */
async function nodeOf(major) {
  const name = `node-${process.platform}-${process.arch}`;
  const prefix = join(folder, `node-${major}`);
  await mkdir(prefix);
  await install(prefix, `${name}@${major}`);
  return join(prefix, 'node_modules', name, 'bin', 'node');
}

/** Runs a program of the project; its own state directory keeps the user's clean. */
async function run(node, ...args) {
  const env = { ...process.env, XOSAGA_HOME: join(folder, 'home') };
  await execute(node, args, { cwd: project, env, timeout: 60_000 });
  const { stdout } = await execute(node, ['--version']);
  console.log(`ok: ${args.at(-1)} with Node ${stdout.trim()}`);
}

try {
  await mkdir(project);
  await writeFile(join(project, 'package.json'), '{ "private": true }\n');
  for (const [name, source] of Object.entries(PROGRAMS)) await writeFile(join(project, name), source);

  const { stdout } = await execute('npm', ['pack', '--json', '--pack-destination', folder], { cwd: root });
  await install(project, join(folder, JSON.parse(stdout)[0].filename));

  for (const node of [process.execPath, ...(await Promise.all(process.argv.slice(2).map(nodeOf)))]) {
    await run(node, 'esm.mjs');
    await run(node, 'cjs.cjs');
  }
  const jest = `${root}node_modules/jest/bin/jest.js`;
  await run(process.execPath, jest, '--rootDir', project, '--testMatch', '**/*.test.cjs');
} catch (error) {
  console.error([error.message, error.stdout, error.stderr].filter(Boolean).join('\n'));
  process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
