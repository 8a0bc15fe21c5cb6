import { project } from '@qkv/vitest-config';

export default project(import.meta.url, {
  name: 'packaging-repository',
  include: ['test/repository/*.test.ts'],
  globalSetup: [],
  maxWorkers: 2,
  testTimeout: 600_000,
  hookTimeout: 600_000,
});
