import { checkGradient } from '@qkv/autograd';
import { loadStateDict } from '@qkv/nn';
import { expect, test } from 'vitest';

import { TransparentAttention } from './transparent-attention';
import { doubles, numbers, on, random, worst } from '../test/support';

const shape = [2, 3, 4];

test('mixes layers by the softmax of its weights, value and gradient', async () => {
  const engine = doubles();
  const layer = new TransparentAttention({ inputs: 3, outputs: 2 });
  const w = numbers(6, 1);
  await loadStateDict(layer, new Map([['weight', { shape: [2, 3], data: w }]]), { engine });
  const inputs = [1, 2, 3].map((seed) => random(shape, seed));
  const values = await on(engine, ...inputs);
  const outputs = await on(engine, ...layer.forward(inputs));
  outputs.forEach((y, m) => {
    const e = Array.from(w.slice(m * 3, m * 3 + 3), Math.exp);
    const total = e.reduce((a, b) => a + b);
    const expected = Array.from(y, (_, i) => e.reduce((sum, value, n) => sum + (value / total) * values[n][i], 0));
    expect(worst(y, expected)).toBeLessThan(1e-12);
  });
  const report = await checkGradient((...layers) => layer.forward(layers), inputs, { engine });
  expect(report.error).toBeLessThan(1e-9);
});

test('begins as the mean of all layers', async () => {
  const [a, b] = [random(shape, 1), random(shape, 2)];
  const [y] = new TransparentAttention({ inputs: 2, outputs: 1 }).forward([a, b]);
  expect(worst(await y.data(), await a.add(b).div(2).data())).toBeLessThan(1e-6);
});

test('says what does not fit', () => {
  const layer = new TransparentAttention({ inputs: 2, outputs: 1 });
  expect(() => layer.forward([random(shape, 1)])).toThrow('TransparentAttention: expected 2 tensors to mix, got 1');
  expect(() => new TransparentAttention({ inputs: 0, outputs: 1 })).toThrow('inputs must be a positive integer, got 0');
});
