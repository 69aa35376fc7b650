/**
 * Where the package is installed: the folder of its package.json, which also holds `native/`. CommonJS in both builds, as only
 * CommonJS knows its own place without `import.meta`, which the CommonJS build cannot have.
 */
import fs = require('node:fs');
import path = require('node:path');

function packageRoot(): string {
  let folder = __dirname;
  // dist/cjs has a package.json of its own, without a name: it only says "commonjs".
  while (!isPackage(path.join(folder, 'package.json'))) folder = path.dirname(folder);
  return folder;
}

function isPackage(file: string): boolean {
  return fs.existsSync(file) && fs.readFileSync(file, 'utf8').includes('"name": "xosaga"');
}

export = packageRoot;
