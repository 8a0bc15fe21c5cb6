import { type Attributes, internals, read, type Tensor, tensor, zeros } from '@qkv/tensor';
import { describe, expect, test } from 'vitest';

import { float64, Generator, largestDifference } from '../test/generate';
import { checkGradient, grad } from './index';

interface Case {
  readonly inputs: readonly Tensor[];
  readonly attributes?: Attributes;
}

const elementwise = (random: Generator): Case[] =>
  [[], [1], [0], [2, 3]].map((shape) => ({ inputs: [random.values(shape, -3, 3)] }));
const elementwiseBackward = (random: Generator): Case[] =>
  [[], [0], [2, 3]].map((shape) => ({ inputs: [random.values(shape, -3, 3), random.values(shape)] }));
const rows = (random: Generator): Case[] =>
  [[1], [3], [2, 4], [0, 3], [2, 2, 3]].map((shape) => ({ inputs: [random.values(shape)] }));
const rowsBackward = (random: Generator): Case[] =>
  [[1], [3], [2, 4]].map((shape) => ({ inputs: [random.values(shape), random.values(shape)] }));

const epsilon = { epsilon: 1e-2 };
const norms =
  (vectors: number) =>
  (random: Generator): Case[] =>
    [[4], [2, 3], [2, 1, 3], [0, 3], [2, 1]].map((shape) => ({
      inputs: [random.values(shape), ...Array.from({ length: vectors }, () => random.values([shape.at(-1)!]))],
      attributes: epsilon,
    }));
const normsBackward =
  (statistics: number) =>
  (random: Generator): Case[] =>
    [[4], [2, 3]].map((shape) => ({
      inputs: [
        random.values(shape),
        random.values([shape.at(-1)!]),
        ...Array.from({ length: statistics }, () => random.values(shape.slice(0, -1))),
        random.values(shape),
      ],
      attributes: epsilon,
    }));

interface AttentionCase {
  readonly sizes: readonly [B: number, T: number, S: number, H: number, Dh: number, Dv: number];
  readonly causal?: boolean;
  readonly mask?: Tensor;
  readonly bias?: boolean;
}

/** The last row of the second mask may attend to nothing. */
const attentionCases = (): AttentionCase[] => [
  { sizes: [1, 1, 1, 1, 1, 1] },
  { sizes: [2, 2, 3, 1, 2, 3] },
  { sizes: [1, 3, 3, 2, 2, 1], causal: true },
  {
    sizes: [1, 2, 3, 1, 2, 2],
    mask: tensor([
      [
        [
          [true, false, true],
          [false, false, false],
        ],
      ],
    ]),
  },
  {
    sizes: [2, 2, 2, 1, 1, 1],
    causal: true,
    mask: tensor([
      [
        [
          [true, true],
          [true, true],
        ],
      ],
      [
        [
          [false, true],
          [false, true],
        ],
      ],
    ]),
    bias: true,
  },
  { sizes: [1, 2, 2, 2, 1, 2], bias: true },
];

function attention(random: Generator): Case[] {
  return attentionCases().map(({ sizes: [B, T, S, H, Dh, Dv], causal = false, mask, bias = false }) => ({
    inputs: [
      random.values([B, T, H, Dh]),
      random.values([B, S, H, Dh]),
      random.values([B, S, H, Dv]),
      ...(mask === undefined ? [] : [mask]),
      ...(bias ? [random.values([B, H, T, S])] : []),
    ],
    attributes: { scale: 0.7, causal, mask: mask !== undefined, bias },
  }));
}

function attentionBackward(random: Generator): Case[] {
  return attention(random)
    .slice(1)
    .map(({ inputs: [q, k, v, ...extra], attributes }) => {
      const [B, T, H] = q.shape;
      const o = [B, T, H, v.shape[3]];
      return {
        inputs: [q, k, v, random.values(o), random.values([B, H, T], 1, 2), random.values(o), ...extra],
        attributes,
      };
    });
}

