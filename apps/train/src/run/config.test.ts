import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { trainTokenizer } from '@qkv/tokenizers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { tiny, tinyModel } from '../../test/support';
import type { PairsConfig } from '../kinds/pairs';
import { TokenizerCodec } from '../model/codec';
import { differenceOf, readConfig, readSettings, type RunConfig, runDigest, writeConfig } from './config';

const folder = mkdtempSync(join(tmpdir(), 'qkv-config-'));
const file = join(folder, 'config.json');
const config: RunConfig = { data: { task: 'g2p' }, recipe: tiny({}), codecs: tinyModel().codecs };
let text: string;

beforeAll(async () => {
  await writeConfig(folder, config);
  text = readFileSync(file, 'utf8');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('what is written is read, and is the same run', async () => {
  const read = (await readConfig(folder))!;
  expect(JSON.stringify(read)).toBe(JSON.stringify(config));
  expect(runDigest(read)).toBe(runDigest(config));
  expect(differenceOf(config, read)).toBeUndefined();
  expect(await readConfig(join(folder, 'none'))).toBeUndefined();
});

test('a run may be made longer, and nothing else', () => {
  const with_ = (recipe: object): RunConfig => ({ ...config, recipe: { ...config.recipe, ...recipe } });
  const longer = with_({ steps: undefined, epochs: 9, patience: 3, keepLast: 9 });
  expect(differenceOf(config, longer)).toBeUndefined();
  expect(runDigest(longer)).toBe(runDigest(config));
  expect(differenceOf(config, with_({ seed: 2 }))).toBe('its seed is 1, not 2');
  expect(differenceOf(config, with_({ batch: undefined, batchTokens: 9 }))).toBe('its batch is 8, not undefined');
  expect(runDigest(with_({ seed: 2 }))).not.toBe(runDigest(config));
  const file = { path: 'a', digest: 'b' };
  const data = { task: 'seq2seq', train: file, valid: null, sourceUnit: 'word', targetUnit: 'word' } as const;
  expect(differenceOf(config, { ...config, data })).toBe('its data are others');
  const elsewhere = { ...data, train: { path: '../a', digest: 'b' } };
  expect(differenceOf({ ...config, data }, { ...config, data: elsewhere })).toBeUndefined();
  expect(runDigest({ ...config, data })).toBe(runDigest({ ...config, data: elsewhere }));
});

describe('sub-words', () => {
  const at = mkdtempSync(join(tmpdir(), 'qkv-config-'));
  afterAll(() => rmSync(at, { recursive: true, force: true }));
  const codec = (texts: string[]) => new TokenizerCodec(trainTokenizer(texts, { preset: 'bpe', vocabSize: 270 }));
  const pairs = { path: 'a', digest: 'b' };
  const own: PairsConfig = {
    data: { task: 'seq2seq', train: pairs, valid: null, sourceUnit: 'bpe:270', targetUnit: pairs },
    recipe: tiny({}),
    codecs: { source: codec(['hello hello']), target: codec(['world world']) },
  };
  const target = join(at, 'target-tokenizer.json');

  test('tokenizers lie beside the config, and are read with it', async () => {
    await writeConfig(at, own);
    expect(readdirSync(at).sort()).toEqual(['config.json', 'source-tokenizer.json', 'target-tokenizer.json']);
    const read = (await readConfig(at)) as PairsConfig;
    expect(JSON.stringify(read)).toBe(JSON.stringify(own));
    expect(runDigest(read)).toBe(runDigest(own));
    expect(differenceOf(own, read)).toBeUndefined();
    expect(read.codecs.target.encode('world')).toEqual(own.codecs.target.encode('world'));
  });

  test('another one is another run', () => {
    const { data } = own;
    const with_ = (unit: object) => differenceOf(own, { ...own, data: { ...data, ...unit } as RunConfig['data'] });
    expect(with_({ sourceUnit: 'word' })).toBe('its source tokens are bpe:270, not words');
    expect(with_({ targetUnit: { path: 'elsewhere', digest: 'b' } })).toBeUndefined();
    expect(with_({ targetUnit: { path: 'a', digest: 'c' } })).toBe('its target tokens are a, not a as it is now');
    const codecs = { ...own.codecs, source: codec(['other other']) };
    expect(differenceOf(own, { ...own, codecs })).toBe('its tokens are others');
  });

  test('one that was changed, or is not there', async () => {
    const kept = readFileSync(target, 'utf8');
    writeFileSync(target, kept.replace('wor', 'wOr'));
    await expect(readConfig(at)).rejects.toThrow(/target-tokenizer\.json has changed since training; put it back/);
    rmSync(target);
    await expect(readConfig(at)).rejects.toThrow(
      /^cannot read .*target-tokenizer\.json, which the run needs: there is no such file$/,
    );
    writeFileSync(target, kept);
    const path = join(at, 'config.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"bpe:270"', '"bpe:x"'));
    await expect(readConfig(at)).rejects.toThrow(/config\.json: data\.sourceUnit: /);
  });
});

test('a run of an earlier release has the same digest', () => {
  expect(runDigest({ ...config, data: { task: 'g2p' } })).toBe('f1c2d17909ef9461c2787a103edf5f98');
  const file = { path: 'a', digest: 'b' };
  const data = { task: 'seq2seq', train: file, valid: null, sourceUnit: 'word', targetUnit: 'character' } as const;
  expect(runDigest({ ...config, data })).toBe('9f2734bd0cf98f4c69773a02163cad32');
});

test.each<[string, (json: Record<string, never>) => unknown, RegExp]>([
  [
    'another version',
    (json) => ({ ...json, formatVersion: 9 }),
    /config\.json has format version 9, this release reads 1; use the release that made it/,
  ],
  [
    'another program',
    (json) => ({ ...json, format: 'x' }),
    /config\.json does not describe a run of this application$/,
  ],
  ['null', () => null, /config\.json does not describe a run/],
  [
    'an unknown setting',
    (json) => ({ ...json, recipe: { ...(json.recipe as object), speed: 1 } }),
    /config\.json: recipe: unknown setting speed$/,
  ],
  [
    'a value out of range',
    (json) => ({ ...json, recipe: { ...(json.recipe as object), heads: 0 } }),
    /config\.json: recipe\.heads: Expected a whole number from 1 to 64\.$/,
  ],
  [
    'a contradiction',
    (json) => ({ ...json, recipe: { ...(json.recipe as object), heads: 3 } }),
    /config\.json: recipe: --dimension 16 is not a multiple of --heads 3$/,
  ],
  [
    'no vocabulary',
    (json) => ({ ...json, vocabularies: { source: {}, target: {} } }),
    /config\.json: Vocabulary: format is undefined/,
  ],
])('%s', async (_, change, message) => {
  writeFileSync(file, JSON.stringify(change(JSON.parse(text) as never)));
  await expect(readConfig(folder)).rejects.toThrow(message);
  writeFileSync(file, '{"format":');
  await expect(readConfig(folder)).rejects.toThrow(/config\.json is not JSON/);
  writeFileSync(file, text);
});

test('settings of a file: a config, or some settings alone', async () => {
  expect(await readSettings(file)).toEqual(JSON.parse(text).recipe);
  const some = join(folder, 'some.json');
  writeFileSync(some, '{"recipe":{"steps":3}}');
  expect(await readSettings(some)).toEqual({ steps: 3 });
  for (const [content, message] of [
    ['{"recipe":{"steps":3,"epochs":1}}', 'some.json: recipe: --steps 3 and --epochs 1 contradict each other'],
    ['{"recipe":{"stepz":3}}', 'some.json: recipe: unknown setting stepz'],
    ['{"steps":3}', 'some.json: '],
    ['[]', 'some.json: '],
    ['\uFEFF{"recipe":{"stepz":3}}', 'unknown setting stepz'],
  ]) {
    writeFileSync(some, content);
    await expect(readSettings(some)).rejects.toThrow(message);
  }
  await expect(readSettings(join(folder, 'none'))).rejects.toThrow('there is no such file');
});
