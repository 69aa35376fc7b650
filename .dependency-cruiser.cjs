// The layers of CONTRIBUTING.md, checked: arrows point down only.
// cli -> index -> saga/<package> -> saga/engine -> saga/spi -> saga/core; adaptors -> saga/spi, saga/core; callbacks -> nothing.

const CORE = '^src/saga/core/';
const SPI = '^src/saga/spi/';
const ENGINE = '^src/saga/engine/';
const WIRING = '^src/saga/engine/wiring\\.ts$';
const BUILT_INS = '^src/saga/engine/built-ins\\.ts$';
/** The file that loads rxjs on first use, synchronously. */
const LAZY_RXJS = '^src/saga/core/rxjs\\.cts$';

/** What is below `path` may import, of our own sources, only what stands in `may`. */
const layer = (name, path, may) => ({
  name,
  severity: 'error',
  comment: `${path} may import only ${may.join(', ')}`,
  from: { path },
  to: { path: '^src/', pathNot: may },
});

const NOT_TYPES = { dependencyTypesNot: ['type-only'] };

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    layer('core-stands-alone', CORE, [CORE]),
    layer('spi-knows-core', SPI, [SPI, CORE]),
    { ...layer('engine-knows-spi-and-core', ENGINE, [ENGINE, SPI, CORE]), from: { path: ENGINE, pathNot: BUILT_INS } },
    layer('built-ins-knows-adaptors', BUILT_INS, [ENGINE, SPI, CORE, '^src/adaptors/[^/]+/manifest\\.ts$']),
    layer('packages-know-the-engine', '^src/saga/(?!core/|spi/|engine/|cpr/|stream/)', ['^src/saga/']),
    layer('cpr-and-stream-know-callbacks', '^src/saga/(cpr|stream)/', ['^src/saga/', '^src/callbacks/']),
    layer('index-knows-saga', '^src/index\\.ts$', ['^src/saga/']),
    {
      ...layer('adaptors-know-spi-and-core', '^src/adaptors/(?!application/|criu/)([^/]+)/', [
        SPI,
        CORE,
        '^src/adaptors/$1/',
      ]),
      comment: 'an adaptor is a folder of its own: it knows no other adaptor and nothing above saga/spi',
    },
    layer('checkpointers-know-callbacks', '^src/adaptors/(application|criu)/', [
      SPI,
      CORE,
      '^src/callbacks/',
      '^src/adaptors/$1/',
    ]),
    layer('callbacks-stand-alone', '^src/callbacks/(?!grid/)', ['^src/callbacks/(?!grid/)']),
    layer('grid-checkpointing-knows-spi-and-core', '^src/callbacks/grid/', ['^src/callbacks/', SPI, CORE]),
    layer('cli-knows-the-public-face', '^src/cli/', ['^src/cli/', '^src/index\\.ts$']),
    layer('testing-knows-the-public-face', '^src/testing/', ['^src/testing/', '^src/index\\.ts$', SPI, CORE]),
    {
      name: 'adaptors-load-when-used',
      severity: 'error',
      from: { path: BUILT_INS },
      to: { path: '^src/adaptors/', dynamic: false, ...NOT_TYPES },
    },
    {
      name: 'tsyringe-in-wiring-only',
      severity: 'error',
      from: { path: '^src/', pathNot: WIRING },
      to: { path: 'node_modules/tsyringe' },
    },
    {
      name: 'heavy-packages-load-when-used',
      severity: 'error',
      comment: "importing 'xosaga' must be quick: types are free, the rest is loaded on first use",
      from: { path: '^src/(saga|index)', pathNot: LAZY_RXJS },
      to: {
        path: 'node_modules/(rxjs|cockatiel|axios|jsonwebtoken|fast-xml-parser|@opentelemetry)/',
        dynamic: false,
        ...NOT_TYPES,
      },
    },
    {
      name: 'callbacks-import-no-package',
      severity: 'error',
      from: { path: '^src/callbacks/(?!grid/)' },
      to: { dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer'] },
    },
    {
      name: 'no-circle-of-values',
      severity: 'error',
      comment: 'types may go in circles, they are gone at run time; so may what is loaded on first use',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only', 'dynamic-import'] } },
    },
    {
      name: 'no-development-package',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only', 'npm-peer', 'npm-optional'] },
    },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, pathNot: '\\.d\\.ts$' }, to: {} },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
};
