import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { defaultClientConditions, defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';

/** The export condition under which a package's entry is its TypeScript source. */
export const sourceCondition = '@qkv/source';

/** Tests import the sources of every package, so they need no build. Naming conditions replaces vite's own, hence the defaults. */
export const resolveFromSource = {
  resolve: { conditions: [sourceCondition, ...defaultClientConditions] },
  ssr: { resolve: { conditions: [sourceCondition, ...defaultServerConditions] } },
};

/** Compiles the wasm kernels when they are out of date. */
export const globalSetup = fileURLToPath(new URL('./global-setup.js', import.meta.url));

/**
 * The vitest project of one workspace package, named after its folder.
 *
 * @param {string} configUrl `import.meta.url` of the package's vitest.config.ts
 * @param {import('vitest/config').TestUserConfig} [test] what this package sets differently
 */
export function project(configUrl, test = {}) {
  const root = dirname(fileURLToPath(configUrl));
  return defineConfig({
    root,
    ...resolveFromSource,
    test: {
      name: basename(root),
      include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
      globalSetup: [globalSetup],
      testTimeout: 30_000,
      ...test,
    },
  });
}
