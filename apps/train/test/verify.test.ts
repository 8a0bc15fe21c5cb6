import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { readSafetensors, writeSafetensors } from '@qkv/safetensors/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { cli as startCli, execute, type Result } from './support';

const folder = mkdtempSync(join(tmpdir(), 'qkv-verify-'));
const pairs = join(folder, 'pairs.tsv');
const oneThread = { OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1', PYTHONDONTWRITEBYTECODE: '1' };

/** Debian's own comes first: a `python3` before it in the path seldom has torch. */
const python = ['/usr/bin/python3', 'python3'].find(
  (command) =>
    spawnSync(command, ['-c', 'import numpy, torch'], { env: { ...process.env, ...oneThread } }).status === 0,
);
if (python === undefined)
  console.log('skipped: no python3 with torch and numpy to compare with (python3-torch, python3-numpy)');

const cli = (...args: string[]): Promise<Result> => startCli(args, { env: oneThread });

const run = (name: string): string => join(folder, name);
const kinds = ['g2p', 'seq2seq'] as const;
const settings = {
  // pre-norm, hence final norms, and ReLU
  g2p: ['--max-length', '20', '--steps', '40', '--validate-every', '40', '--batch', '32'],
  seq2seq: [
    '--train',
    pairs,
    '--source-unit',
    'word',
    '--target-unit',
    'word',
    '--steps',
    '30',
    '--batch',
    '16',
  ].concat(
    ['--normalization', 'post', '--activation', 'gelu', '--average', '0.9', '--accumulate', '2'],
    ['--dropout', '0.1', '--smoothing', '0.1', '--learning-rate', '3e-3'],
  ),
};

const made: Result[] = [];
beforeAll(async () => {
  // Sentences of numbers, which come back in the other order and in capitals.
  const words = 'zero one two three four five six seven eight nine'.split(' ');
  const lines = Array.from({ length: 300 }, (_, i) => {
    const sentence = [...String(7 * i * i + 3 * i)].map((digit) => words[Number(digit)]);
    return `${sentence.join(' ')}\t${sentence.toReversed().join(' ').toUpperCase()}\n`;
  });
  writeFileSync(pairs, lines.join(''));
  for (const kind of kinds) {
    made.push(await cli(kind, '--preset', 'tiny', ...settings[kind], '--output', run(kind)));
    made.push(await cli('verify', '--run', run(kind), '--no-execute'));
  }
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const written = ['batch.safetensors', 'optimizer.safetensors', 'settings.json', 'verify.py', 'weights.safetensors'];

test('verify --no-execute writes a program and what it reads', async () => {
  expect(made.map(({ code, err }) => [code, err])).toEqual(made.map(() => [0, '']));
  for (const kind of kinds) expect(readdirSync(join(run(kind), 'verify')).sort()).toEqual(written);
  const { tensors } = await readSafetensors(join(run('seq2seq'), 'verify/batch.safetensors'));
  const [, S] = tensors.get('source.0')!.shape;
  const [rows, T] = tensors.get('target.0')!.shape;
  expect(tensors.get('source.0')).toMatchObject({ dtype: 'I32', shape: [16, S] });
  expect(tensors.get('logits.0')!.shape.slice(0, 2)).toEqual([rows, T - 1]);
  expect(tensors.get('losses')).toMatchObject({ dtype: 'F64', shape: [30] });
  const { tensors: state, metadata } = await readSafetensors(join(run('seq2seq'), 'verify/optimizer.safetensors'));
  expect(state.get('state.0.step')!.data).toEqual(Float32Array.of(30));
  expect(JSON.parse(metadata.param_groups)).toMatchObject([{ weight_decay: 0.01 }, { weight_decay: 0 }]);
});

test('without PyTorch the files are there, and one line says what to do', async () => {
  const output = join(folder, 'unexecuted');
  const verifyWith = (command: string) =>
    cli('verify', '--run', run('seq2seq'), '--output', output, '--rows', '2', '--python', command);
  const { code, out, err } = await verifyWith('no-such-python');
  expect(err).toMatch(
    /^error: no-such-python cannot be started, .*pip install torch numpy.*no-such-python .*verify\.py does it\n$/,
  );
  expect(out).toContain(join(output, 'verify.py'));
  expect(code).toBe(1);
  expect(readdirSync(output).sort()).toEqual(written);
  // Node is no Python with torch either.
  const other = await verifyWith(process.execPath);
  expect(other.err).toMatch(/^error: .* has no torch, or no numpy: install both .*\n$/);
  expect(other.code).toBe(1);
}, 60_000);

test('a training file that has changed, or is gone, is an error', async () => {
  const text = readFileSync(pairs);
  try {
    writeFileSync(pairs, `${text.toString()}ten\tNET\n`);
    const changed = await cli('verify', '--run', run('seq2seq'), '--no-execute');
    expect(changed.err).toBe(`error: ${pairs} has changed since training; put it back as it was\n`);
    expect(changed.code).toBe(1);
    rmSync(pairs);
    const missing = await cli('verify', '--run', run('seq2seq'), '--no-execute');
    expect(missing.err).toMatch(/^error: cannot read .*pairs\.tsv: there is no such file; .*\n$/);
    expect(missing.code).toBe(1);
  } finally {
    writeFileSync(pairs, text);
  }
}, 60_000);

describe.skipIf(python === undefined)('PyTorch', () => {
  test.each([
    ['g2p', 'pre-norm, relu; 3 batches, 1 to a step', []],
    ['seq2seq', 'post-norm, gelu; 3 batches, 2 to a step', ['running average of weights']],
  ] as const)(
    'computes what a run of %s computes',
    async (kind, description, more) => {
      const { code, out, err } = await cli('verify', '--run', run(kind), '--python', python!);
      expect(err).toBe('');
      expect(out).toContain(description);
      const checks = out.split('\n').flatMap((line) => /^(?:ok|FAIL) +(.*?) {2}/.exec(line)?.[1] ?? []);
      expect(checks).toEqual([
        'logits',
        'losses of 30 steps',
        'gradient norms of 30 steps',
        'weights after them',
        ...more,
        "AdamW's first moments",
        "AdamW's second moments, roots",
        "AdamW's options and count",
      ]);
      expect(out, out).not.toContain('FAIL');
      expect(out).toMatch(/\nverified\n$/);
      expect(code).toBe(0);
    },
    120_000,
  );

  /** The checks that fail after something has been changed in a copy of a run's files. */
  async function failing(
    kind: (typeof kinds)[number],
    change: (copy: string) => void | Promise<void>,
  ): Promise<string[]> {
    const copy = mkdtempSync(join(folder, 'changed-'));
    cpSync(join(run(kind), 'verify'), copy, { recursive: true });
    await change(copy);
    const { code, out, err } = await execute(python!, [join(copy, 'verify.py')], { env: oneThread });
    expect(err).toBe('');
    expect(out).toMatch(/\nNOT EQUAL\n$/);
    expect(code).toBe(1);
    return [...new Set(out.split('\n').flatMap((line) => /^FAIL +(.*?) {2}/.exec(line)?.[1] ?? []))];
  }

  async function nudge(file: string, name: string, by: number): Promise<void> {
    const { tensors, metadata } = await readSafetensors(file);
    (tensors.get(name)!.data as Float32Array)[1] += by;
    await writeSafetensors(file, tensors, metadata);
  }

  test('sees one weight that is off by 0.001', async () => {
    const name = 'decoder.layers.0.crossAttention.value.bias';
    const checks = await failing('g2p', (copy) => nudge(join(copy, 'weights.safetensors'), name, 1e-3));
    expect(checks).toEqual(expect.arrayContaining(['logits', 'losses of 30 steps', 'weights after them']));
  }, 120_000);

  test('sees another optimiser: training differs, the model does not', async () => {
    const checks = await failing('seq2seq', (copy) => {
      const file = join(copy, 'settings.json');
      writeFileSync(file, readFileSync(file, 'utf8').replace('"beta2": 0.98,', '"beta2": 0.981,'));
    });
    expect(checks).toEqual(
      expect.arrayContaining(['losses of 30 steps', 'weights after them', "AdamW's options and count"]),
    );
    expect(checks).not.toContain('logits');
  }, 120_000);

  test('sees a moment that is off by 0.00001, and nothing else', async () => {
    const checks = await failing('seq2seq', (copy) =>
      nudge(join(copy, 'optimizer.safetensors'), 'state.0.exp_avg', 1e-5),
    );
    expect(checks).toEqual(["AdamW's first moments"]);
  }, 120_000);
});