const targets = ({ ignoreIndex }: { ignoreIndex: number }): Tensor => tensor(Int32Array.of(2, ignoreIndex, 1), [3]);
const crossEntropyAttributes = [
  { smoothing: 0, ignoreIndex: -100 },
  { smoothing: 0.3, ignoreIndex: 0 },
];
const state = tensor(Int32Array.of(7, 0, 3, 0), [4]);

const adamWCases = (random: Generator): Case[] =>
  [true, false].map((decoupled) => ({
    inputs: [
      ...[0, 1, 2].map(() => random.values([2, 2])),
      random.values([2, 2], 0.5, 2),
      ...[0.1, 0.3, 0.2, 1.5].map((value) => tensor(Float64Array.of(value), [])),
    ],
    attributes: { beta1: 0.9, beta2: 0.95, epsilon: 1e-3, weightDecay: 0.1, decoupled },
  }));

/** Batch, length, hidden size; a mask; backwards in time. */
const recurrences = [
  { sizes: [1, 1, 1], reverse: false },
  { sizes: [2, 3, 2], reverse: false },
  { sizes: [2, 3, 1], reverse: true },
  { sizes: [1, 3, 2], reverse: false, mask: [1, 0, 1] },
  { sizes: [2, 3, 1], reverse: true, mask: [1, 0, 1, 0, 1, 0] },
] as const;

/** `first`: the operands but for the mask; after them, where it is the gradient, sequences (B, T, H). */
const recurrence =
  (first: (random: Generator, B: number, T: number, H: number) => Tensor[], sequences = 0) =>
  (random: Generator): Case[] =>
    recurrences.slice(sequences === 0 ? 0 : 2).map(({ sizes: [B, T, H], reverse, ...rest }) => ({
      inputs: [
        ...first(random, B, T, H),
        ...Array.from({ length: sequences }, () => random.values([B, T, H])),
        ...('mask' in rest ? [tensor(Uint8Array.from(rest.mask), [B, T])] : []),
      ],
      attributes: { reverse },
    }));
const lstmOperands = (random: Generator, B: number, T: number, H: number): Tensor[] =>
  [
    [B, T, 4 * H],
    [4 * H, H],
    [B, H],
    [B, H],
  ].map((shape) => random.values(shape));
const gruOperands = (random: Generator, B: number, T: number, H: number): Tensor[] =>
  [[B, T, 3 * H], [3 * H, H], [3 * H], [B, H]].map((shape) => random.values(shape));

const cases: Readonly<Record<string, (random: Generator) => Case[]>> = {
  ...Object.fromEntries(
    ['sigmoid', 'gelu', 'geluTanh', 'silu', 'softplus'].flatMap((name) => [
      [name, elementwise],
      [`${name}Backward`, elementwiseBackward],
    ]),
  ),
  softmax: rows,
  softmaxBackward: rowsBackward,
  logSoftmax: rows,
  logSoftmaxBackward: rowsBackward,
  layerNorm: norms(2),
  layerNormBackward: normsBackward(2),
  rmsNorm: norms(1),
  rmsNormBackward: normsBackward(1),
  attention,
  attentionBackward,
  crossEntropy: (random) =>
    crossEntropyAttributes.map((attributes) => ({
      inputs: [random.values([3, 3]), targets(attributes)],
      attributes,
    })),
  crossEntropyBackward: (random) =>
    crossEntropyAttributes.map((attributes) => ({
      inputs: [random.values([3, 3]), targets(attributes), random.values([3], 1, 2), random.values([3])],
      attributes,
    })),
  dropout: (random) =>
    [[], [0], [2, 3]].map((shape) => ({ inputs: [random.values(shape), state], attributes: { rate: 0.4, site: 5 } })),
  lstm: recurrence(lstmOperands),
  lstmBackward: recurrence(lstmOperands, 4),
  gru: recurrence(gruOperands),
  gruBackward: recurrence(gruOperands, 2),
  adamW: adamWCases,
  writeAt: (random) =>
    [0, 1].flatMap((axis) =>
      [-1, 0, 2].map((position) => ({
        inputs: [
          random.values([3, 2]),
          random.values(axis === 0 ? [1, 2] : [3, 1]),
          tensor(Int32Array.of(position), [], 'int32'),
        ],
        attributes: { axis },
      })),
    ),
};

