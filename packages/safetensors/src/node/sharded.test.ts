import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { anyTensors } from '../../test/arbitraries';
import { rawBytes, tensorOf } from '../../test/support';
import { serialize, type TensorEntry } from '../index';
import { readShardedSafetensors, writeShardedSafetensors } from '../node';

const oracle = fileURLToPath(new URL('../../test/oracle/sharded/', import.meta.url));
const INDEX = 'model.safetensors.index.json';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'qkv-sharded-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({ name: 'SafetensorsError', code, message: expect.stringMatching(message) });
const floats = (...values: number[]): TensorEntry => ({
  dtype: 'F32',
  shape: [values.length],
  data: Float32Array.from(values),
});
const [a, b, c] = [floats(1, 2), floats(3, 4), floats(5, 6)];

/** The tensors of oracle/make_sharded_oracle.py. */
const theirs = Object.entries({
  'decoder.bias': [3],
  'decoder.weight': [4, 3],
  'encoder.bias': [5],
  'encoder.weight': [3, 5],
  norm: [],
  '\u{1f600}': [2],
}).map(([name, shape]): [string, TensorEntry] => {
  const count = shape.reduce((product, size) => product * size, 1);
  return [name, { dtype: 'F32', shape, data: Float32Array.from({ length: count }, (_, i) => (i - 3.5) / 4) }];
});

describe('a set that the libraries of Hugging Face wrote', () => {
  it('is read', async () => {
    const { tensors, metadata } = await readShardedSafetensors(pathToFileURL(join(oracle, INDEX)));
    expect(new Map([...tensors].toSorted(([x], [y]) => (x < y ? -1 : 1)))).toEqual(new Map(theirs));
    expect({ ...metadata }).toEqual({ format: 'np' });
  });

  it('is what we write, byte for byte', async () => {
    const path = await writeShardedSafetensors(folder, 'model', new Map(theirs.toReversed()), {
      maxShardBytes: 64,
      metadata: { format: 'np' },
    });
    expect(path).toBe(join(folder, INDEX));
    const names = (await readdir(oracle)).toSorted();
    expect(names.length).toBeGreaterThan(2);
    expect((await readdir(folder)).toSorted()).toEqual(names);
    for (const name of names) {
      expect(await readFile(join(folder, name)), name).toEqual(await readFile(join(oracle, name)));
    }
  });
});

