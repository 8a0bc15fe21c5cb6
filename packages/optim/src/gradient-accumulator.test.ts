import { grad } from '@qkv/autograd';
import {
  compile,
  createReferenceBackend,
  Engine,
  constant,
  Parameter,
  philox,
  run,
  type Tensor,
  zeros,
} from '@qkv/tensor';
import { describe, expect, test } from 'vitest';

import { distance } from '../test/goldens';
import { AdamW } from './adam';
import { GradientAccumulator } from './gradient-accumulator';

const [ROWS, IN, HIDDEN, OUT] = [16, 5, 7, 3];

/** Uniform in (−1, 1). */
function numbers(count: number, stream: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => (philox([i, 0, 0, 0], [stream, 0])[0] >>> 8) / 2 ** 23 - 1);
}

const make = (name: string, shape: number[], stream: number): Parameter =>
  new Parameter({
    shape,
    initialize: () =>
      constant(
        numbers(
          shape.reduce((a, b) => a * b, 1),
          stream,
        ),
        shape,
      ),
    name,
  });

interface Loss {
  readonly sum: Tensor;
  readonly weight: Tensor;
}

/** A model of two layers; rows have different weights, and whole micro-batches different totals. */
function setUp() {
  const parameters = [make('w1', [IN, HIDDEN], 1), make('b1', [HIDDEN], 2), make('w2', [HIDDEN, OUT], 3)];
  const [w1, b1, w2] = parameters;
  const loss = (x: Tensor, y: Tensor, weights: Tensor): Loss => {
    const output: Tensor = x.matmul(w1).add(b1).tanh().matmul(w2);
    const rows = output.sub(y).square().sum(1);
    return { sum: rows.mul(weights).sum(), weight: weights.sum() };
  };
  return { parameters, loss };
}

const x = numbers(ROWS * IN, 4);
const y = numbers(ROWS * OUT, 5);
const weights = Float32Array.from({ length: ROWS }, (_, i) => (i % 5 === 0 ? 0 : i < 4 ? 1 : 3));
const part = (i: number, of: number): [Tensor, Tensor, Tensor] => {
  const [from, to] = [(i * ROWS) / of, ((i + 1) * ROWS) / of];
  const rows = to - from;
  return [
    constant(x.slice(from * IN, to * IN), [rows, IN]),
    constant(y.slice(from * OUT, to * OUT), [rows, OUT]),
    constant(weights.slice(from, to), [rows]),
  ];
};
const largest = (data: ArrayLike<number>): number =>
  Array.from(data).reduce((most, v) => Math.max(most, Math.abs(v)), 0);

