import { grad } from '@qkv/autograd';
import { capture, initialize, patch } from '@qkv/nn';
import {
  compile,
  constant,
  createReferenceBackend,
  Engine,
  type HostData,
  run,
  tensor,
  type Tensor,
} from '@qkv/tensor';
import { expect, test } from 'vitest';

import { Decoder } from './decoder';
import { Encoder } from './encoder';
import { MultiHeadAttention } from './multi-head-attention';
import { doubles, numbers, on, random, worst } from '../test/support';

const [B, T, S, D, H, LAYERS] = [2, 5, 4, 8, 2, 3];

function encoder(): Encoder {
  const model = new Encoder({
    dimension: D,
    heads: H,
    feedForward: 16,
    layers: LAYERS,
    normalization: 'pre',
    activation: 'gelu',
  });
  initialize(model, { seed: 1 });
  return model;
}

function decoder(): Decoder {
  const model = new Decoder({ dimension: D, heads: H, feedForward: 16, layers: LAYERS });
  initialize(model, { seed: 2 });
  return model;
}

test('captured attention is what attentionWeights computes, in every layer', async () => {
  const [model, x, memory] = [decoder(), random([B, T, D], 3), random([B, S, D], 4)];
  const memoryMask = constant(Uint8Array.of(1, 1, 0, 1, 1, 0, 1, 1), [B, 1, 1, S], 'bool');
  const { captured } = capture(model, { cross: '*.crossAttention', self: '0.selfAttention' }, () =>
    model.forward(x, memory, { memoryMask }),
  );
  const expected = model.crossAttentionWeights(x, memory, { memoryMask });
  expect(captured.cross).toHaveLength(LAYERS);
  const self = model.layers[0].selfAttention.attentionWeights(x, x, { causal: true });
  const values = await on(doubles(), captured.self, self, ...captured.cross, ...expected);
  expect(worst(values[0], values[1])).toBeLessThan(1e-12);
  for (let i = 2; i < 2 + LAYERS; i++) expect(worst(values[i], values[i + LAYERS])).toBeLessThan(1e-12);
});

test.each([
  { keyValueHeads: 1, queryKeyNorm: true },
  { score: 'general', softCap: 5 },
  { score: 'additive', sinks: true },
  { normalization: 'entmax15', bias: false },
  { window: { before: 1, after: 1 } },
] as const)('every kind of attention shows its weights: %j', async (options) => {
  const [attention, engine, x] = [
    new MultiHeadAttention({ dimension: D, heads: H, ...options }),
    doubles(),
    random([B, T, D], 12),
  ];
  initialize(attention, { seed: 3 });
  const plain = attention.forward(x);
  const { output, captured } = capture(attention, '', () => attention.forward(x));
  const back = patch(attention, { attention: captured }, () => attention.forward(x));
  const ablated = patch(attention, { '': (weights: Tensor) => weights.mul(0) }, () => attention.forward(x));
  const values = await on(engine, plain, output, back, captured, attention.attentionWeights(x), ablated);
  expect(captured.shape).toEqual([B, H, T, T]);
  expect(worst(values[1], values[0])).toBeLessThan(1e-12);
  expect(worst(values[2], values[1])).toBe(0);
  expect(worst(values[3], values[4])).toBeLessThan(1e-12);
  expect(worst(values[5], values[0])).toBeGreaterThan(1e-2);
});

test('decoding token by token shows the row of each token', async () => {
  const [model, engine, data, memory] = [decoder(), doubles(), numbers(B * T * D, 13), random([B, S, D], 14)];
  const x = constant(data, [B, T, D]);
  const whole = capture(model, ['0.selfAttention', '1.crossAttention'], () => model.forward(x, memory)).captured;
  const [self, cross] = await on(engine, ...whole);
  const cache = model.createCache(B, T, S);
  const values = Float64Array.from((await on(engine, memory))[0]);
  await run(() => model.remember(cache, constant(values, [B, S, D])), { engine });
  for (let t = 0; t < T; t++) {
    const rows = await run(
      () => {
        const token = constant(data, [B, T, D]).slice([0, t], [B, 1]);
        const step = (): Tensor => model.step(token, cache, constant(Int32Array.of(t), []));
        return capture(model, ['0.selfAttention', '1.crossAttention'], step).captured;
      },
      { engine },
    );
    const [own, other] = await Promise.all(rows.map((row) => row.data()));
    expect(rows.map(({ shape }) => shape)).toEqual([
      [B, H, 1, T],
      [B, H, 1, S],
    ]);
    for (let i = 0; i < B * H; i++) {
      expect(worst(own.slice(i * T, (i + 1) * T), self.slice((i * T + t) * T, (i * T + t + 1) * T))).toBeLessThan(
        1e-12,
      );
      expect(worst(other.slice(i * S, (i + 1) * S), cross.slice((i * T + t) * S, (i * T + t + 1) * S))).toBeLessThan(
        1e-12,
      );
    }
  }
});