describe('writeShardedSafetensors and readShardedSafetensors', () => {
  it('give back every tensor, bit for bit, for any size of shard', async () => {
    await fc.assert(
      fc.asyncProperty(anyTensors, fc.integer({ min: 1, max: 200 }), async (tensors, maxShardBytes) => {
        const { tensors: found } = await readShardedSafetensors(
          await writeShardedSafetensors(pathToFileURL(folder), 'any', tensors, { maxShardBytes }),
        );
        expect([...found.keys()].toSorted()).toEqual([...tensors.keys()].toSorted());
        for (const [name, entry] of tensors) expect(rawBytes(found.get(name)!)).toEqual(rawBytes(entry));
        const index = await readFile(join(folder, 'any.safetensors.index.json'), 'utf8');
        const total = [...tensors.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
        expect((JSON.parse(index) as { metadata: unknown }).metadata).toEqual({ total_size: total });
      }),
      { seed: 8, numRuns: 60 },
    );
  });

  it('fill shards up to the limit; a larger tensor has one of its own', async () => {
    const tensors = { a, b, big: floats(1, 2, 3, 4, 5, 6), c, d: c };
    await writeShardedSafetensors(folder, 'model', tensors, { maxShardBytes: 16 });
    const { weight_map } = JSON.parse(await readFile(join(folder, INDEX), 'utf8')) as {
      weight_map: Record<string, string>;
    };
    const shards = Object.entries(weight_map).map(
      ([name, file]) => `${name}${file.slice('model-0000'.length, 'model-00001'.length)}`,
    );
    expect(shards).toEqual(['a1', 'b1', 'big2', 'c3', 'd3']);
  });

  it('keep metadata; of foreign shards, what they have in common', async () => {
    const options = { maxShardBytes: 8, metadata: { epoch: '7', note: 'x' } };
    const path = await writeShardedSafetensors(folder, 'model', { a, b }, options);
    expect({ ...(await readShardedSafetensors(path)).metadata }).toEqual(options.metadata);
    await writeFile(join(folder, 'model-00002-of-00002.safetensors'), serialize({ b }, { epoch: '7', note: 'y' }));
    expect({ ...(await readShardedSafetensors(path)).metadata }).toEqual({ epoch: '7' });
  });

  it('replace a set by another, and leave no other files; strangers stay', async () => {
    await writeFile(join(folder, 'model-notes.safetensors'), 'mine');
    const sets: Record<string, TensorEntry>[] = [{ a, b, c }, { a, b }, { a: b, b: a }, {}, { c }];
    for (const [i, tensors] of sets.entries()) {
      const path = await writeShardedSafetensors(folder, 'model', tensors, { maxShardBytes: 8 });
      expect((await readShardedSafetensors(path)).tensors, `set ${i}`).toEqual(new Map(Object.entries(tensors)));
      expect(await readdir(folder)).toHaveLength(Object.keys(tensors).length + 2);
    }
    expect(await readFile(join(folder, 'model-notes.safetensors'), 'utf8')).toBe('mine');
  });

  it('delete nothing that an old index names and we did not make', async () => {
    for (const name of ['weights.safetensors', 'model-1.safetensors', 'model-00001-of-00001.safetensors']) {
      await writeFile(join(folder, name), serialize({ a }));
    }
    const weight_map = { x: 'weights.safetensors', y: 'model-1.safetensors', a: 'model-00001-of-00001.safetensors' };
    await writeFile(join(folder, INDEX), JSON.stringify({ weight_map }));
    await writeShardedSafetensors(folder, 'model', { b });
    expect((await readdir(folder)).toSorted()).toEqual(
      ['model-1.safetensors', 'model-v2-00001-of-00001.safetensors', INDEX, 'weights.safetensors'].toSorted(),
    );
  });

  it('let writers of one set overlap: the set is one of them, whole', async () => {
    const writers = Array.from({ length: 6 }, (_, i) =>
      writeShardedSafetensors(folder, 'model', { a: floats(i), b: floats(i), c: floats(i) }, { maxShardBytes: 4 }),
    );
    await Promise.all(writers);
    const { tensors } = await readShardedSafetensors(join(folder, INDEX));
    expect(new Set([...tensors.values()].map(({ data }) => data[0])).size).toBe(1);
    expect(tensors.size).toBe(3);
  });

  it('follow links, such as those of the cache of Hugging Face', async () => {
    for (const name of await readdir(oracle)) await symlink(join(oracle, name), join(folder, name));
    expect((await readShardedSafetensors(join(folder, INDEX))).tensors.size).toBe(theirs.length);
  });
});

describe('writeShardedSafetensors refuses', () => {
  it.each(['', '.', '..', 'a/b', '../a', 'a\\b', 'C:a', 'a\0b', 'a\nb'])('the name %j', async (name) => {
    await expect(writeShardedSafetensors(folder, name, { a })).rejects.toEqual(
      refusal('unwritable', /is no file name/),
    );
  });

  it('wrong tensors, before anything is touched, limits that are none, folders that are not there', async () => {
    const wrong = { a, b: { ...b, shape: [3] } };
    await expect(writeShardedSafetensors(folder, 'model', wrong)).rejects.toEqual(refusal('shape', /tensor "b"/));
    const empty = { a: { dtype: 'F32', shape: [1] } as unknown as TensorEntry };
    await expect(writeShardedSafetensors(folder, 'model', empty)).rejects.toEqual(refusal('dtype', /got undefined/));
    expect(await readdir(folder)).toEqual([]);
    for (const maxShardBytes of [0, -1, NaN]) {
      await expect(writeShardedSafetensors(folder, 'model', { a }, { maxShardBytes })).rejects.toThrow(
        `maxShardBytes must be positive, got ${maxShardBytes}`,
      );
    }
    await expect(writeShardedSafetensors(join(folder, 'no'), 'model', { a })).rejects.toEqual(
      refusal('unwritable', /its folder does not exist; create it first/),
    );
  });
});

describe('readShardedSafetensors refuses', () => {
  const first = 'model-00001-of-00002.safetensors';
  const second = 'model-00002-of-00002.safetensors';
  const good = { a: first, b: second };
  const setUp = async (index: unknown): Promise<string> => {
    await writeFile(join(folder, first), serialize({ a }));
    await writeFile(join(folder, second), serialize({ b }));
    await writeFile(join(folder, INDEX), typeof index === 'string' ? index : JSON.stringify(index));
    return join(folder, INDEX);
  };

  it('nothing of what is right', async () => {
    expect(
      (await readShardedSafetensors(await setUp({ metadata: { total_size: 1 }, weight_map: good }))).tensors.size,
    ).toBe(2);
  });

  const elsewhere = [
    '',
    '.',
    '..',
    '../x.safetensors',
    '/etc/passwd',
    'sub/x.safetensors',
    '..\\x',
    'C:x',
    'x\0',
    'https://x',
  ];
  it.each(elsewhere)('the file name %j', async (file) => {
    await expect(readShardedSafetensors(await setUp({ weight_map: { ...good, evil: file } }))).rejects.toEqual(
      refusal(
        'index',
        /model\.safetensors\.index\.json: the index puts tensor "evil" into ".*", which is no file name/,
      ),
    );
  });

  it.each<[string, unknown, string, RegExp]>([
    [
      'a shard that is missing',
      { weight_map: { ...good, b: 'none.safetensors' } },
      'not-found',
      /none\.safetensors: no such file; check the path \(\S*index\.json names it\)$/,
    ],
    [
      'a tensor that is missing',
      { weight_map: { ...good, x: second } },
      'index',
      /index\.json: shard "model-00002-of-00002\.safetensors" lacks tensor "x"; fetch/,
    ],
    [
      'a tensor in another shard',
      { weight_map: { a: second, b: first } },
      'index',
      /shard ".*2-of.*" holds tensor "b", which the index puts into ".*1-of.*"/,
    ],
    [
      'a tensor that is not listed',
      { weight_map: { a: first, x: second } },
      'index',
      /shard ".*" holds tensor "b", which the index does not list/,
    ],
    [
      'a tensor listed twice',
      `{"weight_map":{"a":"${first}","a":"${second}"}}`,
      'duplicate',
      /index\.json: index, byte \d+: "a" stands twice in weight_map/,
    ],
    ['two weight maps', '{"weight_map":{},"weight_map":{}}', 'duplicate', /"weight_map" stands twice in the index/],
    ['no weight map', { metadata: {} }, 'index', /the index has no "weight_map"/],
    [
      'a weight map that is none',
      { weight_map: [first] },
      'header-json',
      /index, byte \d+: expected an object for weight_map/,
    ],
    ['a file that is no text', { weight_map: { a: 1 } }, 'header-json', /expected a string for the file of "a"/],
    ['no JSON', 'model', 'header-json', /index\.json: index, byte 0: expected an object for the index/],
    ['half of it', '{"weight_map":{"a":"', 'header-json', /a string without an end/],
    ['text behind it', '{"weight_map":{}} x', 'header-json', /text after the end of the index/],
  ])('%s', async (_, index, code, message) => {
    const path = await setUp(index);
    await expect(readShardedSafetensors(path)).rejects.toEqual(refusal(code, message));
    await expect(readShardedSafetensors(path)).rejects.toThrow(/^[^\n]+$/);
  });

  it('an index that is missing, not UTF-8, or a damaged shard', async () => {
    await expect(readShardedSafetensors(join(folder, INDEX))).rejects.toEqual(
      refusal('not-found', /index\.json: no such file/),
    );
    const path = await setUp({ weight_map: good });
    await writeFile(join(folder, second), serialize({ b }).subarray(0, -1));
    await expect(readShardedSafetensors(path)).rejects.toEqual(
      refusal('data-length', /2-of-00002\.safetensors: the file is truncated/),
    );
    await writeFile(path, Uint8Array.of(0x7b, 0xff, 0x7d));
    await expect(readShardedSafetensors(path)).rejects.toEqual(refusal('index', /the index is not UTF-8 text/));
  });

  it('a tensor in two shards', async () => {
    const path = await setUp({ weight_map: good });
    await writeFile(join(folder, second), serialize({ a: tensorOf('U8', [1], () => 1), b }));
    await expect(readShardedSafetensors(path)).rejects.toEqual(
      refusal('index', /shard ".*2-of.*" holds tensor "a", which the index puts into ".*1-of.*"/),
    );
  });
});
