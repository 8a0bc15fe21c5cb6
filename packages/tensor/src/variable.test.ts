import { describe, expect, test } from 'vitest';

import { valuesOf, variableOf } from '../test/support';
import { compile, constant, isVariable, Parameter, randomNormal, randomUniform, read, run, tensor, type Tensor, Variable, zeros } from './index';

const later = async <T>(fn: () => T): Promise<unknown> => await fn();

describe('assign', () => {
  test('outside run and compile throws', () => {
    const w = variableOf('encoder.weight', [1]);
    expect(() => w.assign(tensor([2]))).toThrow(
      "assign to 'encoder.weight' outside run(fn) or compile(fn): variables change only inside",
    );
  });

  test('of another shape or type throws', async () => {
    const w = variableOf('w', [1, 2]);
    await expect(later(() => run(() => w.assign(zeros([3]))))).rejects.toThrow("assign to 'w': expected float32 [2], got float32 [3]");
    await expect(later(() => run(() => w.assign(zeros([2], 'int32'))))).rejects.toThrow('expected float32 [2], got int32 [2]');
  });

  test('a trace is single-assignment: a read sees the latest version, the last one is committed', async () => {
    const w = variableOf('w', [1]);
    const seen = await run(() => {
      const before = w.value;
      w.assign(w.value.add(1));
      const between = w.value;
      w.assign(w.value.mul(10));
      return [before, between, w.value];
    });
    expect(await Promise.all(seen.map((x) => valuesOf(x)))).toEqual([[1], [2], [20]]);
    expect(await valuesOf(w)).toEqual([20]);
    expect(w.version).toBe(1);
  });

  test('of a trace that throws is dropped', async () => {
    const w = variableOf('w', [1]);
    const fails = later(() =>
      run(() => {
        w.assign(w.value.add(1));
        throw new Error('no');
      }),
    );
    await expect(fails).rejects.toThrow('no');
    expect([w.version, ...(await valuesOf(w))]).toEqual([0, 1]);
  });
});

describe('a value built on an overwritten Variable', () => {
  test('throws when evaluated, whatever overwrote it', async () => {
    const w = variableOf('w', [1]);
    const message = "a tensor was built on 'w', which has been overwritten since; read it before the change, or build it again";
    for (const change of [() => run(() => w.assign(w.value.add(1))), () => w.load([7]), () => Promise.resolve(w.release())]) {
      const direct = w.value;
      const built = w.value.mul(2).sum();
      const already = w.value.mul(3);
      const [known] = await read([already]);
      await change();
      await expect(later(() => built.data())).rejects.toThrow(message);
      await expect(later(() => direct.add(1).item())).rejects.toThrow(message);
      expect(await valuesOf(already)).toEqual([...known]);
      expect(await valuesOf(already.add(1))).toEqual([known[0]! + 1]);
    }
  });

  test('a read that was asked for before the change sees the old value', async () => {
    const w = variableOf('w', [1]);
    const before = w.data();
    const built = w.value.mul(2).data();
    const step = run(() => w.assign(w.value.add(1)));
    const after = w.data();
    expect([...(await before), ...(await built), ...(await after)]).toEqual([1, 2, 2]);
    await step;
    const last = w.data();
    void w.load([9]);
    expect([...(await last), ...(await w.data())]).toEqual([2, 9]);
  });
});

describe('first values', () => {
  test('counting allocates nothing', () => {
    const w = new Parameter({ shape: [1 << 20, 1 << 20], initialize: () => zeros([1 << 20, 1 << 20]), name: 'vast' });
    expect([w.size, w.trainable, w.handle, isVariable(w)]).toEqual([2 ** 40, true, null, true]);
  });

  test('depend on name and seed alone, not on order or company', async () => {
    const make = (name: string, seed = 0): Variable => {
      const w = new Variable({ shape: [5], name, initialize: () => randomNormal([5]).add(randomUniform([5])) });
      w.seed = seed;
      return w;
    };
    const alone = await valuesOf(make('a'));
    const [b, a] = [make('b'), make('a')];
    await run(() => b.value.add(a.value));
    expect(await valuesOf(a)).toEqual(alone);
    expect(await valuesOf(b)).not.toEqual(alone);
    expect(await valuesOf(make('a', 1))).not.toEqual(alone);
    expect(await valuesOf(make('a', 2 ** 40))).not.toEqual(await valuesOf(make('a', 0)));
  });

  test('run before the first assignment', async () => {
    const w = variableOf('w', [3]);
    await run(() => w.assign(w.value.add(1)));
    expect(await valuesOf(w)).toEqual([4]);
    const fresh = variableOf('fresh', [3]);
    await run(() => fresh.assign(constant([8])));
    expect(await valuesOf(fresh)).toEqual([8]);
  });
});

describe('load', () => {
  test('takes its values at the call, before or after first use', async () => {
    const w = variableOf('w', [1, 2]);
    const data = Float32Array.of(5, 6);
    const load = w.load(data);
    data.fill(0);
    await load;
    expect(await valuesOf(w)).toEqual([5, 6]);
    await expect(later(() => w.load([1]))).rejects.toThrow("load 'w': expected 2 values for [2], got 1");
  });

  test('a bool and an int32 Variable', async () => {
    const flag = new Variable({ shape: [2], dtype: 'bool', name: 'flag', initialize: () => zeros([2], 'bool') });
    const count = new Variable({ shape: [2], dtype: 'int32', name: 'count', initialize: () => zeros([2], 'int32') });
    await Promise.all([flag.load([2, 0]), count.load([-1, 7])]);
    expect(await flag.data()).toEqual(Uint8Array.of(1, 0));
    expect(await count.data()).toEqual(Int32Array.of(-1, 7));
  });
});

test('a compiled function and a run share one Variable', async () => {
  const w = variableOf('w', [0]);
  const add = compile((x: Tensor) => w.assign(w.value.add(x)));
  await add(tensor([1]));
  await run(() => w.assign(w.value.mul(10)));
  await add(tensor([2]));
  expect(await valuesOf(w)).toEqual([12]);
});
