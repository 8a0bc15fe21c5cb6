/** Which tests a change asks for: its package's and those of all that use it, and no others. */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { bin, run } from '../../src/process';
import { commit, git, inScratchClone } from '../../src/scratch';
import { type Member, readMembers } from '../../src/workspace';

/** Names of the members whose `test` task turbo would run for what the last commit has changed. */
async function affected(folder: string): Promise<string[]> {
  const args = ['run', 'test', '--filter=...[HEAD^1]', '--dry=json'];
  const { tasks } = JSON.parse(await run(process.execPath, [bin('turbo'), ...args], folder));
  return (tasks as { task: string; package: string; command: string }[])
    .filter(({ task, command }) => task === 'test' && command !== '<NONEXISTENT>')
    .map((task) => task.package)
    .sort();
}

/** The member and all that reach it through dependencies of any kind, where they have tests. */
function users(members: readonly Member[], name: string): string[] {
  const found = new Set([name]);
  for (const one of found) {
    for (const { name: other, manifest } of members) {
      if ({ ...manifest.dependencies, ...manifest.devDependencies, ...manifest.peerDependencies }[one])
        found.add(other);
    }
  }
  return members
    .filter((member) => found.has(member.name) && member.manifest.scripts?.test)
    .map((m) => m.name)
    .sort();
}

test('turbo run test --filter=...[HEAD^1] runs the tests of a changed package and of its users', async () => {
  await inScratchClone(true, async (folder) => {
    const members = readMembers(folder);
    const plant = async (name: string) => {
      const { path } = members.find((member) => member.name === name)!;
      appendFileSync(join(folder, path, 'src/index.ts'), '\n// planted\n');
      await commit(folder, `A change of ${name}`);
      return affected(folder);
    };

    const nn = await plant('@qkv/nn'); // in the middle
    expect(nn).toEqual(users(members, '@qkv/nn'));
    expect(nn).toEqual(expect.arrayContaining(['@qkv/nn', '@qkv/attention', '@qkv/seq2seq', '@qkv/conformance']));
    for (const other of ['@qkv/tensor', '@qkv/autograd', '@qkv/tokenizers', '@qkv/backend-wasm']) {
      expect(nn).not.toContain(other);
    }

    const tokenizers = await plant('@qkv/tokenizers'); // only apps use it
    expect(tokenizers).toEqual(users(members, '@qkv/tokenizers'));
    expect(tokenizers.filter((name) => members.find((m) => m.name === name)!.path.startsWith('packages/'))).toEqual([
      '@qkv/tokenizers',
    ]);

    // A change outside of all packages, such as of a page in docs/, asks for none.
    appendFileSync(join(folder, 'docs/decisions/0001-graph-not-eager.md'), '\n');
    await commit(folder, 'A change of the documentation');
    expect(await affected(folder)).toEqual([]);
    expect((await git(folder, 'log', '--oneline')).trim().split('\n')).toHaveLength(4);
  });
});
