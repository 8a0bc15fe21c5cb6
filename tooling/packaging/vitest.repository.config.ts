import { project } from '@qkv/vitest-config';

export default project(import.meta.url, {
  name: 'packaging-repository',
  include: ['test/repository/*.test.ts'],
  globalSetup: [],
  maxWorkers: 2,
  testTimeout: 180_000,
  hookTimeout: 180_000,
});
