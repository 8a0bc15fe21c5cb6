import { checkpoint, grad } from '@qkv/autograd';
import {
  compile,
  constant,
  createReferenceBackend,
  Engine,
  run,
  softmax,
  tensor,
  type Tensor,
  zeros,
} from '@qkv/tensor';
import { describe, expect, expectTypeOf, test, vi } from 'vitest';

import { capture, patch } from './capture';
import { Dropout } from './dropout';
import { Linear } from './linear';
import { initialize, Module } from './module';
import { modulePaths } from './module-paths';
import { state } from './state';
import { isTapped, tap } from './tap';

// Attention of @qkv/attention, with kernels and finite differences: packages/attention/src/capture.test.ts.

/** x and x Wᵀ weighted by a softmax over positions; only where somebody looks is it made step by step. */
class Pooling extends Module {
  readonly score = new Linear({ inputs: 2, outputs: 2 });
  tapped = 0;

  override forward(x: Tensor): Tensor {
    if (!isTapped('attention')) return softmax(this.score.forward(x)).mul(x);
    this.tapped++;
    return tap('attention', softmax(this.score.forward(x))).mul(x);
  }
}

class Block extends Module {
  readonly pool = new Pooling();
  readonly dropout = new Dropout({ rate: 0.5 });
  readonly linear = new Linear({ inputs: 2, outputs: 2 });

  override forward(x: Tensor): Tensor {
    const h = this.pool.forward(x);
    return h.add(this.linear.forward(this.dropout.forward(h)));
  }
}

class Model extends Module {
  readonly blocks = [new Block(), new Block(), new Block()];
  readonly last = new Linear({ inputs: 2, outputs: 2 });

  override forward(x: Tensor): Tensor {
    return this.last.forward(this.blocks.reduce((h, block) => block.forward(h), x));
  }
}

function make(): Model {
  const model = new Model();
  initialize(model, { seed: 1 });
  return model;
}

const input = (): Tensor => tensor([1, -2, 3, 0.5, 0.25, -1], [3, 2]);
const values = async (x: Tensor): Promise<number[]> => [...(await x.data())];

