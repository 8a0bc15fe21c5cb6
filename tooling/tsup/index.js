import { defineConfig } from 'tsup';

/**
 * The build of a published package: one ES module and its declarations for each public entry.
 *
 * @param {{ entry?: string[] }} [options]
 */
export function library({ entry = ['src/index.ts'] } = {}) {
  return defineConfig({
    entry,
    format: 'esm',
    target: 'es2022',
    platform: 'neutral',
    dts: true,
    sourcemap: true,
    clean: true,
    splitting: true, // what two entries share exists once
    treeshake: true,
    // A bundler for the web, and Deno, know by `node:` what a name means.
    removeNodeProtocol: false,
    external: [/^node:/],
  });
}
