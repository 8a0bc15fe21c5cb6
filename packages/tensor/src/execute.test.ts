import { describe, expect, test, vi } from 'vitest';

import { engineOf, valuesOf, variableOf } from '../test/support';
import { compile, constant, defineComposite, internals, read, run, softmax, tensor, type Tensor, validateGraph, zeros } from './index';

const later = async <T>(fn: () => T): Promise<unknown> => await fn();

describe('reading', () => {
  test('reads of one microtask become one plan, and results are remembered', async () => {
    const engine = engineOf();
    const runs = vi.spyOn(engine.backend, 'run');
    const [a, b] = [tensor([1]).add(1), tensor([2]).add(1)];
    const options = { engine };
    const [[x], [y, again]] = await Promise.all([read([a], options), read([b, a], options)]);
    expect([...x, ...y, ...again]).toEqual([2, 3, 2]);
    expect(runs).toHaveBeenCalledTimes(1);
    await read([a, b], options);
    expect(runs).toHaveBeenCalledTimes(1);
    await read([a.mul(b)], options);
    expect(runs).toHaveBeenCalledTimes(2);
  });

  test('gives each reader an array of its own', async () => {
    const a = tensor([1, 2]).add(1);
    const [first, second] = await Promise.all([a.data(), a.data()]);
    first.fill(0);
    second.fill(1);
    expect([...(await a.data())]).toEqual([2, 3]);
    const given = [1, 2];
    const host = tensor(Float32Array.from(given));
    (await host.data()).fill(9);
    expect(await valuesOf(host)).toEqual(given);
  });

  test('a tensor that has been read goes on in older and newer graphs', async () => {
    const a = tensor([1, 2]).add(1);
    const older = a.mul(2);
    await a.data();
    validateGraph([older]);
    expect(await valuesOf(older)).toEqual([4, 6]);
    const newer = a.mul(3).add(older);
    validateGraph([newer]);
    expect(await valuesOf(newer)).toEqual([10, 15]);
  });

  test('so do the outputs of one node, each read on its own', async () => {
    const split = defineComposite({
      name: 'test.split',
      version: 1,
      infer: ([x]) => [x!, x!, x!],
      decompose: ([x]) => [x!.add(1), x!.add(2), x!.add(3)],
    });
    const [a, b, c] = split([tensor([10])]) as [Tensor, Tensor, Tensor];
    const all = a.add(b.mul(10)).add(c.mul(100));
    expect(await valuesOf(b)).toEqual([12]);
    const mixed = a.add(b.mul(10)).add(c.mul(100));
    validateGraph([all, mixed]);
    expect(await valuesOf(mixed)).toEqual([11 + 120 + 1300]);
    expect(await valuesOf(c)).toEqual([13]);
    expect(await valuesOf(all)).toEqual([11 + 120 + 1300]);
  });

  test('a plan made while one output was read is not taken for one where something else stands there', async () => {
    const pair = defineComposite({ name: 'test.pair', version: 1, infer: ([x]) => [x!, x!], decompose: ([x]) => [x!.add(1), x!.add(2)] });
    const engine = engineOf();
    const [a, b] = pair([tensor([10])]) as [Tensor, Tensor];
    await read([a], { engine });
    expect(await valuesOf(a.mul(100).add(b), engine)).toEqual([1112]);
    const [, other] = pair([tensor([20])]) as [Tensor, Tensor];
    const leaf = tensor([7]);
    expect(await valuesOf(leaf.mul(100).add(other), engine)).toEqual([722]);
  });

  test('item needs one element; rank 0 and size 0 are legal', async () => {
    expect(await tensor(3).item()).toBe(3);
    expect(await tensor([[true]]).item()).toBe(1);
    expect(() => tensor([1, 2]).item()).toThrow('item: expected one element, got [2]');
    expect(await valuesOf(zeros([2, 0, 3]).add(1))).toEqual([]);
    expect(await valuesOf(tensor([]).sum())).toEqual([0]);
    expect(await valuesOf(tensor([], [0, 3]).max(0))).toEqual([-Infinity, -Infinity, -Infinity]);
    expect(await valuesOf(tensor([], [3, 0]).matmul(tensor([], [0, 2])))).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test('a reading that fails rejects every reader, and the engine goes on', async () => {
    const bad = tensor([1]).gather(tensor(Int32Array.of(3)));
    const good = tensor([1]).add(1);
    const both = [bad.data(), good.data()];
    for (const result of both) await expect(later(() => result)).rejects.toThrow('id 3 is outside a table of 1 rows');
    expect(await valuesOf(good)).toEqual([2]);
  });
});

describe('a running total', () => {
  test('holds no graph: after at most 33 additions the graph behind it is short', async () => {
    const w = variableOf('w', [0]);
    const step = compile((x: Tensor) => {
      w.assign(w.value.add(x));
      return w.value.sum();
    });
    let total: Tensor = tensor(0);
    let longest = 0;
    for (let i = 1; i <= 200; i++) {
      total = total.add(await step(tensor([1])));
      longest = Math.max(longest, internals.reachable([total as unknown as internals.Value]).length);
    }
    expect(await total.item()).toBe((200 * 201) / 2);
    expect(longest).toBeLessThan(80);
  });
});

describe('composites made of composites', () => {
  test('expand once each, whatever reads what', async () => {
    const twice = defineComposite({
      name: 'test.twice',
      version: 1,
      infer: ([x]) => [x!],
      decompose: ([x]) => {
        const s = softmax(x!);
        const y = s.mul(2); // stands between the two softmaxes
        return [softmax(s).add(y)];
      },
    });
    const x = tensor([[1, 2, 0.5]]);
    const s = softmax(x);
    const expected = await valuesOf(softmax(s).add(s.mul(2)));
    expect(await valuesOf(twice([x])[0]!)).toEqual(expected);
    const engine = engineOf();
    await valuesOf(twice([x])[0]!, engine);
    const decompositions = internals.operationOf('softmax') as { decompose: (...args: never[]) => unknown };
    const spy = vi.spyOn(decompositions, 'decompose');
    await valuesOf(twice([x])[0]!.add(1), engine);
    expect(spy).toHaveBeenCalledTimes(2);
    spy.mockRestore();
  });

  test('may give back an input, or one value twice', async () => {
    const echo = defineComposite({ name: 'test.echo', version: 1, infer: ([x]) => [x!, x!, x!], decompose: ([x]) => [x!, x!.add(1), x!] });
    const nested = defineComposite({ name: 'test.nestedEcho', version: 1, infer: ([x]) => [x!, x!], decompose: ([x]) => echo([echo([x!])[2]!]).slice(0, 2) });
    const x = tensor([5]);
    expect((await read(nested([x.mul(2)]))).map((data) => data[0])).toEqual([10, 11]);
  });
});

describe('identities', () => {
  test('pass each of their outputs through, literals among them', async () => {
    const x = tensor([1, 2]);
    const inputs = [zeros([2]), x.mul(2), zeros([2]).add(7)] as unknown as internals.Value[];
    const node = internals.applyNode('customGradient', inputs, { outputs: 3 });
    const [a, b, c] = node.outputs.map(internals.asTensor) as [Tensor, Tensor, Tensor];
    expect(await valuesOf(b.add(1))).toEqual([3, 5]);
    expect(await valuesOf(a.add(b).add(c))).toEqual([9, 11]);
    expect(await valuesOf(a.reshape([2, 1]))).toEqual([0, 0]);
  });
});

test('results of run are leaves; a run inside a run is part of it', async () => {
  const { first, second } = await run(() => ({ first: constant([1]).add(1), second: constant([2]).add(1) }));
  expect((first as unknown as internals.Value).node.leaf?.kind).toBe('host');
  expect(await valuesOf(first.add(second))).toEqual([5]);
});