describe('paths', () => {
  test('a path gives a tensor, a list gives a list, a record a record, and * lists', async () => {
    const [model, x] = [make(), input()];
    const one = capture(model, 'blocks.1', () => model.forward(x));
    const list = capture(model, ['blocks.1', 'blocks.*.pool'], () => model.forward(x));
    const record = capture(model, { hidden: '1', all: '*.linear' }, () => model.forward(x));
    expectTypeOf(one.captured).toEqualTypeOf<Tensor>();
    expectTypeOf(list.captured).toEqualTypeOf<readonly [Tensor, readonly Tensor[]]>();
    expectTypeOf(record.captured.hidden).toEqualTypeOf<Tensor>();
    expectTypeOf(record.captured.all).toEqualTypeOf<readonly Tensor[]>();
    expectTypeOf(one.output).toEqualTypeOf<Tensor>();
    const expected = model.blocks[1].forward(model.blocks[0].forward(x));
    for (const hidden of [one.captured, list.captured[0], record.captured.hidden]) {
      expect(await values(hidden)).toEqual(await values(expected));
    }
    expect([list.captured[1].length, record.captured.all.length]).toEqual([3, 3]);
    const path: string = 'blocks.1';
    expectTypeOf(capture(model, path, () => model.forward(x)).captured).toEqualTypeOf<Tensor | readonly Tensor[]>();
  });

  test('a module means its attention where it has one, and its output elsewhere; either can be named', async () => {
    const [model, x] = [make(), input()];
    const { captured } = capture(
      model,
      ['0.pool', '0.pool.attention', '0.pool.output', '0.linear', '0.linear.output'],
      () => model.forward(x),
    );
    const pool = model.blocks[0].pool;
    const [attention, same, output, linear, alike] = await Promise.all(captured.map(values));
    expect(attention).toEqual(await values(softmax(pool.score.forward(x))));
    expect(output).toEqual(await values(pool.forward(x)));
    expect([same, alike]).toEqual([attention, linear]);
    const alone = capture(model, '0.pool.output', () => model.forward(x)).captured;
    expect(await values(alone)).toEqual(output);
  });

  test('a part is named from where one starts, and the model itself by nothing', async () => {
    const [model, x] = [make(), input()];
    const body = (): Tensor => model.forward(x);
    const part = capture(model.blocks[1], 'linear', body).captured;
    expect(await values(part)).toEqual(await values(capture(model, '1.linear', body).captured));
    const whole = capture(model, '', body);
    expect(await values(whole.captured)).toEqual(await values(whole.output));
    expect(modulePaths(model).slice(0, 4)).toEqual(['', 'blocks.0', 'blocks.0.pool', 'blocks.0.pool.score']);
  });

  test('* stands for one module, not for the name of an array', () => {
    const [model, x] = [make(), input()];
    const count = (path: string): number => (capture(model, path, () => model.forward(x)).captured as Tensor[]).length;
    expect(['*', 'blocks.*', '*.*', '*.pool.*', 'blocks.*.*.*'].map(count)).toEqual([4, 3, 9, 3, 3]);
  });

  test('what leads nowhere is an error that tells what there is', () => {
    const [model, x] = [make(), input()];
    const error = (path: string, body = (): Tensor => model.forward(x)): string => {
      let message = '';
      try {
        capture(model, path, body);
      } catch (thrown) {
        message = String(thrown);
      }
      return message;
    };
    expect(error('blocks.7.linear')).toBe(
      "RangeError: capture: there is no 'blocks.7.linear' in Model; nearest: 'blocks.0.linear', 'blocks.1.linear', 'blocks.2.linear'; modulePaths(model) lists all 17",
    );
    expect(error('blocks.1.linaer')).toBe(
      "RangeError: capture: 'blocks.1' has no part or value 'linaer', but 'output'; nearest: 'blocks.1.linear', 'blocks.0.linear', 'blocks.2.linear'; modulePaths(model) lists all 17",
    );
    expect(error('1', () => model.last.forward(x))).toBe(
      "RangeError: capture: 'blocks.1' did not run, by its forward, in the body; what did: 'last'",
    );
    expect(error('1', () => x)).toBe(
      "RangeError: capture: 'blocks.1' did not run, by its forward, in the body; nothing did",
    );
    expect(error('1.linear#4')).toBe(
      "RangeError: capture: 'blocks.1.linear' has no call 4 in the body, but 1, counted from 0",
    );
    expect(error('0.linear.attention')).toContain("'blocks.0.linear' has no part or value 'attention', but 'output'");
    expect(() => patch(model, { nothing: x }, () => model.forward(x))).toThrow(
      "patch: Model has no part or value 'nothing', but 'output'",
    );
    expect(() => capture(model, [], () => model.forward(x))).toThrow(
      new RangeError('capture: no path is given, so nothing is captured; modulePaths(model) lists all 17'),
    );
    expect(() => patch(model, { last: 0 as unknown as Tensor }, () => model.forward(x))).toThrow(
      "patch: 'last' takes a tensor, or a function that makes one, got number",
    );
  });

  test('a short path that fits two modules must be written in full', () => {
    class Two extends Module {
      readonly a = [new Dropout({ rate: 0 })];
      readonly b = [new Dropout({ rate: 0 })];
      override forward(x: Tensor): Tensor {
        return this.b[0].forward(this.a[0].forward(x));
      }
    }
    const two = new Two();
    const body = (): Tensor => two.forward(input());
    expect(() => capture(two, '0', body)).toThrow("capture: '0' may be 'a.0', 'b.0'; write it in full");
    expect(capture(two, '*', body).captured).toHaveLength(2);
    capture(two, 'b.0', body);
  });
});

