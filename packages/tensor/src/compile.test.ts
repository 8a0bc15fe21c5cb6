import { afterEach, describe, expect, test, vi } from 'vitest';

import { engineOf, valuesOf, variableOf } from '../test/support';
import {
  compile,
  type Compiled,
  constant,
  defineComposite,
  dropout,
  type HostData,
  internals,
  isTraining,
  ones,
  type Plan,
  read,
  run,
  tensor,
  type Tensor,
  type Variable,
  withPath,
  zeros,
} from './index';

const warnings = vi.spyOn(console, 'warn').mockImplementation(() => {});
afterEach(() => warnings.mockClear());

const values = valuesOf;
const later = async <T>(fn: () => T): Promise<unknown> => await fn();

describe('what changes between calls', () => {
  test('a number is an argument: another value, the same plan', async () => {
    const engine = engineOf();
    const scale = compile<[Tensor, number], Tensor>((x, rate) => x.mul(rate), { engine });
    expect(await values(await scale(tensor([1, 2]), 3))).toEqual([3, 6]);
    expect(await values(await scale(tensor([1, 2]), -0.5))).toEqual([-0.5, -1]);
    expect(engine.memory().plans).toBe(1);
  });

  test('a captured learning rate makes another plan', async () => {
    const engine = engineOf();
    const w = variableOf('w', [1, 1]);
    let rate = 0.5;
    const step = compile((g: Tensor) => w.assign(w.value.sub(g.mul(rate))), { engine });
    await step(tensor([1, 1]));
    expect(await values(w)).toEqual([0.5, 0.5]);
    rate = 0.25;
    await step(tensor([1, 1]));
    expect(await values(w)).toEqual([0.25, 0.25]);
  });

  test('a captured counter and a captured branch make other plans', async () => {
    let calls = 0;
    let negative = false;
    const f = compile((x: Tensor) => (negative ? x.neg() : x).add(calls++));
    expect(await values(await f(tensor([1])))).toEqual([1]);
    expect(await values(await f(tensor([1])))).toEqual([2]);
    negative = true;
    expect(await values(await f(tensor([1])))).toEqual([1]);
  });

  test('the mode belongs to the function that was compiled', async () => {
    const forward = (x: Tensor): Tensor => dropout(x, 0.5);
    const engine = engineOf();
    const train = compile(forward, { mode: 'train', seed: 1, engine });
    const infer = compile(forward, { engine });
    const x = ones([64]);
    const dropped = await values(await train(x));
    expect(new Set(dropped)).toEqual(new Set([0, 2]));
    expect(await values(await infer(x))).toEqual(new Array(64).fill(1));
    expect(await values(await train(x))).not.toEqual(dropped);
    expect(await values(await run(() => forward(constant([1, 1])), { mode: 'train', seed: 3 }))).toHaveLength(2);
    expect(isTraining()).toBe(false);
  });

  test('a batch that was captured throws', async () => {
    const batch = tensor([1, 2]);
    const f = compile(() => batch.mul(2));
    await expect(later(f)).rejects.toThrow(
      'mul: a tensor float32 [2] made outside was captured by a compiled function; pass it as an argument, or wrap it in constant(…)',
    );
    await expect(later(compile(() => batch))).rejects.toThrow('the result: a tensor float32 [2] made outside was captured');
    const w = variableOf('w', [0, 0]);
    await expect(later(compile(() => w.assign(batch)))).rejects.toThrow("assign to 'w': a tensor float32 [2] made outside");
  });

  test('a constant may be captured, and is never stale', async () => {
    let table = constant([1, 2]);
    const engine = engineOf();
    const f = compile((x: Tensor) => x.add(table), { engine });
    expect(await values(await f(tensor([0, 0])))).toEqual([1, 2]);
    table = constant([3, 4]);
    expect(await values(await f(tensor([0, 0])))).toEqual([3, 4]);
    expect(engine.memory().plans).toBe(1);
  });

  test('a Variable that was read outside throws', async () => {
    const w = variableOf('w', [1]);
    const { value } = w;
    await expect(later(compile(() => value.add(1)))).rejects.toThrow("'w' was read outside this function; read variable.value inside");
  });
});

