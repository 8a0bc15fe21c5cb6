import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { root } from '@qkv/checks/examples';

export interface Member {
  /** As in `packages/tensor`. */
  readonly path: string;
  readonly name: string;
  readonly manifest: any;
}

/** Packages, apps and tooling of a workspace. */
export function readMembers(workspace: string): Member[] {
  return ['packages', 'apps', 'tooling'].flatMap((kind) =>
    readdirSync(join(workspace, kind))
      .map((folder) => `${kind}/${folder}`)
      .filter((path) => existsSync(join(workspace, path, 'package.json')))
      .map((path) => {
        const manifest = JSON.parse(readFileSync(join(workspace, path, 'package.json'), 'utf8'));
        return { path, name: manifest.name, manifest };
      }),
  );
}

export const packages = readMembers(root).filter(({ path }) => path.startsWith('packages/'));

const byName = new Map(packages.map((member) => [member.name, member]));

/** These packages and what they need at run time, as npm would install them. */
export function closure(names: readonly string[]): string[] {
  const found = new Set(names);
  for (const name of found) {
    const { dependencies, peerDependencies } = byName.get(name)?.manifest ?? {};
    for (const needed of Object.keys({ ...dependencies, ...peerDependencies }))
      if (byName.has(needed)) found.add(needed);
  }
  return [...found];
}
