import { project } from '@qkv/vitest-config';
import { playwright } from '@vitest/browser-playwright';
import { mergeConfig } from 'vite';

// Never a downloaded browser: the one that is installed, told to stay off the network.
const launchOptions = {
  executablePath: process.env.QKV_CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--disable-quic',
  ],
};

const config = project(import.meta.url, {
  name: 'conformance-chromium',
  include: ['src/**/*.conformance.test.ts'],
  browser: {
    enabled: true,
    headless: true,
    screenshotFailures: false,
    provider: playwright({ launchOptions }),
    instances: [{ browser: 'chromium' }],
  },
});

// Named beforehand: a dependency that vite meets only while the tests run makes it reload them.
export default mergeConfig(config, {
  optimizeDeps: { include: ['fast-check'] },
  // Pages have shared memory, and so threads, only when they are isolated.
  server: {
    headers: { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' },
  },
});