describe('four micro-batches', () => {
  test('give the gradient of one batch, within a millionth of the largest element', async () => {
    const { parameters, loss } = setUp();
    const whole = await run(() => {
      const { sum, weight } = loss(...part(0, 1));
      return grad(sum.div(weight), parameters) as readonly Tensor[];
    });
    const accumulator = new GradientAccumulator(parameters);
    const add = compile((...batch: Tensor[]) => {
      const { sum, weight } = loss(batch[0], batch[1], batch[2]);
      accumulator.add(grad(sum, parameters), weight);
    });
    for (let i = 0; i < 4; i++) await add(...part(i, 4));
    const summed = await run(() => accumulator.take());
    for (const [i, gradient] of whole.entries()) {
      const expected = await gradient.data();
      const error = distance(await summed[i].data(), expected) / largest(expected);
      expect(error).toBeLessThanOrEqual(1e-6);
    }
  });

  test('give the weights of one batch, after eight steps of AdamW', async () => {
    const [one, four] = [setUp(), setUp()];
    // In float64, because Adam divides by the size of the gradient: it makes a rounding of a tiny one a whole step.
    const [engine, other] = [0, 1].map(() => new Engine(createReferenceBackend({ precision: 'float64' })));
    const options = { learningRate: 0.01, clipNorm: 1 };
    const optimizers = [one, four].map(({ parameters }) => new AdamW(parameters, options));
    const accumulator = new GradientAccumulator(four.parameters);
    const step = compile(
      (...batch: Tensor[]) => {
        const { sum, weight } = one.loss(batch[0], batch[1], batch[2]);
        optimizers[0].apply(grad(sum.div(weight), one.parameters));
      },
      { mode: 'train', engine },
    );
    const add = compile(
      (...batch: Tensor[]) => {
        const { sum, weight } = four.loss(batch[0], batch[1], batch[2]);
        accumulator.add(grad(sum, four.parameters), weight);
      },
      { mode: 'train', engine: other },
    );
    const update = compile(() => void optimizers[1].apply(accumulator.take()), { mode: 'train', engine: other });
    for (let s = 0; s < 8; s++) {
      await step(...part(0, 1));
      for (let i = 0; i < 4; i++) await add(...part(i, 4));
      await update();
    }
    for (const [i, parameter] of one.parameters.entries()) {
      const expected = await parameter.data();
      expect(distance(await four.parameters[i].data(), expected)).toBeLessThanOrEqual(1e-12);
      expect(distance(await make(parameter.name, [...parameter.shape], i + 1).data(), expected)).toBeGreaterThan(0.01);
    }
  });

  test('in float32 too, within a millionth of the largest weight', async () => {
    const [one, four] = [setUp(), setUp()];
    const optimizers = [one, four].map(({ parameters }) => new AdamW(parameters, { learningRate: 0.01 }));
    const accumulator = new GradientAccumulator(four.parameters);
    const step = compile(
      (...batch: Tensor[]) => {
        const { sum, weight } = one.loss(batch[0], batch[1], batch[2]);
        optimizers[0].apply(grad(sum.div(weight), one.parameters));
      },
      { mode: 'train' },
    );
    // All micro-batches and the update in one compiled step.
    const whole = compile(
      (...batch: Tensor[]) => {
        for (let i = 0; i < 4; i++) {
          const { sum, weight } = four.loss(batch[3 * i], batch[3 * i + 1], batch[3 * i + 2]);
          accumulator.add(grad(sum, four.parameters), weight);
        }
        optimizers[1].apply(accumulator.take());
      },
      { mode: 'train' },
    );
    for (let s = 0; s < 8; s++) {
      await step(...part(0, 1));
      await whole(...[0, 1, 2, 3].flatMap((i) => part(i, 4)));
    }
    for (const [i, parameter] of one.parameters.entries()) {
      const expected = await parameter.data();
      expect(distance(await four.parameters[i].data(), expected) / largest(expected)).toBeLessThanOrEqual(1e-6);
    }
  });
});

const tiny = (): { w: Parameter; accumulator: GradientAccumulator } => {
  const w = new Parameter({ shape: [2], initialize: () => zeros([2]), name: 'w' });
  return { w, accumulator: new GradientAccumulator([w]) };
};

test('take divides once by the total weight, and starts again from 0', async () => {
  const { accumulator } = tiny();
  const add = compile((gradient: Tensor, weight: Tensor) => accumulator.add([gradient], weight));
  const take = compile(() => accumulator.take());
  await add(constant([6, 1]), constant(3));
  await add(constant([2, 1]), constant(1));
  expect(await (await take())[0].data()).toEqual(Float32Array.of(2, 0.5));
  expect(await (await take())[0].data()).toEqual(Float32Array.of(0, 0));
  await add(constant([5, 5]), constant(5));
  expect(await (await take())[0].data()).toEqual(Float32Array.of(1, 1));
});

test('names its state for checkpoints, and release starts from 0', async () => {
  const { accumulator } = tiny();
  expect([...accumulator.namedVariables().keys()]).toEqual(['weight', 'sum.w']);
  await run(() => accumulator.add([constant([1, 1])], 1));
  accumulator.release();
  expect(accumulator.variables().every(({ handle }) => handle === null)).toBe(true);
  expect(await accumulator.variables()[1].data()).toEqual(Float32Array.of(0, 0));
});

test('wants one gradient for each parameter, of its shape', async () => {
  const { accumulator, w } = tiny();
  expect(() => run(() => accumulator.add([], 1))).toThrow('GradientAccumulator.add: expected 1 gradients, got 0');
  expect(() => run(() => accumulator.add([constant([1, 2, 3])], 1))).toThrow();
  expect(() => accumulator.add([constant([1, 2])], 1)).toThrow('outside run(fn) or compile(fn)');
  expect(() => new GradientAccumulator([w, w])).toThrow("GradientAccumulator: parameter 'w' is listed twice");
});
