import { describe, expect, test } from 'vitest';

import { engineOf, valuesOf, variableOf } from '../../test/support';
import { type Attributes, defineComposite, full, internals, pad, read, run, tensor, type Tensor, type Variable, zeros } from '../index';
import { collect } from './collect';
import { planKey, sameKey } from './key';

const key = (...outputs: Tensor[]): ReturnType<typeof planKey> => planKey(collect(outputs as unknown as internals.Value[], []));
const same = (a: Tensor, b: Tensor): boolean => sameKey(key(a), key(b));

describe('what makes two plans different', () => {
  test('numbers that print or compare alike', async () => {
    const x = tensor([1, -1]);
    const numbers = [0, -0, NaN, Infinity, -Infinity, 1, 1 + 2 ** -52, 5e-324, 1e300];
    for (const [i, a] of numbers.entries()) {
      for (const [j, b] of numbers.entries()) {
        expect(same(x.mul(a), x.mul(b)), `${a} and ${b}`).toBe(i === j);
        expect(same(pad(x, [1], [0], a), pad(x, [1], [0], b)), `pad ${a} and ${b}`).toBe(i === j);
      }
    }
    const engine = engineOf();
    const reciprocal = async (zero: number): Promise<number[]> => valuesOf(tensor([1]).div(full([1], zero)), engine);
    expect(await reciprocal(0)).toEqual([Infinity]);
    expect(await reciprocal(-0)).toEqual([-Infinity]);
    expect(await reciprocal(NaN)).toEqual([NaN]);
    expect(await reciprocal(Infinity)).toEqual([0]);
  });

  test('attributes of any kind', () => {
    const make = defineComposite({ name: 'test.attributes', version: 1, infer: ([x]) => [x!], decompose: ([x]) => [x!] });
    const x = tensor([1]);
    const all: Attributes[] = [
      { a: "1|b='2'" },
      { a: '1', b: '2' },
      { a: '1,2' },
      { a: [1, 2] },
      { a: [1, -0] },
      { a: [1, 0] },
      { a: [] },
      { a: true },
      { a: 'true' },
      { a: 1 },
      { a: '1' },
    ];
    for (const [i, a] of all.entries()) {
      for (const [j, b] of all.entries()) expect(same(make([x], a)[0]!, make([x], b)[0]!), `${i} ${j}`).toBe(i === j);
    }
  });

  test('shapes, types and wiring', () => {
    const [x, y] = [tensor([1, 2]), tensor([1, 2])];
    expect(same(x.sub(y), x.sub(y))).toBe(true);
    expect(same(x.sub(y), y.sub(x))).toBe(true); // leaves stand in the order of their use
    expect(same(x.sub(y), x.sub(x))).toBe(false);
    expect(same(x.add(1), tensor([[1, 2]]).add(1))).toBe(false);
    expect(same(x.add(1), tensor(Int32Array.of(1, 2)).add(1))).toBe(false);
    expect(same(x.reshape([2, 1]), x.reshape([1, 2]))).toBe(false);
    expect(sameKey(key(x.add(1)), key(x.add(1), x.add(1)))).toBe(false);
  });

  test('which output of a node, however many it has', async () => {
    const inputs = Array.from({ length: 20 }, (_, i) => tensor([i])) as unknown as internals.Value[];
    const engine = engineOf();
    for (let i = 0; i < 20; i++) {
      const { outputs } = internals.applyNode('customGradient', inputs, { outputs: 20 });
      expect(await valuesOf(internals.asTensor(outputs[i]!).add(1), engine)).toEqual([i + 1]);
    }
  });

  test('which Variables are the same', async () => {
    const engine = engineOf();
    const [a, b] = [variableOf('a', [1]), variableOf('b', [10])];
    const step = (x: Variable, y: Variable): Promise<void> => run(() => x.assign(x.value.add(y.value)), { engine });
    await step(a, b);
    await step(a, a);
    await step(b, a);
    expect([await valuesOf(a), await valuesOf(b)]).toEqual([[22], [32]]);
    expect(engine.memory().plans).toBe(3); // two to add, and one to read either
  });
});

test('models of equal structure share plans; values and names do not matter', async () => {
  const engine = engineOf();
  const model = (name: string, weights: number[]): { w: Variable; step: (x: Tensor) => Promise<Tensor> } => {
    const w = variableOf(`${name}.w`, weights);
    const step = (x: Tensor): Promise<Tensor> =>
      run(() => {
        w.assign(w.value.mul(2));
        return w.value.sum();
      }, { engine }).then((result) => result.add(x));
    return { w, step };
  };
  const [first, second] = [model('a', [1, 2]), model('b', [3, 4])];
  await first.step(zeros([]));
  const { plans } = engine.memory();
  expect(await valuesOf(await second.step(zeros([])), engine)).toEqual([14]);
  await first.step(zeros([]));
  await second.step(zeros([]));
  expect(engine.memory().plans).toBe(plans + 1); // that of the addition, which was read for one of them only
  expect([await valuesOf(first.w), await valuesOf(second.w)]).toEqual([[4, 8], [12, 16]]);
});

test('128 plans are kept; the least recently used one goes first', async () => {
  const engine = engineOf();
  let prepared = 0;
  let released = 0;
  const { backend } = engine;
  const prepare = backend.prepare.bind(backend);
  backend.prepare = (plan) => {
    prepared++;
    return { ...prepare(plan), release: () => void released++ };
  };
  const use = (n: number): Promise<unknown> => read([tensor([1]).mul(n)], { engine });
  for (let n = 0; n < 128; n++) await use(n);
  expect([engine.memory().plans, prepared, released]).toEqual([128, 128, 0]);
  await use(0); // now the youngest
  await use(128); // pushes 1 out
  await use(0);
  expect([engine.memory().plans, prepared]).toEqual([128, 129]);
  await use(1); // pushes 2 out
  await use(3);
  expect([engine.memory().plans, prepared, released]).toEqual([128, 130, 2]);
});
