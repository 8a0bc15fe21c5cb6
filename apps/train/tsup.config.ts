import { defineConfig } from 'tsup';

/** The built application: its own sources in one file beside the data, the packages as they are. */
export default defineConfig({
  entry: ['src/main.ts'],
  format: 'esm',
  target: 'es2022',
  platform: 'node',
  clean: true,
  splitting: true, // commands load what they need when they run
});
