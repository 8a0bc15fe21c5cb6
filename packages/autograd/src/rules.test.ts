import { constant, type Engine, internals, read, type Tensor, tensor } from '@qkv/tensor';
import { describe, expect, test } from 'vitest';

import { float64, Generator } from '../test/generate';
import { type Case, cases } from '../test/rule-cases';
import { checkGradient, grad } from './index';
import { CUSTOM_GRADIENT, type Derivative, notDifferentiable, type Row, rules, sumTo } from './rules';

const gradientOf =
  (fn: Case['fn']) =>
  (...xs: readonly Tensor[]): readonly Tensor[] =>
    grad(
      fn(...xs)
        .square()
        .sum(),
      xs.filter((x) => x.dtype === 'float32'),
      { unused: 'zero' },
    );

async function worst(list: readonly Case[], engine: Engine, order: 1 | 2): Promise<{ error: number; where: string }> {
  let result = { error: 0, where: '' };
  for (const { fn, inputs } of list) {
    const report = await checkGradient(order === 1 ? fn : gradientOf(fn), inputs, { engine });
    const where = `${inputs.map((x) => `[${x.shape.join(', ')}]`).join(' ')} ${JSON.stringify(report)}`;
    if (!(report.error <= result.error)) result = { error: report.error, where };
  }
  return result;
}

const missing = (names: readonly string[]): string[] =>
  names.filter((op) => !(op in rules) && !notDifferentiable.has(op) && op !== CUSTOM_GRADIENT);

describe('the gradient table', () => {
  test('has a row or a reason for every primitive, and none for anything else', () => {
    const names = internals.operationNames('primitive');
    expect(missing(names)).toEqual([]);
    expect([...Object.keys(rules), ...notDifferentiable.keys()].filter((op) => !names.includes(op))).toEqual([]);
    expect(Object.keys(rules).filter((op) => notDifferentiable.has(op))).toEqual([]);
  });

  test('this check can fail', () => {
    expect(missing(['add', 'convolve'])).toEqual(['convolve']);
  });

  test('has finite-difference cases for every row', () => {
    expect(Object.keys(cases).toSorted()).toEqual(Object.keys(rules).toSorted());
  });
});

describe.each(Object.keys(cases))('%s', (op) => {
  test.each([1, 2] as const)('derivative of order %i agrees with finite differences', async (order) => {
    const random = new Generator(Object.keys(cases).indexOf(op) * 2 + order);
    // Every second case suffices for second derivatives: what they are made of has been tested for itself.
    const list = cases[op](random).filter((_, i) => order === 1 || i % 2 === 0);
    const { error, where } = await worst(list, float64(), order);
    expect(error, where).toBeLessThan(1e-7);
  });
});

test('a derivative that is wrong by one part in a hundred thousand is found, in every row and operand', async () => {
  const table = rules as Record<string, Row>;
  for (const [op, row] of Object.entries(rules)) {
    for (const [at, derivative] of row.entries()) {
      if (derivative === null) continue;
      const wrong: Derivative = (...args) => derivative(...args).mul(1 + 1e-5);
      table[op] = row.map((right, i) => (i === at ? wrong : right)) as unknown as Row;
      try {
        const list = cases[op](new Generator(0)).filter(({ inputs }) => inputs.every((x) => x.size > 0));
        const { error } = await worst(list.slice(0, 6), float64(), 1);
        expect(error, `${op}, operand ${at}`).toBeGreaterThan(1e-6);
      } finally {
        table[op] = row;
      }
    }
  }
});

describe('at kinks', () => {
  const engine = float64();
  const gradient = async (fn: Case['fn'], ...xs: readonly Tensor[]): Promise<number[][]> =>
    (await read(grad(fn(...xs).sum(), xs) as readonly Tensor[], { engine })).map((data) => Array.from(data));

  test('equal operands of maximum and minimum share half each', async () => {
    const [a, b] = [tensor([1, 2, 3]), tensor([3, 2, 1])];
    expect(await gradient((x, y) => x.maximum(y), a, b)).toEqual([
      [0, 0.5, 1],
      [1, 0.5, 0],
    ]);
    expect(await gradient((x, y) => x.minimum(y), a, b)).toEqual([
      [1, 0.5, 0],
      [0, 0.5, 1],
    ]);
  });

  test('a number beside a tensor takes all: relu has 0 at 0', async () => {
    expect(await gradient((x) => x.maximum(0), tensor([-1, 0, 1]))).toEqual([[0, 0, 1]]);
    expect(await gradient((x) => x.minimum(0), tensor([-1, 0, 1]))).toEqual([[1, 0, 0]]);
  });

  test('abs has 0 at 0', async () => {
    expect(await gradient((x) => x.abs(), tensor([-2, 0, 2]))).toEqual([[-1, 0, 1]]);
  });

  test('max and min share among equals', async () => {
    const x = tensor([
      [3, 1, 3],
      [2, 2, 2],
    ]);
    expect(await gradient((t) => t.max(-1), x)).toEqual([[0.5, 0, 0.5, 1 / 3, 1 / 3, 1 / 3]]);
    expect(await gradient((t) => t.min(-1), x)).toEqual([[0, 1, 0, 1 / 3, 1 / 3, 1 / 3]]);
  });

  test('pow at 0 is finite where the derivative is', async () => {
    const [base, exponent] = [tensor([0, 0, 0, 2]), tensor([0, 1, 2, 0])];
    expect(await gradient((x, y) => x.pow(y), base, exponent)).toEqual([
      [0, 1, 0, 0],
      [0, 0, 0, Math.log(2)],
    ]);
    expect(await gradient((x) => x.pow(2), tensor([0, -3]))).toEqual([[0, -6]]);
    expect(await gradient((x) => x.pow(0), tensor([0, -3]))).toEqual([[0, 0]]);
    const second = await gradient((x, y) => grad(x.pow(y).sum(), x), base, exponent);
    expect(second[0].map((value) => value + 0)).toEqual([0, 0, 2, 0]);
    expect(second[1].every(Number.isFinite)).toBe(true);
  });
});

test('sumTo undoes broadcasting', async () => {
  const x = constant([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  expect(sumTo(x, [2, 3])).toBe(x);
  expect(Array.from(await sumTo(x, [3]).data())).toEqual([5, 7, 9]);
  expect(Array.from(await sumTo(x, [2, 1]).data())).toEqual([6, 15]);
  expect(Array.from(await sumTo(x, []).data())).toEqual([21]);
  expect(Array.from(await sumTo(constant(new Float32Array(0), [0, 3]), [1, 3]).data())).toEqual([0, 0, 0]);
});
