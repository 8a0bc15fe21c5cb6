import { afterEach, describe, expect, test, vi } from 'vitest';

import { engineOf, valuesOf, variableOf } from '../test/support';
import {
  arange,
  compile,
  concat,
  constant,
  createReferenceBackend,
  debug,
  defaultEngine,
  Engine,
  installBackend,
  KernelError,
  ones,
  OutOfMemory,
  read,
  run,
  tensor,
  type Tensor,
  Variable,
  withPath,
  zeros,
} from './index';

const later = async <T>(fn: () => T): Promise<unknown> => await fn();
const ids = (...list: number[]): Tensor => tensor(Int32Array.from(list));

afterEach(() => debug(false));

describe('one engine', () => {
  test('is chosen at first use, and mixing two throws', async () => {
    const [a, b] = [engineOf(), engineOf({ precision: 'float64' })];
    const w = variableOf('w', [1]);
    await run(() => w.value.add(1), { engine: a });
    const message = "'w' lives on the reference engine and cannot be used on the reference one: an engine is chosen at first use";
    await expect(later(() => run(() => w.value.add(1), { engine: b }))).rejects.toThrow(message);
    await expect(later(() => read([w.value], { engine: b }))).rejects.toThrow(message);
    await expect(later(() => compile(() => w.assign(w.value.add(1)), { engine: b })())).rejects.toThrow(message);
    const v = variableOf('v', [1]);
    await run(() => v.value.add(1), { engine: b });
    await expect(later(() => run(() => w.value.add(v.value), { engine: a }))).rejects.toThrow("'v' lives on");
    expect(() => b.load([[w, Float32Array.of(1)]])).toThrow("load: 'w' lives on another engine");
    expect(await valuesOf(w)).toEqual([1]); // reading finds the engine of a Variable
    expect(await valuesOf(w, a)).toEqual([1]);
  });

  test('a plain tensor may be computed on several', async () => {
    const x = tensor([1]).add(0.1);
    const [wide] = await read([x], { engine: engineOf({ precision: 'float64' }) });
    expect(wide[0]).toBe(1.1);
    expect(await valuesOf(tensor([1]).add(0.1), engineOf())).toEqual([Math.fround(1.1)]);
  });

  test('installing a backend makes it the default', async () => {
    const before = defaultEngine();
    const engine = installBackend(createReferenceBackend({ precision: 'float64' }));
    expect(defaultEngine()).toBe(engine);
    expect(await valuesOf(tensor([1]).add(0.1))).toEqual([1.1]);
    installBackend(before.backend);
  });

  test('advice comes once, above the arithmetic it is for', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const engine = new Engine({ ...createReferenceBackend(), run: () => {} }, { advice: 'add one line' });
    const big = zeros([512, 1024]);
    for (let i = 0; i < 3; i++) await valuesOf(big.matmul(zeros([1024, 1])).sum().add(i), engine);
    expect(warn).not.toHaveBeenCalled();
    for (let i = 0; i < 3; i++) await valuesOf(zeros([1024, 1024]).matmul(ones([1024, 512])).sum().add(i), engine);
    expect(warn.mock.calls).toEqual([['add one line']]);
    warn.mockRestore();
  });
});

describe('memory', () => {
  test('the arena has the size of the largest plan, Variables come on top, nothing else stays', async () => {
    const engine = engineOf();
    const w = new Variable({ shape: [100], name: 'w', initialize: () => zeros([100]) });
    expect(engine.memory()).toEqual({ arena: 0, variables: 0, plans: 0 });
    await run(() => w.assign(w.value.add(1)), { engine });
    const { arena } = engine.memory();
    expect(engine.memory().variables).toBe(400);
    await valuesOf(zeros([1000]).add(tensor([1])), engine);
    expect(engine.memory().arena).toBeGreaterThan(arena);
    expect(engine.memory().arena).toBeLessThan(2 * 4000 + 200);
    w.release();
    expect(engine.memory().variables).toBe(0);
  });

  test('intermediates share it', async () => {
    const engine = engineOf();
    let x: Tensor = tensor(new Float32Array(1000));
    for (let i = 0; i < 50; i++) x = x.reshape([10, 100]).max(0, { keep: true }).expand([10, 100]).add(i).permute([1, 0]).reshape([1000]);
    await valuesOf(x, engine);
    expect(engine.memory().arena).toBeLessThan(4 * 4000);
  });

  test('running out names the Variable and what is there already, and nothing is half allocated', async () => {
    const engine = engineOf({ maximumBytes: 10_000 });
    const first = variableOf('encoder.weight', new Array(1000).fill(1));
    const second = variableOf('decoder.weight', new Array(2000).fill(2), [20, 100]);
    const both = (): Promise<Tensor> => run(() => first.value.sum().add(second.value.sum()), { engine });
    await expect(later(both)).rejects.toThrow("out of memory: 'decoder.weight' [20, 100] needs 7.8 KB, 3.9 KB of Variables are there already");
    expect(engine.memory().variables).toBe(0);
    expect([first.engine, first.handle]).toEqual([null, null]);
    expect(await valuesOf(first.value.sum(), engine)).toEqual([1000]);
    await expect(later(() => engine.load([[second, new Float32Array(2000)]]))).rejects.toBeInstanceOf(OutOfMemory);
    expect(second.engine).toBe(null);
  });

  test('running out names the largest tensor of the plan, and leaves Variables as they were', async () => {
    const engine = engineOf({ maximumBytes: 100_000 });
    const w = variableOf('w', [1]);
    const step = (size: number): Promise<void> =>
      run(() => {
        const wide = withPath('model.hidden', () => w.value.expand([size]).add(0).reshape([size, 1]).matmul(constant([[1]])));
        w.assign(w.value.add(wide.sum()));
      }, { engine });
    await step(10);
    await expect(later(() => step(100_000))).rejects.toThrow(
      /^out of memory: the arena of this plan needs [\d.]+ KB; its largest tensor is \[100000(, 1)?\] \(390\.6 KB\) of .* in model\.hidden.* A smaller batch or checkpoint\(…\) needs less$/,
    );
    expect(await valuesOf(w)).toEqual([11]);
    await step(10);
    expect(await valuesOf(w)).toEqual([121]);
  });
});