test.each([
  ['float32', 1e-6],
  ['float64', 1e-12],
] as const)('the output is the same, to rounding in %s', async (precision, tolerance) => {
  const [model, x, engine] = [encoder(), random([B, T, D], 5), new Engine(createReferenceBackend({ precision }))];
  const paths = ['*.selfAttention', '*.selfAttention.output', '*', '*.norm1', 'norm'];
  const { output } = capture(model, paths, () => model.forward(x));
  const [plain, captured] = await on(engine, model.forward(x), output);
  expect(worst(captured, plain)).toBeLessThan(tolerance);
});

/** The reference engine's plans, as if it had fused kernels for these. */
function fusing(...kernels: string[]): Engine {
  const backend = createReferenceBackend();
  const supports = ({ kernel }: { readonly kernel: string }): boolean => kernels.includes(kernel);
  return new Engine({ ...backend, capabilities: { ...backend.capabilities, supports } });
}

test('only the captured layer forms its attention; the others stay fused', () => {
  const [model, x, engine] = [encoder(), random([B, T, D], 6), fusing('attention', 'softmax')];
  const kernels = (...paths: string[]): string[] => {
    const fn = compile(
      (input: Tensor) => {
        if (paths.length === 0) return [model.forward(input)]; // nobody looks
        const { output, captured } = capture(model, paths, () => model.forward(input));
        return [output, ...(captured.flat() as Tensor[])];
      },
      { engine },
    );
    const names = fn.explain(x).matchAll(/^\d+ +(attention|softmax) /gm);
    return [...names].map(([, name]) => name);
  };
  expect(kernels()).toEqual(['attention', 'attention', 'attention']);
  expect(kernels('1.selfAttention')).toEqual(['attention', 'softmax', 'attention']);
  expect(kernels('1', '2.feedForward.inner', '0.selfAttention.output')).toEqual(kernels());
});

const lossOf = (y: Tensor): Tensor => y.mul(constant(numbers(B * T * D, 8), [B, T, D])).sum();

test.each(['1.selfAttention', '1', '1.feedForward.inner'])(
  'the gradient with respect to %s is that of finite differences by patching',
  async (path) => {
    const [model, engine, data] = [encoder(), doubles(), numbers(B * T * D, 7)];
    const [value, gradient] = await run(
      () => {
        const { output, captured } = capture(model, path, () => model.forward(constant(data, [B, T, D])));
        const one = captured as Tensor;
        return [one, grad(lossOf(output), one)] as const;
      },
      { engine },
    );
    const [values, gradients] = [Float64Array.from(await value.data()), await gradient.data()];
    const loss = compile(
      (x: Tensor, replacement: Tensor) => lossOf(patch(model, { [path]: replacement }, () => model.forward(x))),
      { engine },
    );
    const at = async (i: number, step: number): Promise<number> => {
      const moved = values.map((v, j) => (i === j ? v + step : v));
      return (await loss(tensor(data, [B, T, D]), tensor(moved, value.shape))).item();
    };
    const h = 1e-3;
    for (let i = 0; i < values.length; i += 7) {
      // Five points: the error is of the order of h⁴.
      const near = (await at(i, h)) - (await at(i, -h));
      const far = (await at(i, 2 * h)) - (await at(i, -2 * h));
      expect(Math.abs((8 * near - far) / (12 * h) - gradients[i])).toBeLessThan(1e-9);
    }
  },
);

test('patching the captured value back changes nothing; zeros do', async () => {
  const [model, x, engine] = [encoder(), random([B, T, D], 9), doubles()];
  for (const path of ['0.selfAttention', '1', '2.norm2']) {
    const { output, captured } = capture(model, path, () => model.forward(x));
    const back = patch(model, { [path]: captured as Tensor }, () => model.forward(x));
    const zero = patch(model, { [path]: (value: Tensor) => value.mul(0) }, () => model.forward(x));
    const [plain, same, ablated] = (await on(engine, output, back, zero)) as [HostData, HostData, HostData];
    expect(worst(same, plain)).toBe(0);
    expect(worst(ablated, plain)).toBeGreaterThan(1e-2);
  }
});

test('causal tracing: one position of another run, put into this one', async () => {
  const [model, clean, noisy] = [encoder(), random([1, T, D], 10), random([1, T, D], 11)];
  const { output, captured } = capture(model, { states: 'layers.*' }, () => model.forward(clean));
  const restored = patch(model, { [`${LAYERS - 1}`]: captured.states.at(-1)! }, () => model.forward(noisy));
  const [expected, got] = await on(doubles(), output, restored);
  expect(worst(got, expected)).toBe(0);
});