describe('a module that runs several times', () => {
  class Shared extends Module {
    readonly layer = new Linear({ inputs: 2, outputs: 2 });
    override forward(x: Tensor): Tensor {
      return this.layer.forward(this.layer.forward(this.layer.forward(x) as Tensor<[3, 2]>) as Tensor<[3, 2]>);
    }
  }

  test('has a value for each call', async () => {
    const [model, x] = [new Shared(), input()];
    const { captured, output } = capture(model, ['layer#0', 'layer#2', 'layer#*', '*'], () => model.forward(x));
    expect(captured.map((one) => (Array.isArray(one) ? one.length : 1))).toEqual([1, 1, 3, 3]);
    expect(await values(captured[0])).toEqual(await values(model.layer.forward(x as Tensor<[3, 2]>)));
    expect(await values(captured[1])).toEqual(await values(output));
    expect(() => capture(model, 'layer', () => model.forward(x))).toThrow(
      "capture: 'layer' ran 3 times; 'layer#0' is its first call, 'layer#*' lists all",
    );
  });

  test('is patched in every call, or in one', async () => {
    const [model, x] = [new Shared(), input()];
    const calls = { all: 0, one: 0 };
    patch(model, { layer: (value) => (calls.all++, value) }, () => model.forward(x));
    const y = patch(model, { 'layer#1': (value) => (calls.one++, value.mul(0)) }, () => model.forward(x));
    expect(calls).toEqual({ all: 3, one: 1 });
    expect(await values(y)).toEqual(await values(model.layer.forward(zeros([3, 2]))));
  });
});

describe('what is captured', () => {
  test('is what the graph goes on with: its gradient is that of the output alone, not of an input that is the same', async () => {
    const model = make();
    const { gradient, expected } = await run(() => {
      const x = constant([1, -2, 3, 0.5], [2, 2]);
      // Without training, dropout gives back what it is given, which the residual connection uses too.
      const { output, captured } = capture(model.blocks[0], ['dropout', 'linear'], () => model.blocks[0].forward(x));
      const [before, after] = captured;
      const loss = output.square().sum();
      const upstream = grad(loss, after);
      return { gradient: grad(loss, before), expected: upstream.matmul(model.blocks[0].linear.weight.value as Tensor) };
    });
    expect(await values(gradient)).toEqual(await values(expected));
  });

  test('inside of checkpoint is captured once, and patched; gradients do not reach into it', async () => {
    const model = make();
    const result = await run(() => {
      const x = constant([1, -2, 3, 0.5], [2, 2]);
      const body = checkpoint((h: Tensor) => model.forward(h));
      const { output, captured } = capture(model, ['1', '1.pool'], () => body(x));
      expect(() => grad(output.sum(), captured[0])).toThrow('the output does not depend on wrt, float32 [2, 2]');
      const replaced = patch(model, { '1': constant([1, 2, 3, 4], [2, 2]) }, () => body(x));
      const plain = model.blocks[1].forward(model.blocks[0].forward(x));
      const rest = patch(model, { '1': constant([1, 2, 3, 4], [2, 2]) }, () => model.forward(x));
      return { hidden: captured[0], plain, replaced, rest };
    });
    expect(await values(result.hidden)).toEqual(await values(result.plain));
    expect(await values(result.replaced)).toEqual(await values(result.rest));
  });

  test('comes out of compile, frozen or not, as anything else', async () => {
    const engine = new Engine(createReferenceBackend());
    const model = make();
    const fn = (x: Tensor): { y: Tensor; hidden: Tensor; slope: Tensor } => {
      const { output, captured } = capture(model, '1.pool', () => model.forward(x));
      return { y: output, hidden: captured, slope: grad(output.sum(), captured) };
    };
    const [traced, frozen] = [compile(fn, { engine }), compile(fn, { engine, frozen: true })];
    for (let i = 0; i < 3; i++) {
      const x = tensor([i, 2, 3, 4], [2, 2]);
      const [a, b] = [await traced(x), await frozen(x)];
      for (const name of ['y', 'hidden', 'slope'] as const)
        expect(await values(b[name])).toEqual(await values(a[name]));
    }
    expect(model.blocks[0].pool.tapped).toBe(0);
    expect(model.blocks[1].pool.tapped).toBeGreaterThan(0);
  });

  test('must be a tensor', () => {
    class Pair extends Module {
      override forward(x: Tensor): Tensor[] {
        return [tap('first', x.add(1)), x];
      }
    }
    const pair = new Pair();
    expect(() => capture(pair, '', () => pair.forward(input()))).toThrow(
      "Pair: what forward returns is no tensor, but it has values 'first'",
    );
    capture(pair, 'first', () => pair.forward(input()));
  });
});