describe('a run that fails', () => {
  const failing = (after: boolean): { w: Variable; v: Variable; step: (id: number) => Promise<Tensor> } => {
    const [w, v] = [variableOf('w', [1, 2]), variableOf('v', [5])];
    const compiled = compile((id: Tensor) => {
      // Written in place by the first step, or by the one after the gather.
      const before = w.value;
      const w1 = after ? before.mul(3) : null;
      const row = withPath('embedding', () => constant([[10, 10], [20, 20]]).gather(id)).reshape([2]);
      w.assign(w1 ?? before.add(row));
      v.assign(row.sum().reshape([1]));
      return row;
    });
    return { w, v, step: (id) => compiled(ids(id)) };
  };

  test('before its first write leaves the state intact', async () => {
    const { w, v, step } = failing(false);
    await step(0);
    await expect(later(() => step(2))).rejects.toThrow(/^gather: id 2 is outside a table of 2 rows \(step \d+: gather\(\[2, 2\], \[1\]\) in embedding\)$/);
    await expect(later(() => step(-1))).rejects.toBeInstanceOf(KernelError);
    expect([await valuesOf(w), await valuesOf(v)]).toEqual([[11, 12], [20]]);
    await step(1);
    expect(await valuesOf(w)).toEqual([31, 32]);
  });

  test('after its first write taints what it writes, and what is computed from it, until it is loaded', async () => {
    const { w, v, step } = failing(true);
    await step(0);
    expect(await valuesOf(w)).toEqual([3, 6]);
    const other = variableOf('other', [1]);
    const failed = step(7);
    const behind = run(() => other.assign(v.value.add(1)));
    await expect(later(() => failed)).rejects.toThrow('gather: id 7 is outside a table of 2 rows');
    await expect(later(() => behind)).rejects.toThrow("'v' is uncertain since a run failed (gather: id 7 is outside a table of 2 rows");
    for (const variable of [w, v, other]) {
      await expect(later(() => valuesOf(variable))).rejects.toThrow(`'${variable.name}' is uncertain since a run failed`);
    }
    await expect(later(() => step(0))).rejects.toThrow('load it from a checkpoint');
    await Promise.all([w.load([1, 1]), v.load([0])]);
    await step(1);
    expect([await valuesOf(w), await valuesOf(v)]).toEqual([[3, 3], [40]]);
    await expect(later(() => valuesOf(other))).rejects.toThrow('uncertain');
    other.release();
    expect(await valuesOf(other)).toEqual([1]);
  });

  test('an error that is not of a kernel taints', async () => {
    const engine = engineOf();
    const w = variableOf('w', [1]);
    await run(() => w.assign(w.value.add(1)), { engine });
    vi.spyOn(engine.backend, 'run').mockImplementationOnce(() => {
      throw new Error('the device was lost');
    });
    await expect(later(() => run(() => w.assign(w.value.add(1)), { engine }))).rejects.toThrow('the device was lost');
    await expect(later(() => valuesOf(w))).rejects.toThrow("'w' is uncertain since a run failed (the device was lost)");
  });

  test('errors are recognised by name: the backend may come with another copy of the package', async () => {
    const engine = engineOf();
    const w = variableOf('w', [1]);
    await run(() => w.assign(w.value.add(1)), { engine });
    const foreign = Object.assign(new Error('bad id'), { name: 'KernelError', step: 0 });
    const plan = compile((id: Tensor) => w.assign(w.value.mul(constant([2, 3]).gather(id))), { engine });
    vi.spyOn(engine.backend, 'run').mockImplementationOnce(() => {
      throw foreign;
    });
    await expect(later(() => plan(ids(0)))).rejects.toThrow('bad id (step 0: gather([2], [1]))');
    expect(await valuesOf(w)).toEqual([2]);
  });

  test('an initialiser that fails taints its Variables', async () => {
    const w = new Variable({ shape: [1], name: 'w', initialize: () => constant([1]).gather(arange(1).add(9)) });
    const message = "'w' is uncertain since a run failed (gather: id 9 is outside a table of 1 rows";
    await expect(later(() => valuesOf(w))).rejects.toThrow(message);
    await expect(later(() => valuesOf(w))).rejects.toThrow(message);
    await w.load([4]);
    expect(await valuesOf(w)).toEqual([4]);
  });

  test('an initialiser of the wrong shape throws at first use', async () => {
    const w = new Variable({ shape: [2], name: 'w', initialize: () => zeros([3]) });
    await expect(later(() => valuesOf(w))).rejects.toThrow("the initialiser of 'w' gives float32 [3], expected float32 [2]");
    expect(w.engine).toBe(null);
  });
});

