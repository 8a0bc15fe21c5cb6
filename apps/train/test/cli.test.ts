import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'qkv-cli-'));
const run = join(folder, 'run');
const tiny = [
  '--dimension',
  '16',
  '--heads',
  '2',
  '--feed-forward',
  '16',
  '--encoder-layers',
  '1',
  '--decoder-layers',
  '1',
];

interface Result {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** As the scripts of package.json start it. `watch` sees the output as it grows. */
function cli(args: readonly string[], watch: (out: string, kill: (signal: NodeJS.Signals) => void) => void = () => {}) {
  return new Promise<Result>((resolve) => {
    const command = ['--conditions=@qkv/source', '--import', 'tsx', 'apps/train/src/main.ts', ...args];
    const child = spawn(process.execPath, command, { cwd: root, env: { ...process.env, FORCE_COLOR: undefined } });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      watch(out, (signal) => child.kill(signal));
    });
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.on('close', (code) => resolve({ code, out, err }));
  });
}

/** One line, and a code that is not 0. */
function expectFailure({ code, out, err }: Result, line: string | RegExp): void {
  expect(err.trimEnd()).toMatch(/^error: .*$/);
  expect(err).toMatch(line);
  expect(out).toBe('');
  expect(code).toBe(1);
}

let trained: Result;
beforeAll(async () => {
  trained = await cli(['start', '--', '--steps', '2', ...tiny, '--output', run]);
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('start trains, judges, shows and saves', () => {
  const { code, out, err } = trained;
  expect(err).toBe('');
  expect(code).toBe(0);
  expect(out).toContain('110,880 words to train on');
  expect(out).toMatch(/step 2\/2 {2}loss \d\.\d{3} {2}\d+ tokens\/s {2}0 s left/);
  expect(out).toMatch(/2,000 held-out words: PER \d+\.\d %, WER \d+\.\d %/);
  expect(out.match(/^[✓✗] /gm)).toHaveLength(10);
  expect(out).toContain("share of a row's attention: blank below 10 %");
  expect(out).not.toContain('\u001b'); // no colours where nobody sees them
  expect(readdirSync(run).sort()).toEqual(['config.json', 'model.safetensors']);
  const { scores } = JSON.parse(readFileSync(join(run, 'config.json'), 'utf8'));
  expect(scores).toMatchObject({ validation: { words: 1000 }, heldOut: { words: 2000 } });
});

test('pronounce loads what start has saved', async () => {
  const { code, out, err } = await cli(['pronounce', 'hello', "don't", '--model', run]);
  expect(err).toBe('');
  expect(code).toBe(0);
  expect(out).toMatch(/^HELLO {2}.*\nDON'T {2}.*\n$/);
});

describe('bad input gives one clear line, a code that is not 0, and loses nothing', () => {
  test('an unknown character', async () => {
    const line = `error: "naïve" has the character 'ï' (U+00EF), which the model does not know`;
    expectFailure(await cli(['pronounce', 'fine', 'naïve', '--model', run]), line);
  });

  test('no model', async () => {
    const missing = join(folder, 'missing');
    expectFailure(
      await cli(['pronounce', 'word', '--model', missing]),
      `error: there is no model in ${missing}; run start first, or name a folder with --model`,
    );
  });

  test('a truncated model, and where the error comes from with --debug', async () => {
    const weights = join(run, 'model.safetensors');
    const bytes = readFileSync(weights);
    truncateSync(weights, statSync(weights).size - 100);
    try {
      expectFailure(await cli(['pronounce', 'word', '--model', run]), /model\.safetensors: the file is truncated/);
      const { code, err } = await cli(['pronounce', 'word', '--model', run, '--debug']);
      expect(code).toBe(1);
      expect(err).toMatch(/\n\s+at .*parse\.ts/);
    } finally {
      writeFileSync(weights, bytes);
    }
  });

  test('a folder that cannot be written to, before training', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    const line = `error: cannot write to ${file}: a file has this name; choose another with --output`;
    expectFailure(await cli(['start', ...tiny, '--output', file]), line);
  });

  test.each([
    [['start', '--steps', 'many'], "error: option '--steps <n>' argument 'many' is invalid."],
    [['start', '--batch', '0'], "error: option '--batch <words>' argument '0' is invalid."],
    [['start', '--dimension', '10'], 'error: --dimension 10 is not a multiple of --heads 4'],
    [['start', '--speed', '9'], "error: unknown option '--speed'"],
    [['pronounce'], "error: missing required argument 'words'"],
    [['fly'], "error: unknown command 'fly'"],
  ])('%j', async (args, line) => {
    const { code, out, err } = await cli(args);
    expect(err).toContain(line);
    expect(out).toBe('');
    expect(code).toBe(1);
  });
});

test('--help tells what there is', async () => {
  const { code, out } = await cli(['start', '--help']);
  expect(code).toBe(0);
  for (const option of ['--steps <n>', '--seed <n>', '--output <folder>', '--debug']) expect(out).toContain(option);
});

test('Ctrl-C ends in good order: the model so far is saved beside the whole one', async () => {
  const before = readFileSync(join(run, 'config.json'));
  let sent = false;
  const { code, out, err } = await cli(['start', '--steps', '100000', ...tiny, '--output', run], (text, kill) => {
    if (sent || !text.includes('one thread of WebAssembly')) return;
    sent = true;
    setTimeout(kill, 500, 'SIGINT');
  });
  expect(err).toBe('');
  expect(code).toBe(130);
  expect(out).toMatch(/\nstopped after \d+ steps; the model so far is in .*interrupted\n$/);
  expect(readFileSync(join(run, 'config.json'))).toEqual(before);
  expect((await cli(['pronounce', 'word', '--model', join(run, 'interrupted')])).code).toBe(0);
});
