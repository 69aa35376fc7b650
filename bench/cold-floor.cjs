/** Cold start, the floor: Node, the two packages that carry the wiring, and one spawn. See cold-start.mjs. */
require('reflect-metadata');
require('tsyringe');
const imported = process.hrtime.bigint();
require('node:child_process')
  .spawn('/bin/true', [], { stdio: 'ignore' })
  .once('exit', () => {
    console.log(JSON.stringify({ imported: String(imported), done: String(process.hrtime.bigint()) }));
  });
