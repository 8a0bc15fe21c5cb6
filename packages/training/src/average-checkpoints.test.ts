import { loadStateDict, stateDict } from '@qkv/nn';
import { describe, expect, test } from 'vitest';

import { MemoryCheckpoints, setUp, source, weights } from '../test/support';
import { averageCheckpoints, averageStateDicts } from './average-checkpoints';
import { fit } from './fit';

const entry = (data: Float32Array | Int32Array | Uint8Array, shape = [data.length]) => ({ shape, data });

describe('averageStateDicts', () => {
  test('is the mean of each element, rounded once; what has no mean is that of the last', async () => {
    const states = [
      [0.1, 1e8, 3],
      [0.2, 1, 4],
      [0.4, -1e8, 7],
    ].map(
      ([a, b, n]) =>
        new Map([
          ['w', entry(Float32Array.of(a, b), [2, 1])],
          ['n', entry(Int32Array.of(n))],
        ]),
    );
    const mean = await averageStateDicts(states);
    const [x, y, z] = [0.1, 0.2, 0.4].map(Math.fround);
    // Summed in float32, the second would be 0.
    expect(mean).toEqual(
      new Map([
        ['w', entry(Float32Array.of((x + y + z) / 3, 1 / 3), [2, 1])],
        ['n', entry(Int32Array.of(7))],
      ]),
    );
    expect(await averageStateDicts(states.slice(0, 1))).toEqual(states[0]);
  });

  test('refuses states of different models, and none', async () => {
    const [a, b] = [new Map([['w', entry(Float32Array.of(1))]]), new Map([['v', entry(Float32Array.of(1))]])];
    await expect(averageStateDicts([a, b])).rejects.toThrow(
      "averageStateDicts: state 1 lacks 'w' (float [1]) and has 'v' (float [1]); average runs of one model",
    );
    const wider = new Map([['w', entry(Float32Array.of(1, 2))]]);
    await expect(averageStateDicts([a, a, wider])).rejects.toThrow(
      "state 2 lacks 'w' (float [1]) and has 'w' (float [2])",
    );
    const whole = new Map([['w', entry(Int32Array.of(1))]]);
    await expect(averageStateDicts([a, whole])).rejects.toThrow("has 'w' (Int32Array [1])");
    await expect(averageStateDicts([])).rejects.toThrow('averageStateDicts: expected at least one state, got none');
  });
});

describe('averageCheckpoints', () => {
  async function trained(keepLast: number): Promise<MemoryCheckpoints> {
    const store = new MemoryCheckpoints();
    const { model: _, ...rest } = setUp();
    await fit({ ...rest, batches: source(4), steps: 12, checkpoints: { store, every: 3, keepLast, resume: false } });
    return store;
  }

  test('is the mean of the weights of the last k, as a model takes it', async () => {
    const store = await trained(4);
    expect(await store.list()).toEqual([3, 6, 9, 12]);
    const { model } = setUp();
    const each: number[][] = [];
    for (const steps of [6, 9, 12]) {
      const { tensors } = await store.load(steps);
      const own = [...tensors].filter(([name]) => name.startsWith('model.'));
      await loadStateDict(model, new Map(own.map(([name, value]) => [name.slice(6), value])));
      each.push(await weights(model));
    }
    await loadStateDict(model, await averageCheckpoints(store, { last: 3 }));
    const expected = each[0].map((_, i) => Math.fround((each[0][i] + each[1][i] + each[2][i]) / 3));
    expect(await weights(model)).toEqual(expected);
    expect([...(await stateDict(model)).keys()].length).toBeGreaterThan(2);
  });

  test('says what is missing', async () => {
    const store = await trained(2);
    await expect(averageCheckpoints(store)).rejects.toThrow(
      'averageCheckpoints: there are 2 checkpoints, fewer than 5; let fit keep more of them (keepLast), or average fewer',
    );
    await expect(averageCheckpoints(store, { last: 0 })).rejects.toThrow('last must be a positive integer, got 0');
    await expect(averageCheckpoints(store, { last: 2, part: 'encoder' })).rejects.toThrow("has no part 'encoder'");
    const load = store.load.bind(store);
    store.load = async (step) => ({ ...(await load(step)), metadata: {} });
    await expect(averageCheckpoints(store, { last: 2 })).rejects.toThrow('is not a checkpoint of this release');
  });
});
