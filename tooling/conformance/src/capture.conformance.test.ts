import { Encoder } from '@qkv/attention';
import { capture, initialize } from '@qkv/nn';
import { compile, Engine, tensor, type Tensor } from '@qkv/tensor';
import { expect, test } from 'vitest';

import { BACKENDS } from './backends';
import { Sampler } from './sample';

const [B, T, D, H] = [3, 37, 64, 4];

test.each(BACKENDS)('%s: capturing one layer changes no other, and the output by rounding', async (_, create) => {
  const engine = new Engine(await create());
  const model = new Encoder({ dimension: D, heads: H, feedForward: 128, layers: 4 });
  initialize(model, { seed: 1 });
  const x = new Sampler(5).floats(B * T * D, -1, 1);
  const plain = compile((input: Tensor) => model.forward(input), { engine });
  const captured = compile((input: Tensor) => capture(model, '2.selfAttention', () => model.forward(input)), {
    engine,
  });
  const input = tensor(x, [B, T, D]);
  const [expected, { output, captured: weights }] = [await plain(input), await captured(input)];
  const [a, b, rows] = [await expected.data(), await output.data(), await weights.sum(-1).data()];
  const largest = (values: Iterable<number>): number => Math.max(...[...values].map(Math.abs));
  expect(largest(b.map((value, i) => value - a[i]))).toBeLessThan(1e-6 * largest(a));
  expect(weights.shape).toEqual([B, H, T, T]);
  for (const sum of rows) expect(Math.abs(sum - 1)).toBeLessThan(1e-6);
  // The layers beside it keep their kernels: of the fused ones, one is missing.
  const fused = (text: string): number => [...text.matchAll(/^\d+ +attention /gm)].length;
  expect(fused(plain.explain(input)) - fused(captured.explain(input))).toBe(engine.backend.name === 'wasm' ? 1 : 0);
});
