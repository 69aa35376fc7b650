/** Transforms TypeScript as the build does; `type` is the module format of the result. */
const swc = (type) => [
  '@swc/jest',
  {
    $schema: 'https://swc.rs/schema.json',
    jsc: {
      parser: { syntax: 'typescript', decorators: true, explicitResourceManagement: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
      target: 'es2022',
      keepClassNames: true,
    },
    module: { type },
    sourceMaps: 'inline',
  },
];

/** @type {import('jest').Config} */
export default {
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  // dist has a package.json with our name, and so have packages that tests unpack.
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/coverage/'],
  moduleFileExtensions: ['ts', 'cts', 'js', 'cjs', 'mjs', 'json', 'node'],
  extensionsToTreatAsEsm: ['.ts'],
  // Sources import "./x.js" and "./x.cjs", as Node needs; jest resolves them to "./x.ts" and "./x.cts".
  resolver: '<rootDir>/scripts/jest-resolver.cjs',
  transform: { '^.+\\.ts$': swc('es6'), '^.+\\.cts$': swc('commonjs') },
  setupFiles: ['reflect-metadata'],
  collectCoverageFrom: ['src/**/*.{ts,cts}'],
  coverageProvider: 'v8',
  coverageDirectory: 'coverage',
  reporters: ['default', '<rootDir>/scripts/jest-closing-line.mjs'],
  errorOnDeprecated: true,
  // A test that hangs fails; a machine that is slow does not.
  testTimeout: 60_000,
  openHandlesTimeout: 2000,
  restoreMocks: true,
};
