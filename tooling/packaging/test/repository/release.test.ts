/** Which versions a change moves: docs/decisions/0005. Each case in a scratch clone, with one changeset and no other. */
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { bin, run } from '../../src/process';
import { git, inScratchClone } from '../../src/scratch';
import { type Member, readMembers } from '../../src/workspace';

type Bump = 'patch' | 'minor' | 'major';

const versions = (members: readonly Member[]) =>
  new Map(members.map(({ name, manifest }) => [name, manifest.version.split('.').map(Number) as number[]]));

/** Package → which part of its version `changeset version` has moved. */
async function release(folder: string, name: string, bump: Bump): Promise<Record<string, Bump>> {
  await git(folder, 'checkout', '--quiet', '--force', 'main');
  const pending = join(folder, '.changeset');
  for (const file of readdirSync(pending)) if (file.endsWith('.md')) rmSync(join(pending, file));
  writeFileSync(join(pending, 'only.md'), `---\n'${name}': ${bump}\n---\n\nA change.\n`);
  const before = versions(readMembers(folder));
  await run(process.execPath, [bin('@changesets/cli', 'changeset'), 'version'], folder);
  const moved: [string, Bump][] = [];
  for (const [member, now] of versions(readMembers(folder))) {
    const part = now.findIndex((number, i) => number !== before.get(member)![i]);
    if (part >= 0) moved.push([member, (['major', 'minor', 'patch'] as const)[part]]);
  }
  return Object.fromEntries(moved);
}

/** The packages whose run-time dependencies name this one. */
const dependents = (members: readonly Member[], name: string) =>
  members.filter(({ path, manifest }) => path.startsWith('packages/') && manifest.dependencies?.[name]);

test('a change moves the version of its package, and of others only where it leaves their range', async () => {
  await inScratchClone(true, async (folder) => {
    const members = readMembers(folder);
    const asPatches = (name: string) =>
      Object.fromEntries(dependents(members, name).map((member) => [member.name, 'patch' as const]));

    // Nothing depends on tokenizers but apps, and apps have no versions of their own.
    expect(dependents(members, '@qkv/tokenizers')).toEqual([]);
    expect(await release(folder, '@qkv/tokenizers', 'patch')).toEqual({ '@qkv/tokenizers': 'patch' });

    // 0.1.1 is inside of everybody's ^0.1.0.
    expect(await release(folder, '@qkv/tensor', 'patch')).toEqual({ '@qkv/tensor': 'patch' });

    // 0.2.0 is not: who depends on it gets a patch that takes it in, and who only tests with it gets nothing.
    const nn = await release(folder, '@qkv/nn', 'minor');
    expect(nn).toEqual({ ...asPatches('@qkv/nn'), '@qkv/nn': 'minor' });
    expect(Object.keys(nn)).toEqual(expect.arrayContaining(['@qkv/attention', '@qkv/seq2seq']));
    expect(Object.keys(nn)).not.toContain('@qkv/optim');
    for (const name of ['@qkv/attention', '@qkv/seq2seq']) {
      const { manifest } = readMembers(folder).find((member) => member.name === name)!;
      expect(manifest.dependencies['@qkv/nn']).toBe('workspace:^'); // becomes ^0.2.0 when it is packed
    }

    // A major change is a major of its own package only.
    const tensor = await release(folder, '@qkv/tensor', 'major');
    expect(tensor).toEqual({ ...asPatches('@qkv/tensor'), '@qkv/tensor': 'major' });
  });
});

test('as peers, the same dependencies would make a major of everything above', async () => {
  await inScratchClone(true, async (folder) => {
    const { path, manifest } = readMembers(folder).find(({ name }) => name === '@qkv/attention')!;
    const { dependencies, ...rest } = manifest;
    writeFileSync(join(folder, path, 'package.json'), JSON.stringify({ ...rest, peerDependencies: dependencies }));
    await git(folder, 'commit', '--quiet', '--all', '--message', 'Peers');
    expect(await release(folder, '@qkv/nn', 'minor')).toMatchObject({ '@qkv/attention': 'major' });
  });
});
