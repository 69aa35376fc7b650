// TypeScript sources import each other by the names of what they are compiled to. Under jest they run uncompiled:
// a relative "./x.js" or "./x.cjs" of our own sources is "./x.ts" or "./x.cts" when that exists. Packages are left alone.
const { existsSync } = require('node:fs');
const { resolve } = require('node:path');

const compiled = /^(\.{1,2}\/.*)\.(c?)js$/;

module.exports = (request, options) => {
  const match = compiled.exec(request);
  if (match !== null && !options.basedir.includes('/node_modules/')) {
    const source = resolve(options.basedir, `${match[1]}.${match[2]}ts`);
    if (existsSync(source)) return source;
  }
  return options.defaultResolver(request, options);
};
