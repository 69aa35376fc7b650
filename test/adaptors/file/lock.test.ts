import { expect, test } from '@jest/globals';
import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';

import { scratch } from '../../support/scratch.js';
import { Child, failure, files } from './files.js';

const place = scratch();

test('one holds it, the next is refused until it is freed', async () => {
  writeFileSync(place.at('f'), '');
  const free = await files.lock(place.at('f'), {});
  const error = await failure(files.lock(place.at('f'), {}));
  expect(error).toMatchObject({ code: 'NoSuccess' });
  expect(error.message).toContain(`'${place.at('f')}' is locked by another open entry`);
  await free();
  await free();
  const again = await files.lock(place.at('f'), {});
  await again();
});

test('it is of the file, whatever its name, and of no other', async () => {
  writeFileSync(place.at('f'), '');
  symlinkSync('f', place.at('link'));
  const free = await files.lock(place.at('f'), {});
  await expect(files.lock(place.at('link'), {})).rejects.toMatchObject({ code: 'NoSuccess' });
  renameSync(place.at('f'), place.at('g'));
  await expect(files.lock(place.at('g'), {})).rejects.toMatchObject({ code: 'NoSuccess' });
  rmSync(place.at('g'));
  for (let i = 0; i < 20; i++) {
    writeFileSync(place.at(`${i}`), '');
    await (
      await files.lock(place.at(`${i}`), {})
    )();
  }
  await free();
});

test('a directory has one too; what is missing has none', async () => {
  await (
    await files.lock(place.path, {})
  )();
  await expect(files.lock(place.at('missing'), {})).rejects.toMatchObject({ code: 'ENOENT' });
});

test('it dies with the process that holds it', async () => {
  writeFileSync(place.at('f'), '');
  const child = new Child(`
    await files.lock(${JSON.stringify(place.at('f'))}, {});
    console.log('locked');
    setInterval(() => {}, 1000);
  `);
  expect(await child.line()).toBe('locked');
  await expect(files.lock(place.at('f'), {})).rejects.toMatchObject({ code: 'NoSuccess' });
  await child.kill();
  await (
    await files.lock(place.at('f'), {})
  )();
});

test('it keeps no process alive', async () => {
  writeFileSync(place.at('f'), '');
  const child = new Child(`
    await files.lock(${JSON.stringify(place.at('f'))}, {});
    process.on('exit', () => console.log('over'));
  `);
  expect(await child.line()).toBe('over');
});

// Node lets the workers of a cluster listen at one place.
test('the workers of a cluster do not share it', async () => {
  writeFileSync(place.at('f'), '');
  const worker = `
    const { URL } = await import(process.argv[2]);
    const { connect } = await import(process.argv[3]);
    const files = await connect(new URL('file:///'));
    await files.lock(${JSON.stringify(place.at('f'))}, {}).then(
      () => process.send('locked'),
      (error) => process.send(error.code),
    );
  `;
  writeFileSync(place.at('worker.mjs'), worker);
  const child = new Child(`
    const { default: cluster } = await import('node:cluster');
    const args = ['xosaga', 'xosaga/adaptors/file'].map((name) => import.meta.resolve(name));
    cluster.setupPrimary({ exec: ${JSON.stringify(place.at('worker.mjs'))}, args, execArgv: [] });
    for (const turn of [1, 2]) {
      const forked = cluster.fork();
      console.log(await new Promise((resolve) => forked.once('message', resolve)));
    }
    for (const { process } of Object.values(cluster.workers)) process.kill('SIGKILL');
  `);
  expect(await child.line()).toBe('locked');
  expect(await child.line()).toBe('NoSuccess');
  await child.kill();
});
