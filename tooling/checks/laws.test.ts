import { describe, expect, test } from 'vitest';

import { checkLaws, laws } from './laws.mjs';

const manifest = (folder: string, extra: Record<string, unknown> = {}) =>
  JSON.stringify({
    name: `@qkv/${folder}`,
    type: 'module',
    license: 'MIT',
    sideEffects: false,
    exports: { '.': { '@qkv/source': './src/index.ts', types: './dist/index.d.ts', import: './dist/index.js' } },
    publishConfig: { access: 'public', exports: { '.': { types: './dist/index.d.ts', import: './dist/index.js' } } },
    scripts: { prepack: 'node ../../tooling/checks/prepack.mjs' },
    ...extra,
  });

const readme = (
  folder: string,
  tests = `\`pnpm --filter @qkv/${folder} test\`; [recipe](../../CONTRIBUTING.md#recipe-a-layer)`,
) => `# @qkv/${folder}\n\n## Tests and oracles\n\n${tests}\n`;

const ws = (...folders: string[]) => Object.fromEntries(folders.map((folder) => [`@qkv/${folder}`, 'workspace:^']));

/** A small workspace that breaks no law. */
const clean: Record<string, string> = {
  'package.json': JSON.stringify({ devDependencies: { vitest: '1' } }),
  'CONTRIBUTING.md': '# Contributing\n\n## Recipe: a layer\n',
  'pnpm-lock.yaml':
    "lockfileVersion: '9.0'\n\npackages:\n\n  vite@8.0.0:\n    resolution: {integrity: sha512-aGVsbG8=}\n  '@changesets/git@3.0.4': {}\n",
  'packages/tensor/src/index.ts': `
    export const brand = Symbol.for('qkv.tensor');
    export const advice = "Add this line: import { useWasm } from '@qkv/backend-wasm'; await useWasm();";
    // import { useWasm } from '@qkv/backend-wasm'; Math.random(); x instanceof Tensor
    export const isBytes = (x: unknown) => x instanceof Uint8Array || x instanceof WebAssembly.Memory;
    export const day = (time: number) => new Date(time);
  `,
  'packages/tensor/src/index.test.ts': `
    import { readFileSync } from 'node:fs';
    import { test } from 'vitest';
    import { golden } from '@qkv/goldens';
    test('time', () => void [performance.now(), readFileSync, golden]);
  `,
  'packages/autograd/src/index.ts':
    "import type { Tensor } from '@qkv/tensor';\nexport * from './grad.js';\nexport type T = Tensor;\n",
  'packages/tensor/src/error.ts': 'export class ShapeError extends Error {}\n',
  'packages/tensor/src/catch.ts':
    "import { ShapeError } from './error.js';\nexport const isShapeError = (e: unknown) => e instanceof ShapeError;\n",
  'packages/autograd/src/grad.ts': 'export {};\n',
  'packages/safetensors/src/index.ts': 'export {};\n',
  'packages/safetensors/src/node.ts': "export { readFile } from 'node:fs/promises';\nexport * from './index.js';\n",
  'packages/backend-wasm/src/index.ts': "export type { Tensor } from '@qkv/tensor';\n",
  'apps/train/package.json': JSON.stringify({ name: '@qkv/train', private: true, dependencies: ws('tensor') }),
  'apps/train/src/main.ts': "import '@qkv/tensor';\nconsole.log(Date.now());\n",
  'tooling/goldens/package.json': JSON.stringify({ name: '@qkv/goldens', exports: { '.': './src/index.ts' } }),
  'packages/tensor/package.json': manifest('tensor', { devDependencies: ws('goldens') }),
  'packages/autograd/package.json': manifest('autograd', { dependencies: ws('tensor') }),
  'packages/safetensors/package.json': manifest('safetensors'),
  'packages/backend-wasm/package.json': manifest('backend-wasm', { dependencies: ws('tensor') }),
  ...Object.fromEntries(
    ['tensor', 'autograd', 'safetensors', 'backend-wasm'].flatMap((folder) => [
      [`packages/${folder}/README.md`, readme(folder)],
      [`packages/${folder}/LICENSE`, 'MIT\n'],
    ]),
  ),
};

