/** What is in each tarball: nothing too much, nothing missing, nothing that leads nowhere. */
import { join } from 'node:path';

import { root } from '@qkv/checks/examples';
import { describe, expect, inject, test } from 'vitest';

import { budgets } from '../../src/budgets';
import { embeddedKernels, type Files, inspect, readFiles } from '../../src/inspect';
import { inEmptyFolder } from '../../src/newcomer';
import { attempt, bin, run } from '../../src/process';
import { measure } from '../../src/size';
import { packages } from '../../src/workspace';

const tarballs = inject('tarballs');

const unpacked = <T>(tarball: string, body: (folder: string) => Promise<T>) =>
  inEmptyFolder(async (folder) => {
    await run('tar', ['xzf', tarball], folder);
    return body(join(folder, 'package'));
  });

const publint = (tarball: string) => attempt(process.execPath, [bin('publint'), 'run', tarball, '--strict'], root);
const attw = (tarball: string) =>
  attempt(process.execPath, [bin('@arethetypeswrong/cli', 'attw'), tarball, '--profile', 'esm-only'], root);

describe.each(packages)('$name', ({ name, manifest }) => {
  test('holds what it should', async () => {
    expect(await unpacked(tarballs[name], async (folder) => [...inspect(readFiles(folder))])).toEqual([]);
  });

  test.concurrent('publint has nothing to say', async ({ expect: check }) => {
    const { code, stdout, stderr } = await publint(tarballs[name]);
    check(code, stdout + stderr).toBe(0);
  });

  test.concurrent('the types are right for ES modules and bundlers (attw)', async ({ expect: check }) => {
    const { code, stdout, stderr } = await attw(tarballs[name]);
    check(code, stdout + stderr).toBe(0);
  });

  test('stays within its budget', async () => {
    await unpacked(tarballs[name], async (folder) => {
      for (const [key, entry] of Object.entries<any>(manifest.publishConfig.exports)) {
        if (key === './package.json' || key === './node') continue;
        const bytes = await measure(folder, entry.import);
        const budget = budgets[name + key.slice(1)];
        console.log(`${name + key.slice(1)}: ${bytes} of ${budget} bytes`);
        expect(bytes, 'bytes; budgets are in tooling/packaging/src/budgets.ts').toBeLessThanOrEqual(budget ?? 0);
        expect(bytes).toBeGreaterThan(20); // else nothing was bundled
      }
    });
  });
});

const kits = ['bpe', 'roberta', 'sentencePieceBpe', 'unigram', 'wordLevel', 'wordPiece'];

test.each(kits)('a page that encodes with %s loads 20 kB, gzip', async (kit) => {
  await unpacked(tarballs['@qkv/tokenizers'], async (folder) => {
    const bytes = await measure(folder, 'dist/encode.js', { names: ['readTokenizer', kit], gzip: true });
    console.log(`@qkv/tokenizers/encode with ${kit}: ${bytes} bytes`);
    expect(bytes).toBeLessThanOrEqual(20_000);
    expect(bytes).toBeGreaterThan(5_000);
  });
});

test('the kernels are in the tarball of backend-wasm', async () => {
  const { fma, nofma } = embeddedKernels(await unpacked(tarballs['@qkv/backend-wasm'], async (f) => readFiles(f)));
  expect(WebAssembly.validate(nofma as BufferSource)).toBe(true);
  expect(nofma.length).toBeGreaterThan(10_000);
  // Node 20 would need a flag to validate these: the magic number and another content must do.
  expect(Array.from(fma.slice(0, 8))).toEqual([0, 97, 115, 109, 1, 0, 0, 0]);
  expect(fma.length).toBeGreaterThan(10_000);
  expect(Buffer.compare(fma, nofma)).not.toBe(0);
});

describe('packed by npm', () => {
  test('a package refuses, and says who can', async () => {
    const { code, stderr } = await attempt('npm', ['pack', '--dry-run'], join(root, 'packages/tokenizers'));
    expect(code).not.toBe(0);
    expect(stderr).toContain('@qkv/tokenizers: only pnpm can pack this package');
  });

  test('against its will, the inspection goes red, which publint and attw do not', async () => {
    await inEmptyFolder(async (folder) => {
      const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
      const [{ filename }] = JSON.parse(await run('npm', args, join(root, 'packages/seq2seq')));
      const complaints = await unpacked(join(folder, filename), async (f) => [...inspect(readFiles(f))]);
      expect(complaints).toEqual(
        expect.arrayContaining([
          expect.stringContaining('@qkv/source'),
          expect.stringContaining('workspace:'),
          'package.json exports ./src/index.ts, which is not there',
          'depends on @qkv/nn as workspace:^, not ^x.y.z',
        ]),
      );
    });
  });
});

