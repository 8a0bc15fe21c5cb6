import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { readSafetensors } from '@qkv/safetensors/node';
import { lockFolder } from '@qkv/training/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { tiny } from '../../test/support';
import { parseDictionary, type Split } from '../data/cmudict';
import { createG2pTask } from '../data/g2p-task';
import type { PairsTask } from '../data/task';
import { requirePairs } from '../kinds/pairs';
import { encodeSource } from '../model/evaluation';
import { Translator } from '../model/translator';
import { installEngine } from '../engine';
import type { PartialRecipe } from '../recipe';
import { Reporter } from '../terminal/reporter';
import { readMetrics } from './metrics';
import { noteScores, readSummary } from './summary';
import { type RunOptions, trainRun } from './training';
import { loadRun } from './weights';

const dictionary = parseDictionary({ CAT: 'K AE1 T', BAT: 'B AE1 T', DOT: 'D AO1 T', DAB: 'D AE1 B', TAB: 'T AE1 B' });
const words = [...dictionary.keys()];
const split: Split = { training: words, validation: words, heldOut: [], sample: [], missing: [], unspellable: 0 };
const task = createG2pTask(dictionary, split, 20);

const folder = mkdtempSync(join(tmpdir(), 'qkv-runs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let runs = 0;
const fresh = (): string => join(folder, String(runs++));

let backend: RunOptions['backend'];
beforeAll(async () => {
  backend = await installEngine();
});

const uninterrupted = () =>
  ({ signal: new AbortController().signal, happened: false, end() {} }) as RunOptions['interruption'];

const run = (recipe: PartialRecipe, to = fresh(), more: Partial<RunOptions & { readonly task: PairsTask }> = {}) =>
  trainRun({
    task,
    recipe: tiny(recipe),
    folder: to,
    resume: 'never',
    overwrite: false,
    backend,
    reporter: new Reporter('quiet'),
    interruption: uninterrupted(),
    ...more,
  }).then((outcome) => ({ ...outcome!, folder: to }));

const bytes = (to: string): Buffer => readFileSync(join(to, 'model.safetensors'));

test('learns what five words sound like, and leaves everything that a run leaves', async () => {
  const { summary, folder: to } = await run({ steps: 120, validateEvery: 40 });
  expect(summary).toMatchObject({ reason: 'finished', steps: 120, validation: { examples: 5, sequenceErrorRate: 0 } });
  expect(readdirSync(to).sort()).toEqual([
    'checkpoints',
    'config.json',
    'curves.svg',
    'events.out.tfevents.0.qkv',
    'log.txt',
    'metrics.jsonl',
    'model.safetensors',
    'summary.json',
  ]);
  const { model } = requirePairs(await loadRun(to), 'this test');
  const translator = new Translator(model, 3);
  const said = await translator.translate(words.map((word) => encodeSource(model, word)));
  translator.release();
  expect(said.map((ids) => [model.codecs.target.tokensOf(ids)])).toEqual([...dictionary.values()]);

  const metrics = readMetrics(join(to, 'metrics.jsonl'));
  expect(metrics.filter((record) => 'loss' in record).map(({ step }) => step)).toEqual(
    Array.from({ length: 12 }, (_, i) => 10 * (i + 1)),
  );
  expect(metrics.filter((record) => 'validation/loss' in record).map(({ step }) => step)).toEqual([40, 80, 120]);
  expect(metrics[0].loss).toBeGreaterThan(metrics.at(-2)!.loss);
  const svg = readFileSync(join(to, 'curves.svg'), 'utf8');
  expect(svg).toMatch(/^<svg /);
  expect(svg).toContain('error rates on validation data');
  expect(readFileSync(join(to, 'log.txt'), 'utf8')).toMatch(
    /validation after 40 updates: loss \d\.\d{3}, PER \d+\.\d %/,
  );
});

test('the same seed gives the same model to the bit, another seed another', async () => {
  const models = [await run({ steps: 5 }), await run({ steps: 5 }), await run({ steps: 5, seed: 2 })].map((r) =>
    bytes(r.folder),
  );
  expect(models[1]).toEqual(models[0]);
  expect(models[2]).not.toEqual(models[0]);
});

describe('going on', () => {
  test('a finished run is left as it is: no file changes', async () => {
    const { folder: to, summary } = await run({ steps: 12 });
    const stamp = () =>
      readdirSync(to, { recursive: true }).map((name) => [name, statSync(join(to, String(name))).mtimeMs]);
    const before = stamp();
    const again = await run({ steps: 12 }, to, { resume: 'auto' });
    expect(again.summary).toEqual(summary);
    expect(stamp().filter(([name]) => name !== 'log.txt' && name !== 'curves.svg')).toEqual(
      before.filter(([name]) => name !== 'log.txt' && name !== 'curves.svg'),
    );
  });

  test('with more epochs it equals the longer run, where the schedule does not depend on the length', async () => {
    const recipe = {
      schedule: 'constant',
      warmup: 0,
      steps: undefined,
      validateEvery: 3,
      average: 0.9,
      dropout: 0.1,
    } as const;
    const whole = await run({ ...recipe, epochs: 12 });
    const part = await run({ ...recipe, epochs: 5 });
    expect(bytes(part.folder)).not.toEqual(bytes(whole.folder));
    const longer = await run({ ...recipe, epochs: 12 }, part.folder, { resume: 'auto' });
    expect(longer.summary.steps).toBe(12);
    expect(bytes(part.folder)).toEqual(bytes(whole.folder));
  });

  test('another run in the folder is an error, and stays; --overwrite replaces it', async () => {
    const { folder: to } = await run({ steps: 5 });
    const before = bytes(to);
    await expect(run({ steps: 5 }, to)).rejects.toThrow(
      /^there is a run in .*; go on with --resume auto, replace it with --overwrite, or choose another --output$/,
    );
    await expect(run({ steps: 5, seed: 7 }, to, { resume: 'auto' })).rejects.toThrow(
      /^the run in .* cannot go on: its seed is 1, not 7; /,
    );
    expect(bytes(to)).toEqual(before);
    await run({ steps: 5, seed: 7 }, to, { overwrite: true });
    expect(bytes(to)).not.toEqual(before);
  });

  test('--overwrite removes what a run wrote, and nothing else', async () => {
    const { folder: to } = await run({ steps: 5 });
    const foreign = ['notes.txt', '.mine.tmp', 'checkpoints/my.ckpt'].map((name) => join(to, name));
    for (const path of foreign) writeFileSync(path, 'mine');
    await run({ steps: 6, seed: 2 }, to, { overwrite: true });
    for (const path of foreign) expect(readFileSync(path, 'utf8')).toBe('mine');

    const other = fresh();
    mkdirSync(other);
    writeFileSync(join(other, 'config.json'), '{"format":"of another program"}');
    await expect(run({ steps: 5 }, other, { overwrite: true })).rejects.toThrow('config.json does not describe a run');
    expect(readFileSync(join(other, 'config.json'), 'utf8')).toContain('another program');
  });

  test('checkpoints without the config of their run are taken up by no other', async () => {
    const { folder: to } = await run({ steps: 5 });
    rmSync(join(to, 'config.json'));
    for (const resume of ['never', 'auto'] as const) {
      await expect(run({ steps: 9, seed: 3 }, to, { resume })).rejects.toThrow(
        /has a checkpoints\/step-00000005\.safetensors, but no run that it belongs to; move it away/,
      );
    }
  });

  test('fewer updates than were made are refused, and nothing changes', async () => {
    const { folder: to } = await run({ steps: 9 });
    const config = readFileSync(join(to, 'config.json'), 'utf8');
    await expect(run({ steps: 5 }, to, { resume: 'auto' })).rejects.toThrow(/has made 9 updates already/);
    expect(readFileSync(join(to, 'config.json'), 'utf8')).toBe(config);
  });

  test('a finished run needs its best checkpoint no more; a summary that is none is made anew', async () => {
    const { folder: to, summary } = await run({ steps: 8 });
    for (const name of readdirSync(join(to, 'checkpoints'))) truncateSync(join(to, 'checkpoints', name), 100);
    await expect(run({ steps: 8 }, to, { resume: 'auto' })).rejects.toThrow('step-00000008.safetensors');
    rmSync(join(to, 'checkpoints'), { recursive: true });
    const again = fresh();
    await run({ steps: 8 }, again);
    writeFileSync(join(again, 'summary.json'), '{"modelStep":8,"steps":8}');
    const made = await run({ steps: 8 }, again, { resume: 'auto' });
    expect({ ...made.summary, trainingSeconds: 0 }).toEqual({ ...summary, trainingSeconds: 0 });
  });

  test('scores of other data stay with the model that they are of', async () => {
    const { folder: to, summary } = await run({ steps: 8, validateEvery: 8 });
    const scores = { examples: 1, tokenErrorRate: 0.5, sequenceErrorRate: 1 };
    await noteScores(to, summary.modelStep, 'mine', scores);
    await noteScores(to, summary.modelStep + 1, 'of another model', scores);
    expect((await readSummary(to))?.tests).toEqual({ mine: scores });
    const longer = await run({ steps: 60, validateEvery: 8 }, to, { resume: 'auto' });
    expect(longer.summary.modelStep).toBeGreaterThan(8);
    expect(longer.summary.tests).toBeUndefined();
  });

  test('a folder that another process uses', async () => {
    const { folder: to } = await run({ steps: 5 });
    const lock = await lockFolder(to);
    await expect(run({ steps: 9 }, to, { resume: 'auto' })).rejects.toThrow(
      `${to} is in use by process ${process.pid}`,
    );
    await lock.release();
    expect((await run({ steps: 9 }, to, { resume: 'auto' })).summary.steps).toBe(9);
    expect(existsSync(join(to, 'lock'))).toBe(false);
  });
});

test('the model is the running average where there is one, and the weights where there is none', async () => {
  for (const average of [0.9, 0]) {
    const { folder: to, summary } = await run({ steps: 12, average });
    const name = `step-${String(summary.modelStep).padStart(8, '0')}.safetensors`;
    const { tensors: saved } = await readSafetensors(join(to, 'checkpoints', name));
    const { tensors: model } = await readSafetensors(join(to, 'model.safetensors'));
    const bias = (prefix: string) => saved.get(`${prefix}output.bias`)?.data;
    expect(model.get('output.bias')!.data).toEqual(bias(average > 0 ? 'average.weights.' : 'model.'));
    expect(bias('average.weights.')).not.toEqual(bias('model.'));
  }
});

test('four micro-batches, averages, post-norm and each schedule train', async () => {
  for (const schedule of ['cosine', 'linear', 'inverse-square-root', 'constant'] as const) {
    const { summary, folder: to } = await run({
      steps: 6,
      accumulate: 4,
      batch: 2,
      average: 0.9,
      normalization: 'post',
      schedule,
    });
    expect(summary.steps).toBe(6);
    expect((await loadRun(to)).step).toBe(summary.modelStep);
  }
});

test('validation data that the model cannot take, or that a metric cannot use, are an error before training', async () => {
  const long = { source: 'A'.repeat(100), references: [['T']] };
  await expect(run({ steps: 5 }, fresh(), { task: { ...task, validation: [long] } })).rejects.toThrow(
    'validation: 1 sources are longer than the 64 tokens that the model takes',
  );
  await expect(run({ steps: 5, metric: 'loss' }, fresh(), { task: { ...task, validationPairs: [] } })).rejects.toThrow(
    'every validation pair is longer than --max-length 20',
  );
});

test('a loss that is no number ends the run, and names what to do', async () => {
  const explosive = {
    learningRate: 1,
    weightDecay: 10,
    clipNorm: 0,
    epsilon: 0,
    schedule: 'constant',
    warmup: 0,
  } as const;
  await expect(run({ ...explosive, steps: 60 })).rejects.toThrow(
    /^the loss is NaN at step \d+; lower --learning-rate, or look for the operation with --debug$/,
  );
});
