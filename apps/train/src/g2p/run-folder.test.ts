import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { useWasm } from '@qkv/backend-wasm';
import { parse } from '@qkv/safetensors';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { tinyModel, tinyRecipe } from '../../test/support';
import { loadRun, prepareRunFolder, type RunRecord, saveRun, saveScores } from './run-folder';

beforeAll(async () => {
  await useWasm();
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'qkv-train-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const record: RunRecord = { recipe: tinyRecipe, stepsMade: 40, trainingSeconds: 1.5, backend: 'wasm-fma', scores: {} };
const config = () => JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
const change = (changes: object) =>
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config(), ...changes }));

test('what was saved is what is loaded, and no other file is left', async () => {
  const model = tinyModel();
  await saveRun(folder, model, record);
  const loaded = await loadRun(folder);
  const values = (m: typeof model) => Promise.all(m.transformer.parameters().map((parameter) => parameter.data()));
  expect(await values(loaded)).toEqual(await values(model));
  expect(loaded.phonemes.tokens).toEqual(model.phonemes.tokens);
  expect(readdirSync(folder).sort()).toEqual(['config.json', 'model.safetensors']);
  const { metadata, tensors } = parse(readFileSync(join(folder, 'model.safetensors')));
  expect(metadata.format).toBe('qkv.g2p');
  expect(tensors.get('decoder.layers.0.crossAttention.output.weight')!.shape).toEqual([16, 16]);
});

test('the same weights give the same file, to the byte', async () => {
  const file = () => readFileSync(join(folder, 'model.safetensors'));
  await saveRun(folder, tinyModel(), record);
  const first = file();
  await saveRun(folder, tinyModel(), { ...record, trainingSeconds: 9 });
  expect(file()).toEqual(first);
  await saveRun(folder, tinyModel({ ...tinyRecipe, seed: 2 }), record);
  expect(file()).not.toEqual(first);
});

test('config.json tells vocabularies, hyper-parameters, seed and scores', async () => {
  await saveRun(folder, tinyModel(), record);
  const scores = { validation: { words: 1000, wer: 0.5, per: 0.125 } };
  await saveScores(folder, scores);
  expect(config()).toMatchObject({ recipe: tinyRecipe, stepsMade: 40, backend: 'wasm-fma', scores });
  expect(config().letters.tokens.join('')).toBe("'ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  await loadRun(folder);
});

describe('says in one line', () => {
  const failure = async (): Promise<string> => {
    const error = (await loadRun(folder).catch((e: unknown) => e)) as Error;
    expect(error).toBeInstanceOf(Error);
    expect(error.message).not.toContain('\n');
    return error.message;
  };
  beforeEach(() => saveRun(folder, tinyModel(), record));

  test('that there is no model', async () => {
    rmSync(join(folder, 'config.json'));
    expect(await failure()).toBe(`there is no model in ${folder}; run start first, or name a folder with --model`);
  });

  test('that the weights are gone, truncated, or something else', async () => {
    const weights = join(folder, 'model.safetensors');
    truncateSync(weights, 3000);
    expect(await failure()).toMatch(/model\.safetensors: .*truncated/);
    writeFileSync(weights, 'hello');
    expect(await failure()).toMatch(/model\.safetensors: .*header/);
    rmSync(weights);
    expect(await failure()).toMatch(/model\.safetensors: no such file/);
  });

  test('that the weights have another shape', async () => {
    change({ recipe: { ...tinyRecipe, dimension: 32 } });
    expect(await failure()).toMatch(
      /model\.safetensors is not the model that config\.json beside it describes: .*expected float32 \[31, 32\], got float32 \[31, 16\]/,
    );
    change({ recipe: { ...tinyRecipe, encoderLayers: 2 } });
    expect(await failure()).toMatch(/missing: encoder\.layers\.1\./);
  });

  test('that two files are of different runs', async () => {
    change({ run: 'another' });
    expect(await failure()).toMatch(/are of different runs; run start again$/);
  });

  test('that config.json is broken, foreign, of another version, or says something impossible', async () => {
    change({ recipe: { ...tinyRecipe, heads: 3 } });
    expect(await failure()).toMatch(/config\.json: .*dimension 16 must be a multiple of 3 heads/);
    change({ recipe: { ...tinyRecipe, heads: '2' } });
    expect(await failure()).toMatch(/recipe\.heads is 2, expected a whole number/);
    change({ recipe: undefined });
    expect(await failure()).toMatch(/recipe\.dimension is undefined/);
    change({ recipe: tinyRecipe, letters: { format: 'x' } });
    expect(await failure()).toMatch(/config\.json: Vocabulary: format is "x"/);
    change({ formatVersion: 2 });
    expect(await failure()).toMatch(/has format version 2, this release reads 1; run start again$/);
    change({ format: 'other' });
    expect(await failure()).toMatch(/does not describe a model of this application/);
    writeFileSync(join(folder, 'config.json'), '{"format":\n');
    expect(await failure()).toMatch(/config\.json is not JSON/);
  });
});

test('a place that cannot be written to is told before anything is computed', async () => {
  writeFileSync(join(folder, 'file'), '');
  await expect(prepareRunFolder(join(folder, 'file', 'run'), tinyModel())).rejects.toThrow(
    `cannot write to ${join(folder, 'file', 'run')}: a part of this path is not a folder; choose another with --output`,
  );
  await expect(prepareRunFolder(join(folder, 'file'), tinyModel())).rejects.toThrow(/a file has this name/);
  await prepareRunFolder(join(folder, 'new', 'run'), tinyModel());
  expect(readdirSync(join(folder, 'new', 'run'))).toEqual([]);
});

test.runIf(existsSync('/proc/self'))('a place where the system makes no folders', async () => {
  await expect(prepareRunFolder('/proc/runs/g2p', tinyModel())).rejects.toThrow(/the system makes no folder there/);
});

test('if a save fails, the earlier run is whole and nothing half-written is left', async () => {
  await saveRun(folder, tinyModel(), record);
  const before = ['config.json', 'model.safetensors'].map((name) => readFileSync(join(folder, name)));
  const other = tinyModel({ ...tinyRecipe, seed: 2 });
  // A folder in the place of the weights: their rename fails, when both files have been written under other names.
  const weights = join(folder, 'model.safetensors');
  rmSync(weights);
  mkdirSync(weights);
  await expect(saveRun(folder, other, record)).rejects.toThrow(/model\.safetensors: a folder has this name/);
  rmdirSync(weights);
  writeFileSync(weights, before[1]);
  expect(readdirSync(folder).sort()).toEqual(['config.json', 'model.safetensors']);
  expect(['config.json', 'model.safetensors'].map((name) => readFileSync(join(folder, name)))).toEqual(before);
  await loadRun(folder);
});
