import { checkGradient } from '@qkv/autograd';
import { initialize } from '@qkv/nn';
import { expect, test } from 'vitest';

import { FeedForward } from './feed-forward';
import { doubles, on, random, worst } from '../test/support';

const [D, F] = [3, 5];

const ACTIVATIONS = {
  relu: (x: number): number => Math.max(0, x),
  silu: (x: number): number => x / (1 + Math.exp(-x)),
  geluTanh: (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
};

test.each([
  ['relu', false],
  ['relu', true],
  ['silu', true],
  ['geluTanh', true],
] as const)('%s, gated: %s: the formula of the paper, value and gradient', async (activation, gated) => {
  const engine = doubles();
  for (const bias of [true, false]) {
    const layer = new FeedForward({ dimension: D, hidden: F, activation, gated, bias });
    initialize(layer, { seed: 3 });
    const x = random([2, 2, D], 4);
    const values = new Map<string, ArrayLike<number>>();
    for (const [name, { value }] of layer.namedParameters()) values.set(name, (await on(engine, value))[0]);
    const linear = (name: string, row: readonly number[], outputs: number): number[] =>
      Array.from({ length: outputs }, (_, r) =>
        row.reduce(
          (sum, v, c) => sum + v * values.get(`${name}.weight`)![r * row.length + c],
          values.get(`${name}.bias`)?.[r] ?? 0,
        ),
      );
    const [data, y] = await on(engine, x, layer.forward(x));
    const expected = Array.from({ length: 4 }, (_, t) => Array.from(data).slice(t * D, (t + 1) * D)).flatMap((row) => {
      const inner = linear('inner', row, F);
      const act = ACTIVATIONS[activation];
      // Shazeer 2020, Eq. 6: (σ(xW) ⊗ xV) W₂
      const hidden = gated ? linear('gate', row, F).map((value, i) => act(value) * inner[i]) : inner.map(act);
      return linear('outer', hidden, D);
    });
    expect(worst(y, expected)).toBeLessThan(1e-12);
    const report = await checkGradient((input) => layer.forward(input), [x], { engine });
    expect(report.error).toBeLessThan(1e-9);
  }
});

test('gated layers have one weight more, layers without bias no bias', () => {
  const names = (options: object): string[] => [
    ...new FeedForward({ dimension: D, hidden: F, ...options }).namedParameters().keys(),
  ];
  expect(names({ gated: true, bias: false })).toEqual(['inner.weight', 'gate.weight', 'outer.weight']);
  expect(names({})).toEqual(['inner.weight', 'inner.bias', 'outer.weight', 'outer.bias']);
  expect(() => new FeedForward({ dimension: D, hidden: F, activation: 'swiglu' as never })).toThrow(
    "there is no 'swiglu'",
  );
});
