import { project } from '@qkv/vitest-config';

export default project(import.meta.url, {
  globalSetup: [],
  // The Rust library takes every core it finds, and large vocabularies much memory.
  env: { RAYON_NUM_THREADS: '1', TOKENIZERS_PARALLELISM: 'false' },
  maxWorkers: 1,
  testTimeout: 120_000,
  hookTimeout: 120_000,
});
