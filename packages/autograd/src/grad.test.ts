import {
  compile,
  constant,
  internals,
  isTensor,
  Parameter,
  read,
  run,
  stopGradient,
  tensor,
  type Tensor,
  Variable,
  withPath,
} from '@qkv/tensor';
import { describe, expect, expectTypeOf, test } from 'vitest';

import { grad, valueAndGrad, vjp } from './index';

const numbers = async (x: Tensor): Promise<number[]> => Array.from(await x.data());
const parameter = (values: number[], name: string): Parameter =>
  new Parameter({ shape: [values.length], name, initialize: () => constant(values) });

describe('grad', () => {
  test('keeps the structure of wrt, in values and types', async () => {
    const [x, y] = [tensor([1, 2], [2]), tensor([3, 4], [2])];
    const loss = x.mul(y).sum();
    expect(await numbers(grad(loss, x))).toEqual([3, 4]);
    const [dx, dy] = grad(loss, [x, y]);
    expect(await Promise.all([numbers(dx), numbers(dy)])).toEqual([
      [3, 4],
      [1, 2],
    ]);
    const record = grad(loss, { first: x, second: y });
    expect(Object.keys(record)).toEqual(['first', 'second']);
    expect(await numbers(record.second)).toEqual([1, 2]);
    expectTypeOf(grad(loss, x)).toEqualTypeOf<Tensor<readonly [2]>>();
    expectTypeOf(record.first).toEqualTypeOf<Tensor<readonly [2]>>();
    const parameters: readonly Parameter[] = [];
    expectTypeOf(grad(loss, parameters)).toEqualTypeOf<readonly Tensor[]>();
  });

  test('adds up what arrives on several paths, through tensors on the way too', async () => {
    const x = tensor([3]);
    const y = x.square();
    const z = y.mul(x).add(y).sum(); // x³ + x²
    expect(await numbers(grad(z, x))).toEqual([33]);
    const [dx, dy] = grad(z, [x, y]);
    expect(await Promise.all([numbers(dx), numbers(dy)])).toEqual([[33], [4]]);
    expect(await numbers(grad(z, z))).toEqual([1]);
  });

  test('is a graph: third derivatives', async () => {
    const x = tensor([2]);
    let y = x.square().square().sum(); // x⁴
    for (let order = 1; order <= 3; order++) y = grad(y, x).sum();
    expect(await numbers(y)).toEqual([48]);
  });

  test('makes nodes only between wrt and output', () => {
    const [x, w] = [tensor([1, 2]), tensor([3, 4])];
    const expensive = w.exp().sin().tanh().log().sqrt();
    const before = internals.state.nextNodeId;
    grad(expensive.mul(x).sum(), x);
    expect(internals.state.nextNodeId - before).toBeLessThan(8);
  });

  test('walks graphs deeper than the call stack', async () => {
    const x = tensor([1]);
    let y: Tensor = x;
    for (let i = 0; i < 12_000; i++) y = y.add(x);
    expect(await numbers(grad(y.sum(), x))).toEqual([12_001]);
  });

  test('nodes carry the path of the module that they are the gradient of', () => {
    const x = tensor([1, 2]);
    const y = withPath('encoder.norm', () => x.exp());
    const { node } = grad(y.sum(), x) as unknown as internals.Value;
    expect(node.path).toBe('encoder.norm');
  });

  test('nothing flows through stopGradient, comparisons and integers', async () => {
    const x = tensor([1.5, 2]);
    expect(await numbers(grad(stopGradient(x).mul(x).sum(), x))).toEqual([1.5, 2]);
    expect(await numbers(grad(x.greater(1.7).cast('float32').mul(x).sum(), x))).toEqual([0, 1]);
    expect(await numbers(grad(x.floor().cast('int32').cast('float32').mul(x).sum(), x))).toEqual([1, 2]);
  });
});

describe('Variables', () => {
  test('outside a trace every read counts', async () => {
    const w = parameter([1, 2], 'w');
    const loss = w.value.mul(w.value).sum().add(w.value.sum());
    expect(await numbers(grad(loss, w))).toEqual([3, 5]);
  });

  test('inside a trace it is the latest value', async () => {
    const w = parameter([2], 'w');
    const step = compile(() => {
      const first = grad(w.value.square().sum(), [w])[0]; // 4
      w.assign(w.value.sub(first)); // −2
      return { first, second: grad(w.value.square().sum(), w) }; // −4
    });
    const { first, second } = await step();
    expect([await numbers(first), await numbers(second)]).toEqual([[4], [-4]]);
    expect(Array.from(await w.data())).toEqual([-2]);
  });

  test('assigned after use: an error that says so', async () => {
    const w = parameter([2], 'w');
    const tooLate = () =>
      run(() => {
        const loss = w.value.square().sum();
        w.assign(w.value.mul(0.5));
        return grad(loss, w);
      });
    expect(tooLate).toThrow(
      "grad: 'w' was assigned after the output was made from it; take the gradient before assigning",
    );
    const loss = w.value.square().sum();
    await run(() => w.assign(w.value.mul(0.5)));
    expect(() => grad(loss, w)).toThrow(
      "grad: 'w' was assigned after the output was made from it; make the output again",
    );
  });

  test('unused: an error with its name, or zeros on demand', async () => {
    const [w, forgotten] = [parameter([1, 2], 'w'), parameter([1, 2, 3], 'decoder.norm.gain')];
    const loss = w.value.sum();
    expect(() => grad(loss, [w, forgotten])).toThrow(/does not depend on 'decoder\.norm\.gain', float32 \[3\]/);
    const [, zero] = grad(loss, [w, forgotten], { unused: 'zero' });
    expect(await numbers(zero)).toEqual([0, 0, 0]);
    const unread = await run(() => {
      const [, gradient] = grad(w.value.sum(), [w, forgotten], { unused: 'zero' });
      return gradient;
    });
    expect(await numbers(unread)).toEqual([0, 0, 0]);
  });
});

