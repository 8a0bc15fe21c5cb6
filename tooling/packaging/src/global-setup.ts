import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { root } from '@qkv/checks/examples';
import type { TestProject } from 'vitest/node';

import { nodes, pnpm, run } from './process';
import { packages } from './workspace';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Name of a package → its tarball, as it would be published now. */
    tarballs: Record<string, string>;
  }
}

/** Builds what has changed and packs every package, once for all test files. */
export default async function setup({ provide }: TestProject): Promise<() => void> {
  const filter = ['--filter=./packages/*'];
  // Turbo may answer from its cache here: a build is a function of its inputs, and what follows looks at the result.
  const turbo = await pnpm(['exec', 'turbo', 'run', 'build', ...filter, '--output-logs=errors-only'], root);
  console.log(/Cached:.*/.exec(turbo)?.[0] ?? turbo);
  const folder = mkdtempSync(join(tmpdir(), 'qkv-tarballs-'));
  await pnpm(['-r', ...filter, 'pack', '--pack-destination', folder], root);
  const tarballs = Object.fromEntries(
    packages.map(({ name, manifest }) => [
      name,
      join(folder, `${name.replace('@', '').replace('/', '-')}-${manifest.version}.tgz`),
    ]),
  );
  const versions = await Promise.all(nodes().map((node) => run(node, ['--version'], root)));
  console.log(
    `packed ${readdirSync(folder).length} packages, for Node ${versions.map((text) => text.trim()).join(' and ')}`,
  );
  provide('tarballs', tarballs);
  return () => rmSync(folder, { recursive: true, force: true });
}
