import { compile, concat, constant, full, run, tensor, type Tensor, zeros } from '@qkv/tensor';
import { describe, expect, test } from 'vitest';

import { type CachedAttention, KeyValueCache } from './key-value-cache';
import { causalMask, type Mask, paddingMask, prefixMask, windowMask } from './masks';

// Decoding with every kind of attention against whole sequences: tooling/conformance/src/attention.conformance.test.ts.

describe('the cache', () => {
  const value = (row: number): Tensor => full([2, 1, 1, 1], row);

  test('attends to the positions that have been seen, and no others', async () => {
    const cache = new KeyValueCache({ rows: 2, length: 3, heads: 1, keySize: 1 });
    const step = compile(
      (next: Tensor, position: Tensor) => {
        cache.append(next.mul(0), next, position);
        return cache.attend(full([2, 1, 1, 1], 0), { position });
      },
      { frozen: true },
    );
    const means: number[] = [];
    for (const [t, next] of [3, 6, 9].entries()) {
      const y = await step(value(next), tensor(Int32Array.of(t), []));
      means.push((await y.data())[0]);
    }
    expect(means).toEqual([3, 4.5, 6]);
  });

  test('reorders its rows, and starts anew when released', async () => {
    const cache = new KeyValueCache({ rows: 2, length: 1, heads: 1, keySize: 1 });
    await run(() => {
      const rows = constant(Float32Array.of(1, 2), [2, 1, 1, 1]);
      cache.fill(rows, rows);
    });
    await run(() => cache.reorder(constant(Int32Array.of(1, 1))));
    expect(await Promise.all(cache.variables().map((v) => v.data()))).toEqual([
      Float32Array.of(2, 2),
      Float32Array.of(2, 2),
    ]);
    cache.release();
    expect(cache.variables().every((v) => v.handle === null)).toBe(true);
    expect(await cache.variables()[0].data()).toEqual(Float32Array.of(0, 0));
  });

  test('past its end the run fails, and nothing has changed', async () => {
    const cache = new KeyValueCache({ rows: 2, length: 3, heads: 1, keySize: 1, name: 'mine' });
    const step = compile((next: Tensor, position: Tensor): void => cache.append(next, next, position), {
      frozen: true,
    });
    const at = (t: number): Promise<void> => step(value(t + 1), tensor(Int32Array.of(t), []));
    for (let t = 0; t < 3; t++) await at(t);
    for (const t of [3, -1]) {
      await expect(at(t)).rejects.toMatchObject({
        name: 'KernelError',
        message: expect.stringMatching(
          new RegExp(`id ${t} .*3.* in KeyValueCache.append: position in 'mine', which holds 3`),
        ) as string,
      });
    }
    expect(await cache.variables()[0].data()).toEqual(Float32Array.of(1, 2, 3, 1, 2, 3));
  });

  test('a prompt of several positions goes where it is told, and nothing else changes', async () => {
    const cache = new KeyValueCache({ rows: 2, length: 5, heads: 1, keySize: 1, valueSize: 2 });
    const keys = (values: number[]): Tensor =>
      constant(Float32Array.from([...values, ...values.map((x) => -x)]), [2, values.length, 1, 1]);
    const doubled = (x: Tensor): Tensor => concat([x, x.mul(2)], -1);
    const append = compile((x: Tensor, position: Tensor): void => cache.append(x, doubled(x), position), {
      frozen: true,
    });
    const at = (position: number): Tensor => tensor(Int32Array.of(position), []);
    const stored = (): Promise<number[][]> =>
      Promise.all(cache.variables().map(async (v) => Array.from(await v.data())));
    const row = [1, 2, 3, 4, 5];
    await append(keys(row), at(0));
    await append(keys([6, 7]), at(2));
    await append(keys([8]), at(4));
    const expected = [1, 2, 6, 7, 8];
    const both = [...expected, ...expected.map((x) => -x)];
    expect(await stored()).toEqual([both, both.flatMap((x) => [x, 2 * x])]);
    await expect(append(keys([9, 9]), at(4))).rejects.toThrow(/id 5 /);
    await expect(append(keys([9, 9]), at(-1))).rejects.toThrow(/id -1 /);
    expect((await stored())[0]).toEqual(both);
  });

  test('several queries at once see each other as step by step, unless told otherwise', async () => {
    const cache = new KeyValueCache({ rows: 1, length: 4, heads: 1, keySize: 1 });
    const attend = (causal: boolean | undefined, mask?: Mask): Promise<number[]> =>
      run(() => {
        const next = constant(Float32Array.of(3, 6, 9), [1, 3, 1, 1]);
        const position = constant(Int32Array.of(0), []);
        cache.append(next.mul(0), next, position);
        return cache.attend(full([1, 3, 1, 1], 0), { position, causal, mask });
      })
        .then((y) => y.data())
        .then((data) => Array.from(data));
    expect(await attend(undefined)).toEqual([3, 4.5, 6]);
    expect(await attend(false)).toEqual([6, 6, 6]); // the fourth position is not there yet
    expect(await attend(false, prefixMask(2))).toEqual([4.5, 4.5, 6]);
    expect(await attend(undefined, windowMask({ before: 0, after: 0 }))).toEqual([3, 6, 9]);
  });

  test('says what does not fit', () => {
    const cache = new KeyValueCache({ rows: 1, length: 3, heads: 2, keySize: 4, valueSize: 5, name: 'mine' });
    expect(() => new KeyValueCache({ rows: 1.5, length: 3, heads: 2, keySize: 4 })).toThrow(
      "KeyValueCache 'cache': rows must be a positive integer, got 1.5",
    );
    const attempt = (method: 'append' | 'fill', keys: number[], values: number[]) => (): unknown =>
      run(() => {
        if (method === 'fill') cache.fill(zeros(keys), zeros(values));
        else cache.append(zeros(keys), zeros(values), zeros([], 'int32'));
      });
    expect(attempt('append', [1, 1, 4, 4], [1, 1, 2, 5])).toThrow(
      "KeyValueCache.append: 'mine' takes keys (1, T, 2, 4), got [1, 1, 4, 4]",
    );
    expect(attempt('append', [1, 2, 2, 4], [1, 1, 2, 5])).toThrow(
      "KeyValueCache.append: 'mine' takes values (1, 2, 2, 5), got [1, 1, 2, 5]",
    );
    expect(attempt('append', [1, 4, 2, 4], [1, 4, 2, 5])).toThrow(
      "KeyValueCache.append: 'mine' holds 3 positions, got 4",
    );
    expect(attempt('fill', [1, 2, 2, 4], [1, 2, 2, 5])).toThrow(
      "KeyValueCache.fill: 'mine' holds 3 positions, got 2; use append",
    );
  });

  test('a mask or window that differs between queries needs their position', async () => {
    const cache = new KeyValueCache({ rows: 1, length: 3, heads: 1, keySize: 1 });
    const attend = (options: CachedAttention) => (): unknown => run(() => cache.attend(zeros([1, 1, 1, 1]), options));
    const differing = [
      { mask: causalMask() },
      { mask: paddingMask(constant(Int32Array.of(1, 1, 0), [1, 3]), 0).or(prefixMask(1)) },
      { window: { before: 1, after: 1 } },
    ];
    for (const options of differing) {
      expect(attend(options)).toThrow(
        'KeyValueCache.attend: a window or mask that differs between queries needs to know where they are; give `position`',
      );
      expect(attend({ ...options, queryIndices: constant(Int32Array.of(0)) })).not.toThrow();
    }
    await run(() =>
      cache.attend(zeros([1, 1, 1, 1]), { mask: paddingMask(constant(Int32Array.of(1, 1, 0), [1, 3]), 0) }),
    );
  });
});
