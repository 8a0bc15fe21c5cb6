import { grad } from '@qkv/autograd';
import { compile, constant, type Engine, read, type Shape, type Tensor, zeros } from '@qkv/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { difference, float64, numbers } from '../test/numbers';
import { Conv1d } from './conv1d';
import { Conv2d } from './conv2d';
import { loadStateDict } from './state-dict';

// Values and gradients against torch: tooling/conformance/src/goldens/convolutions.ts.

interface Axis {
  readonly length: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
}

const anyAxis = fc
  .record({
    length: fc.integer({ min: 1, max: 7 }),
    kernel: fc.integer({ min: 1, max: 4 }),
    stride: fc.integer({ min: 1, max: 3 }),
    padding: fc.integer({ min: 0, max: 3 }),
    dilation: fc.integer({ min: 1, max: 3 }),
  })
  .filter(({ length, kernel, padding, dilation }) => length + 2 * padding >= dilation * (kernel - 1) + 1);
const anyChannels = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  groups: fc.integer({ min: 1, max: 3 }),
  inputsEach: fc.integer({ min: 1, max: 2 }),
  outputsEach: fc.integer({ min: 1, max: 2 }),
  bias: fc.boolean(),
  same: fc.boolean(),
});
type Channels = typeof anyChannels extends fc.Arbitrary<infer T> ? T : never;

/** From the formula, one multiplication at a time: y, and the gradients of Σ G·y. Two axes; the first may be of length 1. */
function naive(
  { batch, groups, inputsEach, outputsEach }: Channels,
  [vertical, horizontal]: readonly (Axis & { readonly count: number })[],
  x: Float64Array,
  weight: Float64Array,
  bias: Float64Array,
  G: Float64Array,
): Record<'y' | 'dx' | 'dWeight' | 'dBias', Float64Array> {
  const [C, O] = [groups * inputsEach, groups * outputsEach];
  const y = new Float64Array(G.length);
  const [dx, dWeight, dBias] = [x, weight, bias].map(({ length }) => new Float64Array(length));
  for (let at = 0; at < G.length; at++) {
    const o = at % O;
    const column = Math.floor(at / O) % horizontal.count;
    const row = Math.floor(at / O / horizontal.count) % vertical.count;
    const b = Math.floor(at / O / horizontal.count / vertical.count);
    y[at] += bias[o];
    dBias[o] += G[at];
    for (let c = 0; c < inputsEach; c++) {
      for (let i = 0; i < vertical.kernel; i++) {
        for (let j = 0; j < horizontal.kernel; j++) {
          const h = row * vertical.stride + i * vertical.dilation - vertical.padding;
          const w = column * horizontal.stride + j * horizontal.dilation - horizontal.padding;
          if (h < 0 || h >= vertical.length || w < 0 || w >= horizontal.length) continue;
          const channel = Math.floor(o / outputsEach) * inputsEach + c;
          const from = ((b * vertical.length + h) * horizontal.length + w) * C + channel;
          const by = ((o * inputsEach + c) * vertical.kernel + i) * horizontal.kernel + j;
          y[at] += weight[by] * x[from];
          dx[from] += weight[by] * G[at];
          dWeight[by] += x[from] * G[at];
        }
      }
    }
  }
  expect(batch * vertical.count * horizontal.count * O).toBe(G.length);
  return { y, dx, dWeight, dBias };
}

/** torch's output size, and with `same` its padding: of an odd number the larger part behind. */
function planned(axis: Axis, same: boolean): Axis & { count: number } {
  const span = axis.dilation * (axis.kernel - 1);
  if (same) return { ...axis, stride: 1, padding: Math.floor(span / 2), count: axis.length };
  return { ...axis, count: Math.floor((axis.length + 2 * axis.padding - span - 1) / axis.stride) + 1 };
}

