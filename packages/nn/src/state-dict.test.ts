import { createReferenceBackend, Engine, read, Variable, zeros } from '@qkv/tensor';
import { expect, test } from 'vitest';

import { Embedding } from './embedding';
import { LayerNorm } from './layer-norm';
import { Linear } from './linear';
import { Module } from './module';
import { type LoadableEntry, loadStateDict, stateDict } from './state-dict';

class Model extends Module {
  readonly table = new Embedding({ vocabulary: 3, dimension: 2 });
  readonly norm = new LayerNorm({ dimension: 2 });
  readonly head = new Linear({ inputs: 2, outputs: 1 });
  override forward(): void {}
}

test('what is read can be loaded, bit by bit', async () => {
  const [a, b] = [new Model(), new Model()];
  await b.table.weight.load([1, 2, 3, 4, 5, 6]);
  const state = await stateDict(a);
  expect([...state.keys()]).toEqual(['table.weight', 'norm.gain', 'norm.bias', 'head.weight', 'head.bias']);
  expect(state.get('norm.gain')).toEqual({ dtype: 'float32', shape: [2], data: Float32Array.of(1, 1) });
  await loadStateDict(b, state);
  expect(await stateDict(b)).toEqual(state);
});

test('doubles are taken, and stay doubles on an engine of float64', async () => {
  const engine = new Engine(createReferenceBackend({ precision: 'float64' }));
  const head = new Linear({ inputs: 1, outputs: 1 });
  const entry = (value: number, shape: number[]): LoadableEntry => ({ shape, data: Float64Array.of(value) });
  const entries = new Map([
    ['weight', entry(0.1, [1, 1])],
    ['bias', entry(1 / 3, [1])],
  ]);
  await loadStateDict(head, entries, { engine });
  expect([...(await head.weight.data()), ...(await head.bias!.data())]).toEqual([0.1, 1 / 3]);
  expect(head.weight.engine).toBe(engine);
});

test('one way to load, on whichever engine: what was asked for before sees the old values, and a bool is 0 or 1', async () => {
  const engine = new Engine(createReferenceBackend());
  class Flags extends Module {
    readonly flags = new Variable({ shape: [2], dtype: 'bool', initialize: () => zeros([2], 'bool') });
    override forward(): void {}
  }
  for (const options of [{}, { engine }]) {
    const model = new Flags();
    await loadStateDict(model, await stateDict(model, options), options);
    const before = model.flags.value.data();
    const built = read([model.flags.value.not()], options);
    await loadStateDict(model, new Map([['flags', { shape: [2], data: Uint8Array.of(2, 0) }]]), options);
    expect(await before).toEqual(Uint8Array.of(0, 0));
    expect(await built).toEqual([Uint8Array.of(1, 1)]);
    expect(await model.flags.data()).toEqual(Uint8Array.of(1, 0));
  }
});

test('all or nothing: one error lists everything that is wrong', async () => {
  const model = new Model();
  const before = await stateDict(model);
  const entries = new Map<string, LoadableEntry>(before);
  entries.delete('norm.bias');
  entries.set('extra', { shape: [1], data: Float32Array.of(1) });
  entries.set('table.weight', { shape: [2, 3], data: new Float32Array(6) });
  entries.set('head.weight', { shape: [1, 2], data: new Int32Array(2) });
  entries.set('head.bias', { shape: [1], data: new Float32Array(2) });
  entries.set('norm.gain', { shape: [2], data: new BigInt64Array(2) });
  await expect(loadStateDict(model, entries)).rejects.toThrow(
    'loadStateDict: nothing was loaded; missing: norm.bias; unexpected: extra; ' +
      'different: table.weight (expected float32 [3, 2], got float32 [2, 3]), ' +
      'norm.gain (expected float32 [2], got BigInt64Array [2]), ' +
      'head.weight (expected float32 [1, 2], got int32 [1, 2]), ' +
      'head.bias (expected float32 [1], got float32 [1] with 2 elements)',
  );
  expect(await stateDict(model)).toEqual(before);
});