describe('what a traced function may not do', () => {
  test('reading inside throws', async () => {
    const w = variableOf('w', [1]);
    const x = tensor([1]);
    const call = <R>(fn: (x: Tensor) => R): Promise<unknown> => later(() => compile(fn)(x));
    await expect(call((y) => void y.data())).rejects.toThrow('a tensor was read inside run(fn) or compile(fn)');
    await expect(call((y) => void y.sum().item())).rejects.toThrow('was read inside');
    await expect(call((y) => void read([y]))).rejects.toThrow('was read inside');
    await expect(later(compile(() => void w.data()))).rejects.toThrow('was read inside');
    await expect(later(() => run(() => void w.value.add(1).data()))).rejects.toThrow('was read inside');
    await expect(call(async (y) => void (await y.data()))).rejects.toThrow('a traced function must be synchronous');
  });

  test('a tensor that escaped throws on use', async () => {
    let kept!: Tensor;
    const f = compile((x: Tensor) => (kept = withPath('encoder.norm', () => x.mul(2))).add(1));
    await f(tensor([1]));
    const message = 'a tensor escaped the function that made it (mul([1], []) in encoder.norm); return it from the function';
    expect(() => kept.add(1)).toThrow(message);
    expect(() => kept.data()).toThrow(message);
    await expect(later(compile(() => kept.add(1)))).rejects.toThrow(message);
    await expect(later(() => compile((x: Tensor) => x)(kept))).rejects.toThrow(message);
    const w = variableOf('w', [0]);
    await expect(later(() => run(() => w.assign(kept)))).rejects.toThrow(message);
  });

  test('a tensor of a function that failed has escaped as well', async () => {
    let kept!: Tensor;
    const f = compile((x: Tensor) => {
      kept = x.add(1);
      throw new Error('on purpose');
    });
    await expect(later(() => f(tensor([1])))).rejects.toThrow('on purpose');
    expect(() => kept.add(1)).toThrow('a tensor escaped the function that made it');
    expect(f.step).toBe(0);
  });

  test('results are tensors, or lists and records of them', async () => {
    const f = compile((x: Tensor) => ({ list: [x, [x.add(1)]], nothing: null, again: { x } }));
    const { list, nothing, again } = await f(tensor([5]));
    expect([await values(list[0] as Tensor), nothing, await values(again.x)]).toEqual([[5], undefined, [5]]);
    await expect(later(compile(() => 3))).rejects.toThrow('a traced function returns tensors, or lists and records of them; got number');
    await expect(later(compile(() => variableOf('w', [1])))).rejects.toThrow('got an object of a class');
  });

  test('arguments are tensors, numbers, booleans and strings', async () => {
    const f = compile<[Tensor, boolean, string], Tensor>((x, negate, how) => {
      const y = negate ? x.neg() : x;
      return how === 'square' ? y.square() : y;
    });
    expect(await values(await f(tensor([3]), true, 'plain'))).toEqual([-3]);
    expect(await values(await f(tensor([3]), false, 'square'))).toEqual([9]);
    const given = f as unknown as (...args: unknown[]) => Promise<Tensor>;
    for (const [wrong, kind] of [[variableOf('w', [1]), 'object'], [undefined, 'undefined'], [[1, 2], 'object'], [null, 'object'], [() => 1, 'function'], [1n, 'bigint']] as const) {
      await expect(later(() => given(wrong, true, ''))).rejects.toThrow(
        `argument 0 of a compiled function must be a tensor, number, boolean or string, got ${kind}`,
      );
    }
  });
});