describe('debug', () => {
  test('names the first operation that makes a NaN', async () => {
    debug();
    // As if it stood in a user's own file.
    const root = new Function('x', 'return x.sub(2).sqrt();\n//# sourceURL=/home/me/packages/app/model.js') as (x: Tensor) => Tensor;
    const f = compile((x: Tensor) => withPath('model.norm', () => root(x)).mul(0).exp().sum());
    await expect(later(() => f(tensor([3, 1, 2])))).rejects.toThrow(
      /^NaN first appears in a result of elementwise, at element 1 of \[3\] \(step 1: sqrt\(\[3\]\) in model\.norm \(.*\/home\/me\/packages\/app\/model\.js:\d+:\d+.*\)\)$/,
    );
    expect(await valuesOf(await f(tensor([3, 2])))).toEqual([2]);
    await expect(later(() => f(tensor([NaN, 3])))).rejects.toThrow('NaN first appears in argument or constant 0, at element 0 of [2]');
  });

  test('a NaN before the first write loses nothing', async () => {
    debug();
    const w = variableOf('w', [1]);
    const step = compile((x: Tensor) => {
      const loss = x.log();
      w.assign(w.value.add(loss));
      return loss;
    });
    await step(tensor([1]));
    await expect(later(() => step(tensor([-1])))).rejects.toThrow('NaN first appears');
    expect(await valuesOf(w)).toEqual([1]);
  });

  test('is not misled by integers, by −∞, or by what an arena held before', async () => {
    const engine = engineOf();
    await valuesOf(tensor(new Float32Array(256).fill(NaN)).mul(2), engine); // NaN all over the arena
    debug();
    const part = tensor([1, 2, 3, 4], [2, 2]);
    const joined = concat([part, part.add(1), part.log().neg()], 1);
    expect(await valuesOf(joined.slice([0, 0], [1, 4]), engine)).toEqual([1, 2, 2, 3]);
    expect(await valuesOf(tensor(Int32Array.of(-1, -2)).neg(), engine)).toEqual([1, 2]);
    expect(await valuesOf(tensor([0]).log().max(), engine)).toEqual([-Infinity]);
  });
});

describe('lifetimes', () => {
  test('a Variable may be released while runs that use it wait', async () => {
    const engine = engineOf();
    const w = variableOf('w', [1, 2]);
    const step = compile(() => {
      w.assign(w.value.mul(2));
      return w.value;
    }, { engine });
    const pending = step();
    w.release();
    const other = variableOf('other', [7, 7]);
    await run(() => other.value.add(0), { engine });
    expect(await valuesOf(await pending)).toEqual([2, 4]);
    const load = w.load([5, 5]);
    w.release();
    await load;
    expect(await valuesOf(w)).toEqual([1, 2]);
  });

  test('plans of initialisers are given back, even where a kept plan is equal', async () => {
    const backend = createReferenceBackend();
    let live = 0;
    const prepare = backend.prepare.bind(backend);
    backend.prepare = (plan) => {
      live++;
      let released = false;
      const release = (): void => {
        expect(released).toBe(false);
        released = true;
        live--;
      };
      return { ...prepare(plan), release };
    };
    const engine = new Engine(backend);
    const make = (): Variable => new Variable({ shape: [2], name: 'w', initialize: () => zeros([2]) });
    const w = make();
    const reset = (variable: Variable): Promise<void> => run(() => variable.assign(zeros([2])), { engine });
    await reset(w); // the same program as that of the initialiser
    for (let i = 0; i < 5; i++) await run(() => make().value.add(1), { engine });
    await reset(w);
    expect(engine.memory().plans).toBe(2);
    expect(live).toBe(2);
    await engine.close();
    expect(live).toBe(0);
  });
});