describe('misuse', () => {
  test('an output that is no float32 scalar', () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    expect(() => grad(x, x)).toThrow(
      'grad: expected a scalar output, got float32 [2, 2]; reduce it first, for example with .sum() or .mean()',
    );
    expect(() => grad(x.argMax().sum(), x)).toThrow(
      'grad: the output is int32 []; integers and booleans have no gradient',
    );
  });

  test('wrt of another type', () => {
    const ids = tensor(Int32Array.of(0, 1));
    const table = tensor([
      [1, 2],
      [3, 4],
    ]);
    const loss = table.gather(ids).sum();
    expect(() => grad(loss, [table, ids])).toThrow('grad: wrt[1] is int32; integers and booleans have no gradient');
    expect(() => grad(loss, { table, mask: table.greater(0) })).toThrow('grad: wrt.mask is bool');
    const count = new Variable({ shape: [], dtype: 'int32', name: 'step', initialize: () => constant(0, [], 'int32') });
    expect(() => grad(loss, count)).toThrow("grad: 'step' is int32");
    expect(() => grad(loss, 3 as never)).toThrow(
      'grad: wrt: expected a tensor, a Variable, or a list or record of them, got 3',
    );
    expect(() => grad(loss, [table, 'bias'] as never)).toThrow(
      'grad: wrt: expected a tensor or a Variable at [1], got bias',
    );
    expect(() => grad(loss, new Map([['table', table]]) as never)).toThrow('got Map');
  });

  test('a value that was read to the host has no graph any more', async () => {
    const x = tensor([1, 2]);
    const y = x.square();
    await y.data();
    expect(() => grad(y.sum(), x)).toThrow('values that were read to the host');
  });

  test('a value that was read after its use throws, rather than leaving out a path', async () => {
    const x = tensor([1, 2]);
    const h = x.square();
    const loss = h.mul(x).sum();
    await h.data();
    expect(() => grad(loss, x)).toThrow(
      'grad: an operand of mul([2], [2]) was read to the host after it was used there',
    );
    expect(await numbers(grad(loss, h))).toEqual([1, 2]);
    expect(await numbers(grad(stopGradient(h).mul(x).sum(), x))).toEqual([1, 4]);
    // Read before its use: a value like any other that the host holds.
    expect(await numbers(grad(h.mul(x).sum(), x))).toEqual([1, 4]);
  });
});

test('valueAndGrad takes a scalar, or a function of wrt', async () => {
  const x = tensor([1, 2]);
  const made = valueAndGrad(x.square().sum(), x);
  expect([await made.value.item(), await numbers(made.gradient)]).toEqual([5, [2, 4]]);
  const called = valueAndGrad(({ a, b }) => a.mul(b).sum(), { a: x, b: tensor([3, 4]) });
  expect([await called.value.item(), await numbers(called.gradient.b)]).toEqual([11, [1, 2]]);
});

describe('vjp', () => {
  test('pulls cotangents back, as often as asked', async () => {
    const [x, w] = [
      tensor([[1, 2]], [1, 2]),
      tensor(
        [
          [1, 0],
          [0, 2],
        ],
        [2, 2],
      ),
    ];
    const { outputs, pullback } = vjp((a, b) => a.matmul(b), [x, w]);
    expect(await numbers(outputs)).toEqual([1, 4]);
    const [dx, dw] = pullback(tensor([[1, 1]], [1, 2]));
    expect([await numbers(dx), await numbers(dw)]).toEqual([
      [1, 2],
      [1, 1, 2, 2],
    ]);
    const [again] = pullback(tensor([[0, 1]], [1, 2]));
    expect(await numbers(again)).toEqual([0, 2]);
  });

  test('inputs are independent, even the same tensor twice', async () => {
    const x = tensor([3]);
    const y = x.square();
    const { pullback } = vjp((a: Tensor, b: Tensor) => [a.mul(b), b.exp().mul(0)], [y, x]);
    const [da, db] = pullback([tensor([1]), tensor([1])]);
    expect([await numbers(da), await numbers(db)]).toEqual([[3], [9]]);
    const [first, second] = vjp((a: Tensor, b: Tensor) => a.mul(2).add(b), [x, x]).pullback(tensor([1]));
    expect([await numbers(first), await numbers(second)]).toEqual([[2], [1]]);
  });

  test('an unused input has a zero gradient; shapes are checked', async () => {
    const { pullback } = vjp((a: Tensor, _b: Tensor) => ({ y: a.mul(2) }), [tensor([1, 2]), tensor([5])]);
    const gradients = pullback({ y: tensor([1, 1]) });
    expect(await numbers(gradients[1])).toEqual([0]);
    expect(() => pullback({ y: tensor([1]) })).toThrow('vjp: cotangent 0 is float32 [1], the output float32 [2]');
    expect(() => pullback({} as never)).toThrow('vjp: expected 1 cotangents, one for each output, got 0');
    expect(() => vjp((a: Tensor) => a, [tensor(Int32Array.of(1))])).toThrow('vjp: input 0 is int32');
  });
});

test('in a trace gradients are results like others', async () => {
  const step = compile((x: Tensor, scale: Tensor) => grad(x.square().mul(scale).sum(), x));
  const gradient = await step(tensor([1, 2]), 3 as never);
  expect(isTensor(gradient)).toBe(true);
  expect(await read([gradient])).toEqual([Float32Array.of(6, 12)]);
});