describe('execution', () => {
  const counter = (): { count: Variable; next: Compiled<[], Tensor> } => {
    const count = variableOf('count', [0]);
    const next = compile(() => {
      count.assign(count.value.add(1));
      return count.value.mul(10);
    });
    return { count, next };
  };

  test('each call executes exactly once, read or not', async () => {
    const { count, next } = counter();
    const first = await next();
    void next();
    const third = await next();
    expect(await values(third)).toEqual([30]);
    expect(await values(third)).toEqual([30]);
    expect(await values(first)).toEqual([10]);
    expect(await values(count)).toEqual([3]);
    expect(next.step).toBe(3);
  });

  test('calls follow each other in the order in which they were made', async () => {
    const w = variableOf('w', [1]);
    const double = compile(() => w.assign(w.value.mul(2)));
    const add = compile<[number], void>((n) => w.assign(w.value.add(n)));
    void double();
    void add(1);
    void double();
    const read = w.data();
    void add(100);
    expect([...(await read)]).toEqual([6]);
    expect(await values(w)).toEqual([106]);
  });

  test('an argument may be a tensor that is not computed yet', async () => {
    const w = variableOf('w', [1, 2]);
    const step = compile((x: Tensor, y: Tensor) => {
      w.assign(w.value.add(x));
      return x.mul(y);
    });
    const lazy = w.value.mul(2);
    expect(await values(await step(lazy, tensor([1, 1]).add(lazy)))).toEqual([6, 20]);
    expect(await values(w)).toEqual([3, 6]);
  });

  test('an argument that cannot be computed fails the call and changes nothing', async () => {
    const { count, next } = counter();
    const step = compile((x: Tensor) => void count.assign(x));
    const outside = tensor([[1]]).gather(tensor(Int32Array.of(7))).reshape([1]);
    await expect(later(() => step(outside))).rejects.toThrow('id 7 is outside a table of 1 rows');
    expect(await values(await next())).toEqual([10]);
  });

  test('explain executes nothing', async () => {
    const { count, next } = counter();
    expect(next.explain()).toMatch(/elementwise\(add mul\)/);
    expect(count.version).toBe(0);
    expect(next.step).toBe(0);
    expect(await values(await next())).toEqual([10]);
  });

  test('a nested compile inlines: one plan, the mode of the outer function, numbers as literals', async () => {
    const engine = engineOf();
    const seen: boolean[] = [];
    const w = variableOf('w', [0]);
    const inner = compile<[Tensor, number], Tensor>((x, rate) => {
      seen.push(isTraining());
      w.assign(w.value.add(x));
      return x.mul(rate);
    }, { mode: 'train' });
    const outer = compile((x: Tensor) => (inner(x.add(1), 3) as unknown as Tensor).add(inner.inline(x, constant(2, []))), { engine });
    expect(await values(await outer(tensor([1])))).toEqual([8]);
    expect(seen).toEqual([false, false]);
    expect(await values(w)).toEqual([3]);
    expect(inner.step).toBe(0);
    const nested = run(() => (run(() => w.value.mul(2)) as unknown as Tensor).add(1), { engine });
    expect(await values(await nested)).toEqual([7]);
  });
});