async function compareWithLoops(channels: Channels, axes: readonly Axis[], engine: Engine): Promise<void> {
  const { batch, groups, inputsEach, outputsEach, bias, same } = channels;
  const two = axes.map((axis) => planned(axis, same));
  const single: Axis & { count: number } = { length: 1, kernel: 1, stride: 1, padding: 0, dilation: 1, count: 1 };
  const sizes = (name: keyof Axis): [number, number] => [two[0][name], two.at(-1)![name]];
  const options = {
    inputs: groups * inputsEach,
    outputs: groups * outputsEach,
    groups,
    bias,
    ...(same ? { padding: 'same' as const } : {}),
  };
  const layer =
    axes.length === 1
      ? new Conv1d({ ...two[0], ...options })
      : new Conv2d({
          kernel: sizes('kernel'),
          stride: sizes('stride'),
          padding: sizes('padding'),
          dilation: sizes('dilation'),
          ...options,
        });
  const shape: Shape = [batch, ...two.map(({ length }) => length), options.inputs];
  const outShape: Shape = [batch, ...two.map(({ count }) => count), options.outputs];
  const x = numbers(shape, 1);
  const weight = numbers(layer.weight.shape, 2);
  const biases = bias ? numbers([options.outputs], 3) : new Float64Array(options.outputs);
  const G = numbers(outShape, 4);
  const entries = new Map([
    ['weight', { shape: layer.weight.shape, data: weight }],
    ...(bias ? ([['bias', { shape: [options.outputs], data: biases }]] as const) : []),
  ]);
  await loadStateDict(layer, entries, { engine });
  const computed = await compile(
    () => {
      const input: Tensor = constant(x, shape);
      const output = layer.forward(input);
      expect(output.shape).toEqual(outShape);
      return [output, ...grad(output.mul(constant(G, outShape)).sum(), [input, ...layer.parameters()])];
    },
    { engine },
  )();
  const expected = naive(channels, axes.length === 1 ? [single, two[0]] : two, x, weight, biases, G);
  const { y, dx, dWeight, dBias } = expected;
  const wanted = [y, dx, dWeight, ...(bias ? [dBias] : [])];
  const actual = await read(computed, { engine });
  expect(actual).toHaveLength(wanted.length);
  actual.forEach((data, i) => expect(difference(data, wanted[i])).toBeLessThan(1e-12));
}

describe('convolutions are their formula, values and gradients, in float64', () => {
  test('Conv1d', async () => {
    const engine = float64();
    await fc.assert(
      // `same` needs a window that fits, whatever the padding: it always does.
      fc.asyncProperty(anyChannels, anyAxis, (channels, axis) => compareWithLoops(channels, [axis], engine)),
      { seed: 1, numRuns: 120 },
    );
  });

  test('Conv2d', async () => {
    const engine = float64();
    await fc.assert(
      fc.asyncProperty(anyChannels, anyAxis, anyAxis, (channels, ...axes) => compareWithLoops(channels, axes, engine)),
      { seed: 2, numRuns: 120 },
    );
  });
});

