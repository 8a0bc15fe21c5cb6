/** `pnpm new:package`: what it makes passes the checks as it is, and what it cannot make it refuses in one line. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { root } from '@qkv/checks/examples';
import { expect, test } from 'vitest';

import { inspect, readFiles } from '../../src/inspect';
import { attempt, bin, pnpm, run } from '../../src/process';
import { commit, git, inScratchClone } from '../../src/scratch';

const describe = ['--description', "Attention maps as somebody's SVG: a trial."];
const make = (folder: string, ...args: string[]) =>
  attempt(process.execPath, ['tooling/checks/new-package.mjs', ...args], folder);

/** What exports.snap.txt says about the new package, and which entries it has. */
function exportedNames(folder: string): { own: string[] | undefined; headings: string[] } {
  const blocks = readFileSync(join(folder, 'tooling/checks/exports.snap.txt'), 'utf8').trimEnd().split('\n\n');
  const lines = blocks.map((block) => block.split('\n'));
  return { own: lines.find(([heading]) => heading === '@qkv/trial-maps'), headings: lines.map(([heading]) => heading) };
}

test('a new package passes the laws, types, its test, and the checks of exported names and of its README', async () => {
  await inScratchClone(false, async (folder) => {
    await pnpm(['install', '--prefer-offline', '--no-frozen-lockfile'], folder);
    await commit(folder, 'Installed'); // nothing, unless this working tree has a manifest that is not locked yet
    const made = await make(folder, 'trial-maps', '--floor', '1', ...describe);
    expect(made.stderr).toBe('');
    expect(made.code).toBe(0);
    const changed = (await git(folder, 'status', '--porcelain', '--untracked-files=all')).trimEnd().split('\n');
    expect(changed.map((line) => line.slice(3)).sort()).toEqual([
      '.changeset/first-trial-maps.md',
      'README.md',
      'packages/trial-maps/LICENSE',
      'packages/trial-maps/README.md',
      'packages/trial-maps/package.json',
      'packages/trial-maps/src/about.test.ts',
      'packages/trial-maps/src/about.ts',
      'packages/trial-maps/src/index.ts',
      'packages/trial-maps/tsconfig.json',
      'packages/trial-maps/tsup.config.ts',
      'packages/trial-maps/vitest.config.ts',
      'tooling/checks/exports.snap.txt',
      'tooling/checks/laws.mjs',
      'tooling/packaging/src/budgets.ts',
    ]);
    // Where CI is set, pnpm does not install by itself what the lock file lacks.
    await pnpm(['install', '--prefer-offline', '--no-frozen-lockfile'], folder);
    // About the other packages the laws may say what they said before.
    const { stdout } = await attempt(process.execPath, ['tooling/checks/laws.mjs'], folder);
    expect(stdout).toContain('law 6');
    expect(stdout).not.toContain('trial-maps');
    await run(process.execPath, [bin('oxlint'), '--deny-warnings', 'packages/trial-maps', 'tooling/checks'], folder);
    await run(
      process.execPath,
      [bin('oxfmt'), '--check', 'packages/trial-maps', 'tooling/checks/laws.mjs', 'tooling/packaging/src'],
      folder,
    );
    await pnpm(['--filter', '@qkv/trial-maps', 'typecheck'], folder);
    await pnpm(['--filter', '@qkv/trial-maps', 'test'], folder);
    // Written down anew, the exported names are those that the scaffold has written.
    const before = exportedNames(folder);
    await pnpm(['--filter', '@qkv/checks', 'test', 'exports', '-u'], folder);
    expect(before.own).toEqual(['@qkv/trial-maps', '  value about']);
    expect(exportedNames(folder).own).toEqual(before.own);
    expect(before.headings).toEqual([...before.headings].sort());
    const readme = join(folder, 'packages/trial-maps/README.md');
    const code = `import { checkExamples } from './tooling/checks/examples.ts';
      const { examples, problems } = await checkExamples([${JSON.stringify(readme)}]);
      console.log(JSON.stringify([examples.length, problems]));`;
    const checked = await run(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', code], folder);
    expect(JSON.parse(checked)).toEqual([1, []]);
    expect(readFileSync(join(folder, '.changeset/first-trial-maps.md'), 'utf8')).toContain("'@qkv/trial-maps': minor");

    const unused = await attempt(process.execPath, [bin('knip'), '--no-progress'], folder);
    expect(unused.stdout).not.toContain('trial-maps');

    await pnpm(['--filter', '@qkv/trial-maps', 'build'], folder);
    await pnpm(['pack'], join(folder, 'packages/trial-maps'));
    await run('tar', ['xzf', 'qkv-trial-maps-0.1.0.tgz'], join(folder, 'packages/trial-maps'));
    expect([...inspect(readFiles(join(folder, 'packages/trial-maps/package')))]).toEqual([]);

    // Once it is there, it is refused, and a law notices what is missing.
    const again = await make(folder, 'trial-maps', '--floor', '1', ...describe);
    expect([again.code, again.stderr]).toEqual([1, 'new:package: packages/trial-maps exists already\n']);
    const laws = readFileSync(join(folder, 'tooling/checks/laws.mjs'), 'utf8');
    expect(laws).toContain("  'trial-maps': 1,\n");
    await git(folder, 'checkout', '--', 'tooling/checks/laws.mjs');
    const red = await attempt(process.execPath, ['tooling/checks/laws.mjs'], folder);
    expect(red.stdout).toContain('packages/trial-maps/package.json: trial-maps has no floor');
    expect(red.code).toBe(1);
  });
});

test.each([
  ['a capital', ['Viz', '--floor', '0', ...describe], /'Viz' is no name for a package/],
  ['a scope', ['@qkv/viz', '--floor', '0', ...describe], /is no name for a package/],
  ['a way out', ['../viz', '--floor', '0', ...describe], /is no name for a package/],
  ['a package that exists', ['tensor', '--floor', '0', ...describe], /packages\/tensor exists already/],
  ['a floor that is none', ['viz', '--floor', '9', ...describe], /'9' is no floor/],
  ['another floor than it was meant for', ['viz', '--floor', '2', ...describe], /viz is meant for floor 0/],
  ['no floor', ['viz', ...describe], /^new:package: usage: /],
  ['an option that is none', ['viz', '--flor', '0'], /^new:package: .*--flor.*; usage: /],
  ['a description of two lines', ['viz', '--floor', '0', '--description', 'One line.\nAnother.'], /one line/],
])('refuses %s', async (_, args, complaint) => {
  const { code, stderr } = await make(root, ...args);
  expect(code).toBe(1);
  expect(stderr).toMatch(complaint);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
});