describe('warnings', () => {
  test('the third plan for equal shapes names the node that differs', async () => {
    let rate = 0.5;
    const f = compile((x: Tensor) => withPath('schedule', () => x.mul(rate)));
    for (let i = 0; i < 6; i++) {
      rate /= 2;
      await f(tensor([1]));
      expect(warnings).toHaveBeenCalledTimes(i < 2 ? 0 : 1);
    }
    expect(warnings.mock.calls[0]![0]).toBe(
      'qkv: a compiled function made its third plan for equal shapes (1 arguments): ' +
        'literal() in schedule {value=0.0625, dtype=float32} instead of literal() in schedule {value=0.125, dtype=float32}. ' +
        'A number that changes belongs into an argument or a Variable.',
    );
  });

  test('seventeen shapes name the dimension that keeps changing', async () => {
    const f = compile<[number, string, Tensor, boolean, Tensor], Tensor>((scale, _s, x, _b, y) => x.mul(scale).add(y));
    for (let length = 1; length <= 20; length++) {
      await f(2, 'float32[9, 9]', zeros([3, length % 2 === 0 ? 1 : 3, 1]), true, zeros([1, 3, length]));
      expect(warnings).toHaveBeenCalledTimes(length < 17 ? 0 : 1);
    }
    expect(warnings.mock.calls[0]![0]).toBe(
      'qkv: a compiled function has seen 17 shapes of arguments, each with a plan of its own: ' +
        'dimension 2 of argument 4 (17 sizes) keeps changing. Pad to a grid of few sizes.',
    );
  });

  test('two plans, and the same plan many times, warn of nothing', async () => {
    const f = compile<[Tensor, boolean], Tensor>((x, negate) => (negate ? x.neg() : x));
    for (let i = 0; i < 20; i++) await f(tensor([i]), i % 2 === 0);
    expect(warnings).not.toHaveBeenCalled();
  });
});

describe('frozen', () => {
  test.each([2, 10, 100])('is checked again on call %i', async (when) => {
    let rate = 1;
    let traces = 0;
    const f = compile((x: Tensor) => (traces++, x.mul(rate)), { frozen: true });
    for (let call = 1; call < when; call++) expect(await values(await f(tensor([call])))).toEqual([call]);
    const before = traces;
    rate = 2;
    const message =
      'a frozen function changed since it was traced: it now has literal() {value=2, dtype=float32} instead of literal() {value=1, dtype=float32}';
    await expect(later(() => f(tensor([1])))).rejects.toThrow(message);
    await expect(later(() => f(tensor([1])))).rejects.toThrow(message); // and does not run at the next call either
    expect(traces).toBe(before + 2);
    rate = 1;
    expect(await values(await f(tensor([5])))).toEqual([5]);
  });

  test('traces once for each shape, and replays everything else: numbers, steps, Variables', async () => {
    let traces = 0;
    const total = variableOf('total', [0]);
    const build = (frozen: boolean) =>
      compile<[Tensor, number], Tensor>((x, scale) => {
        traces++;
        total.assign(total.value.add(x.sum()));
        return dropout(x, 0.5).mul(scale);
      }, { frozen, mode: 'train', seed: 7 });
    const results: (number[] | HostData)[][] = [];
    for (const frozen of [true, false]) {
      traces = 0;
      await total.load([0]);
      const f = build(frozen);
      const list: number[][] = [];
      for (let i = 0; i < 12; i++) list.push(await values(await f(ones([i % 2 === 0 ? 8 : 4]), i)));
      results.push(list, [await values(total)]);
      expect(traces).toBe(frozen ? 4 : 12);
    }
    expect(results[0]).toEqual(results[2]);
    expect(results[1]).toEqual(results[3]);
  });

  test('notices another constant and another Variable, not an equal constant made again', async () => {
    let made = [1, 2];
    const f = compile((x: Tensor) => x.add(constant(made)), { frozen: true });
    await f(tensor([0, 0]));
    await f(tensor([0, 0]));
    made = [1, 3];
    for (let i = 3; i < 10; i++) await f(tensor([0, 0]));
    await expect(later(() => f(tensor([0, 0])))).rejects.toThrow('it now has another constant');

    let variable = variableOf('a', [1]);
    const g = compile(() => variable.value.mul(2), { frozen: true });
    await g();
    variable = variableOf('b', [2]);
    await expect(later(g)).rejects.toThrow('it now has another Variable');
  });

  test('strings and booleans choose the trace', async () => {
    const f = compile<string[], Tensor>((...names) => constant([names.length]), { frozen: true });
    expect(await values(await f('a', 'b'))).toEqual([2]);
    expect(await values(await f('a" "b'))).toEqual([1]);
    expect(await values(await f('a', 'b'))).toEqual([2]);
  });

  test('survives its plan being the least recently used one', async () => {
    const engine = engineOf({}, { maximumPlans: 4 });
    const released = vi.fn<(plan: Plan) => void>();
    const { backend } = engine;
    const prepare = backend.prepare.bind(backend);
    backend.prepare = (plan) => {
      const prepared = prepare(plan);
      return { ...prepared, release: () => released(plan) };
    };
    const run = backend.run.bind(backend);
    backend.run = (prepared, ...rest) => {
      expect(released).not.toHaveBeenCalledWith(prepared.plan);
      released.mockClear();
      return run(prepared, ...rest);
    };
    const w = variableOf('w', [0]);
    const f = compile((x: Tensor) => w.assign(w.value.add(x)), { frozen: true, engine });
    await f(tensor([1]));
    for (let i = 0; i < 10; i++) await values(tensor([1]).add(i), engine);
    expect(engine.memory().plans).toBe(4);
    await f(tensor([1]));
    await f(tensor([1]));
    expect(await values(w)).toEqual([3]);
    expect(engine.memory().plans).toBe(4);
    // A replay counts as use: others are given up before it, and it need not be prepared again.
    const prepared = vi.spyOn(backend, 'prepare');
    for (let i = 20; i < 30; i++) {
      await f(tensor([0]));
      await values(tensor([1]).add(i), engine);
    }
    expect(prepared).toHaveBeenCalledTimes(10);
  });

  test('a Variable that was released starts again from its initialiser', async () => {
    const w = variableOf('w', [1]);
    const f = compile(() => {
      w.assign(w.value.add(1));
      return w.value;
    }, { frozen: true });
    expect(await values(await f())).toEqual([2]);
    expect(await values(await f())).toEqual([3]);
    w.release();
    expect(await values(await f())).toEqual([2]);
  });
});

