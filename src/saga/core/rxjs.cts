/**
 * rxjs when it is first needed. This file is CommonJS in both builds: only `require` loads a module within a getter
 * such as `job.state$`, and importing xosaga must not load rxjs.
 */
import type rxjs = require('rxjs');

function loadRxjs(): typeof rxjs {
  return require('rxjs') as typeof rxjs;
}

export = loadRxjs;
