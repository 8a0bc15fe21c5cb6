/** Each package alone: its tarball and what it depends on in an empty folder, then what its README says. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { extract, root } from '@qkv/checks/examples';
import { expect, inject, test } from 'vitest';

import {
  exampleErrors,
  importedPackages,
  importErrors,
  inEmptyFolder,
  install,
  installLines,
  typedExample,
  typeErrors,
} from '../../src/newcomer';
import { nodes, run } from '../../src/process';
import { closure, packages } from '../../src/workspace';

const tarballs = inject('tarballs');
const tarballsOf = (names: readonly string[]) => names.map((name) => tarballs[name]);

const entriesOf = ({ name, manifest }: (typeof packages)[number]) =>
  Object.keys(manifest.exports)
    .filter((key) => key !== './package.json')
    .map((key) => name + key.slice(1));

test.concurrent.for(packages)('$name', async (member, { expect: check }) => {
  const { name, path } = member;
  const readme = readFileSync(join(root, path, 'README.md'), 'utf8');
  const named = installLines(readme);
  check(named, "the README's npm install names the package").toContain(name);
  const { examples } = extract(`${path}/README.md`, readme);
  for (const { line, code } of examples) {
    const missing = importedPackages(code).filter((imported) => !named.includes(imported));
    check(missing, `${path}/README.md:${line} imports what its npm install does not name`).toEqual([]);
  }
  await inEmptyFolder(async (folder) => {
    await install(folder, tarballsOf(closure([name])));
    const entries = entriesOf(member);
    for (const node of nodes()) check(await importErrors(node, folder, entries)).toEqual([]);
    const all = entries.map((entry, i) => `export * as entry${i} from '${entry}';\n`).join('');
    check(typeErrors(folder, { 'entries.ts': all })).toEqual([]);

    await install(folder, tarballsOf(closure(named)));
    for (const example of examples.filter(({ runs }) => runs)) {
      for (const node of nodes()) check(await exampleErrors(node, folder, example), node).toEqual([]);
    }
    const files = examples.map((example) => [`example-${example.line}.ts`, typedExample(example)]);
    check(typeErrors(folder, Object.fromEntries(files))).toEqual([]);
  });
});

test('a dependency that is not declared is noticed, in the code and in the types', async () => {
  await inEmptyFolder(async (folder) => {
    await run('tar', ['xzf', tarballs['@qkv/seq2seq']], folder);
    const manifest = JSON.parse(readFileSync(join(folder, 'package/package.json'), 'utf8'));
    delete manifest.dependencies['@qkv/attention'];
    writeFileSync(join(folder, 'package/package.json'), JSON.stringify(manifest));
    await run('tar', ['czf', 'broken.tgz', 'package'], folder);
    await install(folder, ['./broken.tgz', ...tarballsOf(closure(['@qkv/nn']))]);
    expect(await importErrors(process.execPath, folder, ['@qkv/seq2seq'])).toEqual([
      expect.stringContaining("Cannot find package '@qkv/attention'"),
    ]);
    const errors = typeErrors(folder, { 'entries.ts': "export * from '@qkv/seq2seq';" });
    for (const resolution of ['bundler', 'nodenext']) {
      expect(errors).toContainEqual(expect.stringMatching(`^${resolution}: .*Cannot find module '@qkv/attention'`));
    }
  });
});

test('an example that is wrong about its types or its output is noticed', async () => {
  await inEmptyFolder(async (folder) => {
    mkdirSync(join(folder, 'run'));
    const [example] = extract('a.md', '```ts\nconst text: string = 3;\nconsole.log(text); // 4\n```').examples;
    expect(await exampleErrors(process.execPath, folder, example)).toEqual(["3: prints '3', not '4'"]);
    expect(typeErrors(folder, { 'a.ts': typedExample(example) })).toEqual([
      expect.stringMatching(/^bundler: a\.ts:2: Type 'number'/),
      expect.stringMatching(/^nodenext: a\.ts:2: Type 'number'/),
    ]);
    const readme = '```sh\nnpm install @qkv/nn @qkv/tensor\n```\n\n```sh\nnpm install @qkv/data\n```';
    expect(installLines(readme)).toEqual(['@qkv/nn', '@qkv/tensor', '@qkv/data']);
    expect(importedPackages("import '@qkv/safetensors/node'; import 'node:fs'; await import('zod');")).toEqual([
      '@qkv/safetensors',
      'zod',
    ]);
  });
});
