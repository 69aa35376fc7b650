import prettier from 'eslint-config-prettier';
import jest from 'eslint-plugin-jest';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** What xosaga calls as the platform does: imported under that name it would silently replace the global. */
const SHADOWING = {
  selector: "ImportDeclaration[source.value='xosaga'] > ImportSpecifier[local.name=/^(Buffer|File|Storage|URL)$/]",
  message: "It shadows the platform's own: import * as saga from 'xosaga'.",
};

export default defineConfig(
  globalIgnores(['dist', 'coverage', 'docs/api']),
  {
    files: ['**/*.ts', '**/*.cts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      // `import { type X }` still imports the module at run time under verbatimModuleSyntax: circles, slow starts.
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/explicit-member-accessibility': ['error', { accessibility: 'no-public' }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/strict-void-return': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // A class and an interface of one name: mixins give classes the methods of SAGA's interfaces (attributes,
      // monitorable, ...), and the interface beside the class tells the compiler so.
      '@typescript-eslint/no-unsafe-declaration-merging': 'off',
      // ... which has nothing of its own then.
      '@typescript-eslint/no-empty-object-type': ['error', { allowInterfaces: 'with-single-extends' }],
      eqeqeq: 'error',
      'no-restricted-syntax': ['error', SHADOWING],
    },
  },
  {
    // CommonJS in both builds: `import x = require()`, `export =` and a lazy require are what they are there for.
    files: ['**/*.cts'],
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // A test hands over wrong arguments, empty callbacks and throws what is no Error on purpose.
      '@typescript-eslint/no-empty-function': 'off',
      // jest.fn() and Array.push serve as callbacks there.
      '@typescript-eslint/strict-void-return': 'off',
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    files: ['test/**/*.test.ts'],
    extends: [jest.configs['flat/recommended'], jest.configs['flat/style']],
    rules: {
      // `rule` of test/support/rules.ts is jest's `test`.
      'jest/expect-expect': [
        'error',
        { assertFunctionNames: ['expect', 'expect*', 'fc.assert'], additionalTestBlockFunctions: ['rule'] },
      ],
      'jest/no-standalone-expect': ['error', { additionalTestBlockFunctions: ['rule'] }],
      'jest/valid-title': 'off',
      // Rethrowing in a catch and expecting there is fine; `expect.assertions` guards it.
      'jest/no-conditional-expect': 'off',
      // The same rule, which knows expect(object.method).
      '@typescript-eslint/unbound-method': 'off',
      'jest/unbound-method': 'error',
    },
  },
  {
    files: ['**/*.{js,mjs,cjs}'],
    extends: [tseslint.configs.strict],
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: { eqeqeq: 'error' },
  },
  {
    files: ['**/*.cjs'],
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
  prettier,
);
