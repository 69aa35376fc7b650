import { spawn } from 'node:child_process';
import { root } from './root.mjs';

const compiler = `${root}node_modules/@typescript/native/bin/tsc`;

/** Compiles the project of a tsconfig file; the compiler itself prints what is wrong, and then this rejects. */
export function tsc(project) {
  return new Promise((resolve, reject) => {
    spawn(process.execPath, [compiler, '-p', project], { cwd: root, stdio: 'inherit' })
      .on('error', reject)
      .on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`tsc -p ${project} exited with ${code}`))));
  });
}