describe('plans', () => {
  const kernelsOf = (layer: Conv1d | Conv2d, shape: Shape): string[] => {
    const text = compile((x: Tensor) => layer.forward(x), { engine: float64() }).explain(zeros(shape) as Tensor);
    return text
      .split('\n')
      .slice(1, -1)
      .map((line) => line.split(/ +/)[1]);
  };
  const count = (kernels: string[], name: string): number => kernels.filter((kernel) => kernel.startsWith(name)).length;

  test('a kernel of 1 copies nothing; one as wide as its stride neither, but for the order of rows and the weights', () => {
    const options = { inputs: 3, outputs: 4 };
    expect(kernelsOf(new Conv1d({ ...options, kernel: 1 }), [2, 6, 3])).toEqual(['matmul', 'elementwise(add)']);
    expect(kernelsOf(new Conv2d({ ...options, kernel: 1 }), [2, 6, 5, 3])).toEqual(['matmul', 'elementwise(add)']);
    const wide = kernelsOf(new Conv1d({ ...options, kernel: 3, stride: 3 }), [2, 6, 3]);
    expect(wide).toEqual(['copy', 'matmul', 'elementwise(add)']); // the weights
    const patches = kernelsOf(new Conv2d({ ...options, kernel: 2, stride: 2 }), [2, 6, 4, 3]);
    expect(patches).toEqual(['copy', 'copy', 'matmul', 'elementwise(add)']);
  });

  test('any other kernel is one product too, and takes ⌈kernel/stride⌉ copies for each axis', () => {
    const kernels = kernelsOf(new Conv2d({ inputs: 3, outputs: 4, kernel: 3, stride: 2, padding: 1 }), [2, 7, 7, 3]);
    expect(count(kernels, 'matmul')).toBe(1);
    expect(count(kernels, 'copy')).toBe(1 + 2 + 2 + 1); // padding, both axes, weights
    const grouped = kernelsOf(new Conv1d({ inputs: 4, outputs: 4, kernel: 3, groups: 4 }), [2, 7, 4]);
    expect(count(grouped, 'matmul')).toBe(1);
  });
});

test('first values are torch’s: U(−1/√fan-in, 1/√fan-in)', async () => {
  const layer = new Conv2d({ inputs: 8, outputs: 64, kernel: 5, groups: 2 });
  expect(layer.weight.shape).toEqual([64, 4, 5, 5]);
  for (const parameter of layer.parameters()) {
    const most = Math.max(...(await parameter.data()).map(Math.abs));
    expect(most).toBeLessThanOrEqual(0.1 * (1 + 1e-6));
    expect(most).toBeGreaterThan(0.09);
  }
  expect([...new Conv1d({ inputs: 1, outputs: 1, kernel: 1, bias: false }).namedParameters().keys()]).toEqual([
    'weight',
  ]);
});

describe('says what does not fit', () => {
  const of = (options: object): Conv1d => new Conv1d({ inputs: 4, outputs: 6, kernel: 3, ...options });
  test.each([
    [{ groups: 3 }, 'Conv1d: 3 groups must divide 4 inputs and 6 outputs'],
    [{ groups: 4 }, 'Conv1d: 4 groups must divide 4 inputs and 6 outputs'],
    [{ groups: 0 }, 'Conv1d: groups must be a positive integer, got 0'],
    [{ kernel: 0 }, 'Conv1d: kernel must be a positive integer, got 0'],
    [{ stride: 1.5 }, 'Conv1d: stride must be a positive integer, got 1.5'],
    [{ padding: -1 }, 'Conv1d: padding must be a non-negative integer, got -1'],
    [{ padding: 'valid' }, 'Conv1d: padding must be a non-negative integer, got valid'],
    [{ padding: 'same', stride: 2 }, "Conv1d: padding 'same' is for stride 1, got 2; give a number"],
  ])('%o', (options, message) => expect(() => of(options)).toThrow(new RangeError(message)));

  test('sizes of two dimensions', () => {
    expect(() => new Conv2d({ inputs: 1, outputs: 1, kernel: [3] as never })).toThrow(
      'Conv2d: kernel must be a positive integer, or 2 of them, got 3',
    );
  });

  test('inputs', () => {
    expect(() => of({}).forward(zeros([2, 7, 3]))).toThrow('Conv1d: expected a last dimension of 4, got [2, 7, 3]');
    expect(() => of({}).forward(zeros([7, 4]))).toThrow(
      'Conv1d: expected 3 dimensions, batch first and channels last, got [7, 4]',
    );
    expect(() => of({ dilation: 4, padding: 1 }).forward(zeros([2, 6, 4]))).toThrow(
      'Conv1d: a kernel that spans 9 does not fit dimension 1 of [2, 6, 4], 6 and 2 of padding; pad more',
    );
    expect(of({ dilation: 4, padding: 1 }).forward(zeros([2, 7, 4])).shape).toEqual([2, 1, 6]);
  });
});