describe('a frozen function that changed', () => {
  test('arguments that go elsewhere', async () => {
    let swapped = false;
    const f = compile((a: Tensor, b: Tensor) => (swapped ? b.sub(a) : a.sub(b)), { frozen: true });
    await f(tensor([9]), tensor([1]));
    swapped = true;
    expect(() => f(tensor([9]), tensor([1]))).toThrow('arguments in other places');
  });

  test('results that stand elsewhere', async () => {
    let swapped = false;
    const f = compile((a: Tensor) => {
      const [x, y] = [a.add(1), a.mul(2)];
      return swapped ? { x: y, y: x } : { x, y };
    }, { frozen: true });
    await f(tensor([9]));
    swapped = true;
    expect(() => f(tensor([9]))).toThrow('a frozen function changed');
  });

  test('shapes are counted like those of any other', async () => {
    const f = compile((a: Tensor) => a.add(1), { frozen: true });
    for (let n = 1; n <= 17; n++) await f(ones([n]));
    expect(warnings).toHaveBeenCalledTimes(1);
  });
});

test('a composite may bring a table of its own', async () => {
  const table = constant([10, 20]);
  const shifted = defineComposite({
    name: 'testShifted',
    version: 1,
    infer: ([x]) => [x!],
    decompose: ([x]) => [x!.add(table).add(constant([1, 2]))],
  });
  const f = compile((x: Tensor) => ({ once: shifted([x])[0]!, twice: shifted([shifted([x])[0]!])[0]!.add(table) }));
  for (let i = 0; i < 2; i++) {
    const { once, twice } = await f(tensor([1, 2]));
    expect([await values(once), await values(twice)]).toEqual([[12, 24], [33, 66]]);
  }
});

test('numbers that change fill no table', () => {
  const before = internals.state.signatures.size;
  for (let i = 0; i < 100; i++) tensor([1]).mul(i + 0.123);
  expect(internals.state.signatures.size - before).toBeLessThan(5);
});

test('Variables are not loaded or released inside', async () => {
  const w = variableOf('w', [1]);
  expect(() => run(() => void w.load([2]))).toThrow('outside run(fn)');
  expect(() => run(() => w.release())).toThrow('inside run(fn)');
});
