import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import type { TensorEntry } from '../src/index';
import { readShardedSafetensors, writeShardedSafetensors } from '../src/node';
import { disk, forget, losePower, reset, restore } from './failing-disk';

vi.mock(import('node:fs/promises'), async (original) => {
  const { failing } = await import('./failing-disk');
  return failing(await original());
});

const tensors = (value: number): Record<string, TensorEntry> =>
  Object.fromEntries(
    ['a', 'b', 'c', 'd', 'e'].map((name) => [
      name,
      { dtype: 'F32', shape: [4], data: new Float32Array(4).fill(value) },
    ]),
  );
const options = { maxShardBytes: 32 }; // three shards
const [OLD, NEW] = [1, 2];

let root: string;
let folder: string;
let backup: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'qkv-crash-'));
  [folder, backup] = ['set', 'backup'].map((name) => join(root, name));
  for (const path of [folder, backup]) await mkdir(path);
  reset();
  await writeShardedSafetensors(backup, 'model', tensors(OLD), options);
});
beforeEach(async () => {
  reset();
  await restore(backup, folder);
});
afterAll(() => rm(root, { recursive: true, force: true }));

const index = (): string => join(folder, 'model.safetensors.index.json');

/** 1 or 2: which of the two sets is there, whole; anything else throws or gives more than one number. */
async function found(): Promise<number[]> {
  disk.failAt = Infinity;
  const file = await readShardedSafetensors(index());
  expect([...file.tensors.keys()].toSorted()).toEqual(['a', 'b', 'c', 'd', 'e']);
  return [...new Set([...file.tensors.values()].flatMap(({ data }) => Array.from(data, Number)))];
}

async function callsOfOneSave(): Promise<number> {
  await writeShardedSafetensors(folder, 'model', tensors(NEW), options);
  return disk.calls;
}

it('the tests see every call', async () => {
  expect(await callsOfOneSave()).toBeGreaterThan(15);
  expect(await found()).toEqual([NEW]);
});

it('synchronises each shard, then their names, then replaces the index, and deletes old shards at the very end', async () => {
  await callsOfOneSave();
  const { log } = disk;
  const at = (what: string): number => log.indexOf(what);
  const shards = [1, 2, 3].map((i) => `model-v2-0000${i}-of-00003.safetensors`);
  const rename = at('rename model.safetensors.index.json');
  const [namesSafe, indexSafe] = log.flatMap((what, i) => (what === 'sync set' ? [i] : []));
  for (const shard of shards) expect(at(`sync ${shard}`)).toBeLessThan(namesSafe);
  expect([at(`sync ${shards[0]}`) >= 0, namesSafe < rename, rename < indexSafe]).toEqual([true, true, true]);
  expect(log.slice(indexSafe + 1)).toEqual([1, 2, 3].map((i) => `unlink model-0000${i}-of-00003.safetensors`));
});

describe.each(['killed', 'kept', 'lost'] as const)('a crash (%s)', (how) => {
  it('at any moment leaves the old set or the new one, whole', async () => {
    const calls = await callsOfOneSave();
    const outcomes: number[] = [];
    for (let k = 1; k <= calls; k++) {
      await restore(backup, folder);
      reset(k, 'crash');
      await writeShardedSafetensors(folder, 'model', tensors(NEW), options).catch(() => {});
      expect(disk.calls).toBeGreaterThanOrEqual(k);
      if (how !== 'killed') await losePower(how);
      await forget(folder);
      const [value, ...mixed] = await found();
      expect(mixed, `call ${k}`).toEqual([]);
      outcomes.push(value);
      // And the next save works, whatever was left behind.
      reset();
      await writeShardedSafetensors(folder, 'model', tensors(3), options);
      expect(await found(), `after call ${k}`).toEqual([3]);
      await forget(folder);
    }
    const first = outcomes.indexOf(NEW);
    expect(first).toBeGreaterThan(10);
    expect(outcomes.slice(first).every((value) => value === NEW)).toBe(true);
  });
});

it('an error of any call is told, and leaves one set and no litter', async () => {
  const calls = await callsOfOneSave();
  const clean = new Set<string>();
  for (let k = 1; k <= calls; k++) {
    await restore(backup, folder);
    reset(k);
    const outcome = await writeShardedSafetensors(folder, 'model', tensors(NEW), options).then(
      () => 'written',
      (error: { code: string; message: string }) => `${error.code}${/cannot be written \(EIO\)/.test(error.message)}`,
    );
    await forget(folder);
    const [value, ...mixed] = await found();
    expect(mixed).toEqual([]);
    const files = (await readdir(folder)).length;
    clean.add(`${outcome} ${value === NEW ? 'new' : 'old'} ${files}`);
  }
  // The last four: the second synchronisation of the folder, and shards that cannot be deleted.
  expect([...clean].toSorted()).toEqual(['unwritabletrue new 7', 'unwritabletrue old 4', 'written new 5']);
});

it('a reader that is overtaken by a writer gets one set, whole', async () => {
  let writes = 1;
  disk.beforeOpen = async (path) => {
    if (!path.endsWith('00002-of-00003.safetensors') || writes-- <= 0) return;
    disk.beforeOpen = null;
    await writeShardedSafetensors(folder, 'model', tensors(NEW), options);
  };
  expect(await found()).toEqual([NEW]);
  expect(writes).toBe(0);
});

it('a reader that is overtaken always gives up', async () => {
  let busy = false;
  disk.beforeOpen = async (path) => {
    if (busy || !path.endsWith('.index.json')) return;
    busy = true;
    await writeShardedSafetensors(folder, 'model', tensors(NEW), options);
    busy = false;
  };
  await expect(readShardedSafetensors(index())).rejects.toThrow(
    'is replaced again and again while it is read; try later',
  );
});