/** The tarball of safetensors without one of its files. */
const without = (path: string, body: (tarball: string) => Promise<void>) =>
  inEmptyFolder(async (folder) => {
    await run('tar', ['xzf', tarballs['@qkv/safetensors']], folder);
    await run('rm', [`package/${path}`], folder);
    await run('tar', ['czf', 'broken.tgz', 'package'], folder);
    await body(join(folder, 'broken.tgz'));
  });

test('publint goes red where an entry is missing', () =>
  without('dist/node.js', async (tarball) => expect((await publint(tarball)).code).toBe(1)));

test('attw goes red where the types of an entry are missing', () =>
  without('dist/node.d.ts', async (tarball) => expect((await attw(tarball)).code).toBe(1)));

describe('the inspection finds', () => {
  const manifest = {
    exports: { '.': { types: './dist/index.d.ts', import: './dist/index.js' } },
    dependencies: { '@qkv/tensor': '^0.1.0' },
  };
  const clean: Record<string, string> = {
    'package.json': JSON.stringify(manifest),
    LICENSE: 'MIT',
    'README.md': '# A',
    'dist/index.js': "import '@qkv/tensor';\nexport {};",
    'dist/index.d.ts': "export type T = import('@qkv/tensor').Tensor;",
    'dist/index.js.map': JSON.stringify({ sources: ['../src/index.ts'] }),
  };
  const complaints = (planted: Record<string, string>): string[] => {
    const files: Files = new Map(Object.entries({ ...clean, ...planted }).filter(([, text]) => text !== ''));
    return [...inspect(files)];
  };
  const withManifest = (extra: object) => ({ 'package.json': JSON.stringify({ ...manifest, ...extra }) });

  test('nothing in what is right', () => expect(complaints({})).toEqual([]));

  test.each<[string, Record<string, string>, RegExp]>([
    ['a source', { 'src/index.ts': 'export {};' }, /^src\/index\.ts does not belong/],
    ['a test', { 'dist/index.test.js': 'export {};' }, /^dist\/index\.test\.js does not belong/],
    ['a folder of tests', { 'test/a.js': 'export {};' }, /^test\/a\.js does not belong/],
    ['a configuration', { 'tsup.config.ts': 'export {};' }, /does not belong/],
    ['the name of a test tool', { 'dist/index.js': "await import('vitest');" }, /names vitest/],
    ['goldens', { 'dist/index.js': '// as in @qkv/goldens' }, /names @qkv\/goldens/],
    ['a map of a test', { 'dist/index.js.map': '{"sources":["../src/a.test.ts"]}' }, /maps \.\.\/src\/a\.test\.ts/],
    ['a map of another package', { 'dist/index.js.map': '{"sources":["../../nn/src/a.ts"]}' }, /maps \.\./],
    ['a folder of this machine', { 'dist/index.js': `'${root}'` }, /folder of the machine/],
    ['an undeclared import', { 'dist/index.js': "import '@qkv/nn';" }, /^dist\/index\.js imports @qkv\/nn, which/],
    ['undeclared types', { 'dist/index.d.ts': "export * from '@qkv/nn';" }, /^dist\/index\.d\.ts imports @qkv\/nn/],
    ['the types of Node', { 'dist/index.d.ts': '/// <reference types="node" />' }, /imports @types\/node/],
    ['a module of Node', { 'dist/index.js': "import 'node:fs';" }, /imports node:fs/],
    ['a module of Node by its bare name', { 'dist/index.js': "import 'fs/promises';" }, /fs\/promises without node:/],
    ['a file that is missing', { 'dist/index.js': "import './chunk-A.js';" }, /chunk-A\.js, which is not there/],
    ['an entry that is missing', { 'dist/index.d.ts': '' }, /exports \.\/dist\/index\.d\.ts, which is not there/],
    ['no licence', { LICENSE: '' }, /has no LICENSE/],
    ['an exact dependency', withManifest({ dependencies: { '@qkv/tensor': '0.1.0' } }), /as 0\.1\.0, not/],
    ['a catalog', withManifest({ dependencies: { '@qkv/tensor': '^0.1.0', a: 'catalog:' } }), /catalog:/],
    ['an install script', withManifest({ scripts: { postinstall: 'node a.js' } }), /runs postinstall/],
  ])('%s', (_, planted, complaint) => {
    expect(complaints(planted)).toContainEqual(expect.stringMatching(complaint));
  });

  test('kernels that are not there', () => {
    expect(embeddedKernels(new Map([['dist/kernels-fma-A.js', 'export {};']])).fma.length).toBe(0);
  });
});
