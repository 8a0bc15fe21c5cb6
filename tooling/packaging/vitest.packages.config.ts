import { project } from '@qkv/vitest-config';

export default project(import.meta.url, {
  name: 'packaging-packages',
  include: ['test/packages/*.test.ts'],
  globalSetup: ['./src/global-setup.ts'],
  maxWorkers: 2,
  maxConcurrency: 2,
  testTimeout: 600_000,
  hookTimeout: 600_000,
});
