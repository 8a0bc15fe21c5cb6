/** A Vite project that has nothing but our tarballs: built for production, and run in Chromium. */
import { cpSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright';
import { build } from 'vite';
import { beforeAll, expect, inject, test } from 'vitest';

import { importedPackages, inEmptyFolder, install, typeErrors } from '../../src/newcomer';
import { isolation, serving } from '../../src/serve';
import { closure } from '../../src/workspace';

const app = fileURLToPath(new URL('../../app', import.meta.url));
const executablePath = process.env.QKV_CHROMIUM ?? '/usr/bin/chromium';
const args = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'];

interface Result {
  readonly isolated: boolean;
  readonly numerics: string;
  readonly threads: number;
  readonly loss: number;
  readonly probabilities: readonly number[];
}

/** What the page shows, and what it should not have done. */
async function open(folder: string, headers: object, query = ''): Promise<{ result: Result; complaints: string[] }> {
  const browser = await chromium.launch({ executablePath, args });
  try {
    return await serving(folder, headers, async (url) => {
      const page = await browser.newPage();
      const complaints: string[] = [];
      page.on('console', (message) => complaints.push(message.text()));
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('request', (request) => {
        // Workers are started from blobs of the page's own.
        if (
          !request
            .url()
            .replace(/^blob:/, '')
            .startsWith(url) &&
          !request.url().startsWith('data:')
        )
          complaints.push(request.url());
      });
      await page.goto(url + query);
      await page.waitForFunction(() => document.querySelector('#result')?.textContent !== '');
      const text = await page.textContent('#result');
      return { result: JSON.parse(text ?? '{}'), complaints };
    });
  } finally {
    await browser.close();
  }
}

let plain: Awaited<ReturnType<typeof open>>;
let isolated: Awaited<ReturnType<typeof open>>;
let ownFiles: Awaited<ReturnType<typeof open>>;
let withoutWorkers: Awaited<ReturnType<typeof open>>;
let forbidden: Awaited<ReturnType<typeof open>>;
let errors: string[];

beforeAll(async () => {
  await inEmptyFolder(async (folder) => {
    const main = readFileSync(join(app, 'main.ts'), 'utf8');
    cpSync(app, folder, { recursive: true });
    await install(
      folder,
      closure(importedPackages(main)).map((name) => inject('tarballs')[name]),
    );
    errors = typeErrors(folder, { 'main.ts': main });
    for (const file of ['kernels-fma.wasm', 'kernels-nofma.wasm', 'worker.js'])
      cpSync(join(folder, 'node_modules/@qkv/backend-wasm/dist', file), join(folder, 'public', file));
    await build({ root: folder, configFile: false, logLevel: 'warn', build: { target: 'es2022' } });
    plain = await open(join(folder, 'dist'), {});
    isolated = await open(join(folder, 'dist'), isolation);
    const policy = "script-src 'self' 'wasm-unsafe-eval'";
    withoutWorkers = await open(join(folder, 'dist'), { ...isolation, 'Content-Security-Policy': policy });
    ownFiles = await open(join(folder, 'dist'), { ...isolation, 'Content-Security-Policy': policy }, '?own');
    forbidden = await open(join(folder, 'dist'), { 'Content-Security-Policy': "script-src 'self'" });
  });
});

test('its types are right', () => expect(errors).toEqual([]));

test('a step of training and an inference give numbers', () => {
  const { result, complaints } = plain;
  expect(complaints).toEqual([]);
  expect(result).toMatchObject({ isolated: false, threads: 1, numerics: expect.stringMatching(/^wasm-/) });
  // Before the first update the classes are still about equally likely.
  expect(result.loss).toBeGreaterThan(0.3);
  expect(result.loss).toBeLessThan(1.5);
  expect(result.probabilities).toHaveLength(8);
  for (let row = 0; row < 4; row++) {
    const [no, yes] = result.probabilities.slice(2 * row, 2 * row + 2);
    expect(no).toBeGreaterThan(0);
    expect(no + yes).toBeCloseTo(1, 6);
  }
});

test('with cross-origin isolation there are threads, and the numbers are the same', () => {
  expect(isolated.complaints).toEqual([]);
  expect(isolated.result).toEqual({ ...plain.result, isolated: true, threads: availableParallelism() });
});

test('a page that must not start workers has one thread', () => {
  expect(withoutWorkers.result).toEqual({ ...plain.result, isolated: true });
});

test('files of its own give threads to a page that must not run inline code', () => {
  expect(ownFiles.complaints).toEqual([]);
  expect(ownFiles.result).toEqual(isolated.result);
});

test('a page that must not compile WebAssembly says so', () => {
  expect(forbidden.result).toEqual({ error: expect.stringContaining('WebAssembly') });
});