describe('a patch', () => {
  test('takes the place of a value, whose shape and type it has', async () => {
    const [model, x] = [make(), input()];
    const zero = zeros([3, 2]);
    const y = patch(model, { 'blocks.2': zero }, () => model.forward(x));
    expect(await values(y)).toEqual(await values(model.last.forward(zero)));
    const wrong = (value: Tensor): Tensor => patch(model, { '0.pool': value }, () => model.forward(x));
    expect(() => wrong(zeros([2, 2]))).toThrow("patch: '0.pool' is float32 [3, 2], got float32 [2, 2] in its place");
    expect(() => wrong(zeros([3, 2], 'int32'))).toThrow("'0.pool' is float32 [3, 2], got int32 [3, 2]");
    expect(() => patch(model, { '*': (() => 1) as never }, () => model.forward(x))).toThrow('got number in its place');
  });

  test('comes before what is captured, wherever it stands', async () => {
    const [model, x] = [make(), input()];
    const twice = (value: Tensor): Tensor => value.mul(2);
    const plain = capture(model, '0', () => model.forward(x)).captured;
    const outside = patch(model, { '0': twice }, () => capture(model, '0', () => model.forward(x)).captured);
    const inside = capture(model, '0', () =>
      patch(model, { '0': twice }, () => patch(model, { '0': (value) => value.add(1) }, () => model.forward(x))),
    ).captured;
    expect(await values(outside)).toEqual(await values(plain.mul(2)));
    expect(await values(inside)).toEqual(await values(plain.add(1).mul(2)));
  });
});

describe('afterwards', () => {
  test('nothing is left, also when the body throws', () => {
    const model = make();
    expect(() => capture(model, '0', () => model.forward(zeros([1, 3])))).toThrow('expected a last dimension of 2');
    expect(() =>
      capture(model, '0.pool', () => patch(model, { '1': zeros([9]) }, () => model.forward(input()))),
    ).toThrow("patch: '1'");
    expect([state.watch, state.call, state.module]).toEqual([null, null, null]);
    expect([isTapped('attention'), isTapped('output')]).toEqual([false, false]);
    const x = input();
    expect(tap('attention', x)).toBe(x);
  });

  test('a body that ends before the model runs is refused', async () => {
    const model = make();
    const message =
      'capture: its body ends before the model runs; use it inside the function that run or compile is given';
    const fn = compile((x: Tensor) => model.forward(x), { frozen: true });
    expect(() => capture(model, '0', () => run(() => model.forward(constant([1, 2], [1, 2]))))).toThrow(message);
    expect(() => capture(model, '0', () => fn(input()))).toThrow(message);
    await fn(input());
    await fn(input());
    expect(() => capture(model, '0', () => fn(input()))).toThrow(message); // replayed: nothing runs
  });
});

test('a forward that calls that of its superclass is one call', () => {
  class Own extends Linear<2, 2> {
    override forward(x: any): any {
      return super.forward(x).add(1);
    }
  }
  const own = new Own({ inputs: 2, outputs: 2 });
  const { output, captured } = capture(own, '#*', () => own.forward(input()) as Tensor);
  expect(captured).toEqual([output]);
});

test('two copies of the package see each other', async () => {
  vi.resetModules();
  const second = await import('./index');
  expect(second.capture).not.toBe(capture);
  const [model, x] = [make(), input()];
  const { captured } = second.capture(model, '1.pool', () => model.forward(x));
  expect(await values(captured)).toEqual(await values(capture(model, '1.pool', () => model.forward(x)).captured));
  const theirs = new second.Linear({ inputs: 2, outputs: 2 });
  const output = patch(theirs as never, { '': zeros([3, 2]) }, () => theirs.forward(x as Tensor<[3, 2]>));
  expect(await values(output)).toEqual([0, 0, 0, 0, 0, 0]);
});
