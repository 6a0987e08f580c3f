import js from '@eslint/js';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  {
    ignores: [
      'dist/',
      'node_modules/',
      '**/cdktf.out/',
      'coverage/',
      'providers/terraform/wire/generated/',
      '*.config.*',
      'bin/',
    ],
  },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    // One project for everything: the examples' own tsconfigs expect an installed lvsform.
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // Value classes with static factories (Scheduler.sh(), Forward.ipip()) are how users write choices.
      '@typescript-eslint/no-extraneous-class': 'off',
      // `type` where a type is a union or inferred, `interface` where it is a record: both are used on purpose.
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/dot-notation': 'off',
      'no-restricted-imports': [
        'error',
        {
          paths: [
            { name: 'cdktf', message: 'Only lib/terraform.ts imports cdktf.' },
            { name: 'node-ssh', message: 'Only lib/transport/library.ts imports node-ssh.' },
          ],
        },
      ],
    },
  },
  {
    files: ['lib/terraform.ts', 'lib/transport/library.ts', 'examples/**', 'test/**', 'bench/**'],
    rules: { 'no-restricted-imports': 'off' },
  },
  {
    files: ['test/**', 'bench/**'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-floating-promises': [
        'error',
        { allowForKnownSafeCalls: [{ from: 'package', name: 'test', package: '@types/jest' }] },
      ],
    },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    ...tseslint.configs.disableTypeChecked,
    languageOptions: {
      parserOptions: { project: false },
      globals: {
        require: 'readonly',
        module: 'readonly',
        process: 'readonly',
        console: 'readonly',
        __dirname: 'readonly',
      },
    },
  },
  { files: ['**/*.js'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
  { files: ['lib/**', 'providers/**'], ignores: ['lib/cli/**'], rules: { 'no-console': 'error' } },
);