const broken = (planted: Record<string, string>) =>
  checkLaws(new Map(Object.entries({ ...clean, ...planted })))
    .filter(({ violations }) => violations.length > 0)
    .map(({ id }) => id);

/** Each planted violation, and the law that must go red. */
const planted: Record<string, [string, Record<string, string>][]> = {
  downward: [
    ['an import upward', { 'packages/tensor/src/a.ts': "import { grad } from '@qkv/autograd';" }],
    ['a type-only import upward', { 'packages/tensor/src/a.ts': "import type { T } from '@qkv/autograd';" }],
    ['an import type upward', { 'packages/tensor/src/a.ts': "export type G = import('@qkv/autograd').T;" }],
    ['a dynamic import upward', { 'packages/tensor/src/a.ts': "await import('@qkv/autograd');" }],
    ['an import sideways', { 'packages/autograd/src/a.ts': "import '@qkv/backend-wasm';" }],
    [
      'a model in the training loop',
      {
        'packages/training/package.json': manifest('training', { dependencies: ws('seq2seq') }),
        'packages/training/README.md': readme('training'),
        'packages/training/LICENSE': 'MIT\n',
        'packages/seq2seq/package.json': manifest('seq2seq'),
        'packages/seq2seq/README.md': readme('seq2seq'),
        'packages/seq2seq/LICENSE': 'MIT\n',
        'packages/seq2seq/src/index.ts': 'export {};\n',
      },
    ],
    ['an upward import in a test', { 'packages/tensor/src/a.test.ts': "import '@qkv/autograd';" }],
    [
      'an upward dependency',
      { 'packages/tensor/package.json': manifest('tensor', { devDependencies: ws('goldens', 'autograd') }) },
    ],
    [
      'a re-export past the public entry',
      { 'packages/autograd/src/a.ts': "export * from '@qkv/tensor/src/graph.js';" },
    ],
    ['a path into another package', { 'packages/autograd/src/a.ts': "import '../../tensor/src/index.js';" }],
    ['a path out of an app', { 'apps/train/src/a.ts': "import '../../../packages/tensor/src/index.js';" }],
    ['an absolute path', { 'packages/autograd/src/a.ts': "import '/tmp/x.js';" }],
    ['an undeclared dependency', { 'packages/autograd/src/a.ts': "import '@qkv/safetensors';" }],
    ['an undeclared third party', { 'packages/safetensors/src/a.ts': "import 'lodash';" }],
    ['a package that imports itself', { 'packages/tensor/src/a.ts': "import '@qkv/tensor';" }],
    ['an app that is imported', { 'packages/autograd/src/a.test.ts': "import '@qkv/train';" }],
    ['tooling in shipped code', { 'packages/tensor/src/a.ts': "import '@qkv/goldens';" }],
    ['a package that does not exist', { 'apps/train/src/a.ts': "import '@qkv/nowhere';" }],
    ['a package without a floor', { 'packages/extra/package.json': manifest('extra') }],
  ],
  noBackend: [
    ['an import', { 'packages/tensor/src/a.ts': "import '@qkv/backend-wasm';" }],
    ['a name assembled later', { 'packages/tensor/src/a.ts': "export const name = '@qkv/backend-wasm';" }],
    ['an identifier', { 'packages/tensor/src/a.ts': 'export declare function useWasm(): void;' }],
    [
      'a development dependency',
      { 'packages/tensor/package.json': manifest('tensor', { devDependencies: ws('goldens', 'backend-wasm') }) },
    ],
  ],
  noNode: [
    ['an import', { 'packages/safetensors/src/a.ts': "import { readFile } from 'node:fs';" }],
    ['an import without the prefix', { 'packages/safetensors/src/a.ts': "import 'fs';" }],
    ['a subpath without the prefix', { 'packages/safetensors/src/a.ts': "import 'fs/promises';" }],
    ['a dynamic import', { 'packages/backend-wasm/src/a.ts': "await import('node:worker_threads');" }],
    ['a dynamic import in pieces', { 'packages/backend-wasm/src/a.ts': "await import('node:' + name);" }],
    ['require', { 'packages/backend-wasm/src/a.ts': "require('node:os');" }],
    ['the node entry, imported by the main one', { 'packages/safetensors/src/index.ts': "export * from './node.js';" }],
    ['the types of node', { 'packages/safetensors/src/a.ts': '/// <reference types="node" />\nexport {};' }],
  ],
  noInstanceof: [
    [
      "another package's error",
      { 'packages/autograd/src/a.ts': "import { ShapeError } from '@qkv/tensor'; x instanceof ShapeError;" },
    ],
    [
      'an imported class',
      { 'packages/autograd/src/a.ts': "import { Tensor } from '@qkv/tensor'; x instanceof Tensor;" },
    ],
    ['a class of the same file', { 'packages/tensor/src/a.ts': 'class Variable {} x instanceof Variable;' }],
    [
      'a class behind a namespace',
      { 'packages/autograd/src/a.ts': "import * as qkv from '@qkv/tensor'; x instanceof qkv.Tensor;" },
    ],
    ['a class that shadows a global', { 'packages/tensor/src/a.ts': 'class Request {} x instanceof Request;' }],
  ],
  noClock: [
    ['Math.random', { 'packages/tensor/src/a.ts': 'Math.random();' }],
    ['Math.random by another name', { 'packages/tensor/src/a.ts': 'const { random } = Math;' }],
    ["Math['random']", { 'packages/tensor/src/a.ts': "Math['random']();" }],
    ['Date.now', { 'packages/tensor/src/a.ts': 'globalThis.Date.now();' }],
    ['new Date()', { 'packages/tensor/src/a.ts': 'new Date();' }],
    ['performance.now', { 'packages/backend-wasm/src/a.ts': 'performance.now();' }],
    ['a clock.ts deeper down', { 'packages/tensor/src/plan/clock.ts': 'performance.now();' }],
  ],
  noThirdParty: [
    [
      'a dependency',
      {
        'packages/tensor/package.json': manifest('tensor', {
          dependencies: { lodash: '1' },
          devDependencies: ws('goldens'),
        }),
      },
    ],
    [
      'a peer dependency',
      {
        'packages/autograd/package.json': manifest('autograd', {
          dependencies: ws('tensor'),
          peerDependencies: { lodash: '1' },
        }),
      },
    ],
  ],
  manifests: [
    ['side effects', { 'packages/safetensors/package.json': manifest('safetensors', { sideEffects: true }) }],
    ['CommonJS', { 'packages/safetensors/package.json': manifest('safetensors', { type: 'commonjs' }) }],
    ['no guard of packing', { 'packages/safetensors/package.json': manifest('safetensors', { scripts: {} }) }],
    [
      'a README without its tests',
      { 'packages/safetensors/README.md': '# @qkv/safetensors\n\npnpm --filter @qkv/safetensors test\n' },
    ],
    [
      "a README with another package's tests",
      { 'packages/safetensors/README.md': readme('data').replace('# @qkv/data', '# @qkv/safetensors') },
    ],
    ['a recipe that is gone', { 'CONTRIBUTING.md': '# Contributing\n\n## Recipe: a layer cake\n' }],
    [
      'a README with a recipe elsewhere',
      {
        'packages/safetensors/README.md': `${readme('safetensors', '`pnpm --filter @qkv/safetensors test`')}\n## Not here\n\n[recipe](../../CONTRIBUTING.md#recipe-a-layer)\n`,
      },
    ],
    [
      'a published source condition',
      {
        'packages/safetensors/package.json': manifest('safetensors', {
          publishConfig: {
            access: 'public',
            exports: { '.': { '@qkv/source': './src/index.ts', types: './dist/index.d.ts' } },
          },
        }),
      },
    ],
  ],
  noHosts: [
    ['an address', { 'pnpm-lock.yaml': '    resolution: {integrity: sha512-x, tarball: https://example.org/x.tgz}\n' }],
    ['a git host', { 'pnpm-lock.yaml': '    resolution: {repo: git@example.org:x/y}\n' }],
  ],
};

test('a clean workspace breaks no law', () => {
  expect(broken({})).toEqual([]);
});

test('every law is shown able to fail', () => {
  expect(Object.keys(planted).sort()).toEqual(Object.keys(laws).sort());
});

describe.each(Object.entries(planted))('%s goes red on', (law, cases) => {
  test.each(cases)('%s', (_, files) => {
    expect(broken(files)).toContain(law);
  });
});