type Fn = (xs: readonly Tensor[]) => readonly Tensor[];
const fused =
  (name: string, attributes?: Attributes): Fn =>
  (xs) =>
    internals.applyTensors(name, xs, attributes);
const decomposed =
  (name: string, attributes: Attributes = {}): Fn =>
  (xs) => {
    const operation = internals.operationOf(name);
    if (operation?.kind !== 'composite') throw new Error(`${name} is no composite`);
    return operation.decompose(xs, attributes);
  };

const floats = (xs: readonly Tensor[]): readonly Tensor[] => xs.filter((x) => x.dtype === 'float32');

/** One scalar in which every element has a weight of its own; values that are −∞ for a masked row are left out. */
function mixed(outputs: readonly Tensor[], random: Generator): Tensor {
  return outputs
    .map((output) => output.mul(random.values(output.shape)).sum())
    .reduce((total, part) => total.add(part), zeros([]));
}

/** First and second derivatives of the first output alone, and of all of them where `all`. */
function derivatives(
  fn: Fn,
  xs: readonly Tensor[],
  all: boolean,
): { first: readonly Tensor[]; second: readonly Tensor[] } {
  const outputs = fn(xs);
  const wrt = floats(xs);
  const first = grad(mixed(all ? outputs : outputs.slice(0, 1), new Generator(1)), wrt, { unused: 'zero' });
  const second = grad(mixed(first, new Generator(2)), wrt, { unused: 'zero' });
  return { first, second };
}

/** A row that may attend to nothing has a log-sum-exp of −∞, which has no finite weight. */
const finiteOutputs = (name: string, { attributes }: Case): boolean =>
  name !== 'attention' || attributes?.['mask'] !== true;

test('there are cases for every composite, and for nothing else', () => {
  const names = internals.operationNames('composite');
  expect(Object.keys(cases).toSorted()).toEqual(names.toSorted());
});

describe.each(Object.keys(cases))('%s', (name) => {
  const engine = float64();
  const list = (): Case[] => cases[name](new Generator(Object.keys(cases).indexOf(name)));
  const numbers = (tensors: readonly Tensor[]) => read(tensors, { engine });

  test('is its decomposition: values, first and second derivatives', async () => {
    for (const one of list()) {
      const { inputs, attributes } = one;
      const [f, d] = [fused(name, attributes), decomposed(name, attributes)];
      expect(await largestDifference(finite(f(inputs)), finite(d(inputs)), numbers), 'values').toBeLessThanOrEqual(
        1e-10,
      );
      for (const all of finiteOutputs(name, one) ? [false, true] : [false]) {
        const [left, right] = [derivatives(f, inputs, all), derivatives(d, inputs, all)];
        const where = `[${inputs.map((x) => `[${x.shape.join(', ')}]`).join(' ')}], ${all ? 'all outputs' : 'first output'}`;
        expect(await largestDifference(left.first, right.first, numbers), `first, ${where}`).toBeLessThanOrEqual(1e-10);
        expect(await largestDifference(left.second, right.second, numbers), `second, ${where}`).toBeLessThanOrEqual(
          1e-10,
        );
      }
    }
  });

  test('agrees with finite differences, first and second', async () => {
    for (const { inputs, attributes } of list()) {
      const f = fused(name, attributes);
      const value = (...xs: readonly Tensor[]) => f(xs).slice(0, 1);
      const gradient = (...xs: readonly Tensor[]) =>
        grad(
          mixed(
            f(xs)
              .slice(0, 1)
              .map((y) => y.square()),
            new Generator(3),
          ),
          floats(xs),
          { unused: 'zero' },
        );
      const shapes = inputs.map((x) => `[${x.shape.join(', ')}]`).join(' ');
      for (const [order, fn] of [value, gradient].entries()) {
        const report = await checkGradient(fn, inputs, { engine });
        expect(report.error, `order ${order + 1}, ${shapes} ${JSON.stringify(report)}`).toBeLessThan(1e-6);
      }
    }
  });
});

/** exp maps −∞ to 0: comparable. */
function finite(outputs: readonly Tensor[]): readonly Tensor[] {
  return outputs.map((output) => output.exp());
}
