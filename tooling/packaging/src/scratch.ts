import {
  appendFileSync,
  copyFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { root } from '@qkv/checks/examples';

import { run } from './process';

const identity = { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' };

export const git = (folder: string, ...args: string[]): Promise<string> =>
  run('git', ['-c', 'user.name=qkv', '-c', 'user.email=qkv@localhost', '-c', 'gc.auto=0', ...args], folder, identity);

export async function commit(folder: string, message: string): Promise<void> {
  await git(folder, 'add', '--all');
  await git(folder, 'commit', '--quiet', '--no-verify', '--allow-empty', '--message', message);
}

/**
 * Runs `body` in a repository of one commit that has the files of this working tree as they are now, committed or not.
 * With `tools`, the installed commands of the root are found there; the packages' own links are not.
 */
export async function inScratchClone<T>(tools: boolean, body: (folder: string) => Promise<T>): Promise<T> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'qkv-scratch-')));
  try {
    const listed = await git(root, 'ls-files', '-z', '--cached', '--others', '--exclude-standard');
    for (const path of new Set(listed.split('\0'))) {
      const from = join(root, path);
      if (path === '' || !existsSync(from) || !lstatSync(from).isFile()) continue; // deleted, not yet committed
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      copyFileSync(from, join(folder, path));
    }
    // Not in git and a function of the sources: compiling the kernels anew would take longer than all the rest.
    const generated = 'packages/backend-wasm/src/generated';
    if (existsSync(join(root, generated))) cpSync(join(root, generated), join(folder, generated), { recursive: true });
    await git(folder, 'init', '--quiet', '--initial-branch=main');
    if (tools) {
      symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
      // The pattern of .gitignore means folders, and this is a link.
      appendFileSync(join(folder, '.git/info/exclude'), '/node_modules\n');
    }
    await commit(folder, 'As it is');
    return await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
