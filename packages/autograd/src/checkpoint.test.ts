import {
  compile,
  type Compiled,
  constant,
  createReferenceBackend,
  dropout,
  Engine,
  gelu,
  Parameter,
  run,
  tensor,
  type Tensor,
  withPath,
} from '@qkv/tensor';
import { expect, test } from 'vitest';

import { checkGradient, checkpoint, grad } from './index';

const numbers = async (x: Tensor): Promise<number[]> => Array.from(await x.data());

const [B, D, LAYERS] = [64, 16, 8];
const pattern = (size: number, period: number): Float32Array =>
  Float32Array.from({ length: size }, (_, i) => ((i * 5) % period) / period - 0.4);
const weights = Array.from(
  { length: LAYERS },
  (_, layer) =>
    new Parameter({
      shape: [D, D],
      name: `layers.${layer}.weight`,
      initialize: () => constant(pattern(D * D, 11 + layer), [D, D]),
    }),
);
const input = pattern(B * D, 17);

/** Keeps about ten values of (B, D) for its gradient. */
const block =
  (layer: number) =>
  (x: Tensor): Tensor =>
    withPath(`layers.${layer}`, () => {
      const h = gelu(x.matmul(weights[layer].value)); // (B, D)
      const g = h.mul(h.exp()).tanh().matmul(weights[layer].value.transpose()); // (B, D)
      return x.add(dropout(gelu(g).sin().mul(g.cos()), 0.5));
    });

type Wrap = (fn: (x: Tensor) => Tensor) => (x: Tensor) => Tensor;
const plain: Wrap = (fn) => fn;
const recomputed: Wrap = (fn) => checkpoint(fn);

const model = (wrap: Wrap) => (x: Tensor) => {
  const loss = weights
    .reduce((h, _, layer) => wrap(block(layer))(h), x)
    .square()
    .mean();
  return { loss, gradients: grad(loss, [x, ...weights]) };
};

test('gives bit-identical values and gradients, with the same dropout masks', async () => {
  const call = (wrap: Wrap) => run(() => model(wrap)(constant(input, [B, D])), { mode: 'train', seed: 5 });
  const [kept, again] = [await call(plain), await call(recomputed)];
  expect(await again.loss.item()).toBe(await kept.loss.item());
  for (const [i, gradient] of kept.gradients.entries()) {
    expect(await numbers(again.gradients[i])).toEqual(await numbers(gradient));
  }
});

test('lowers the memory of the plan', () => {
  const engine = new Engine(createReferenceBackend());
  const arenaOf = (wrap: Wrap): number => {
    const step: Compiled<readonly [Tensor], unknown> = compile(model(wrap), { mode: 'train', seed: 5, engine });
    const [, size, unit] = /arena ([\d.]+) (B|KB|MB)/.exec(step.explain(tensor(input, [B, D])))!;
    return Number(size) * { B: 1, KB: 1024, MB: 1024 ** 2 }[unit as 'B' | 'KB' | 'MB'];
  };
  const values = (bytes: number): number => bytes / (B * D * 4);
  // Eight blocks of about ten values each, against eight inputs of blocks and the ten of one block.
  expect(values(arenaOf(plain))).toBeGreaterThan(LAYERS * 5);
  expect(values(arenaOf(recomputed))).toBeLessThan(LAYERS + 14);
});

test('random numbers after it are those without it', async () => {
  const draw = (wrap: Wrap) =>
    run(
      () => {
        const ones = constant(new Float32Array(32).fill(1));
        const h = wrap((x) => dropout(x, 0.5))(ones);
        const dh = grad(h.square().sum(), ones);
        return { h, dh, after: dropout(ones, 0.5) };
      },
      { mode: 'train', seed: 1 },
    );
  const [a, b] = [await draw(plain), await draw(recomputed)];
  for (const name of ['h', 'dh', 'after'] as const) expect(await numbers(b[name])).toEqual(await numbers(a[name]));
});

test('is called once, and sees a Variable as the forward pass did', async () => {
  const w = new Parameter({ shape: [1], name: 'w', initialize: () => constant([3]) });
  let calls = 0;
  const { dx, dw } = await run(() => {
    const x = constant([2]);
    const before = w.value;
    const loss = checkpoint((t: Tensor) => {
      calls++;
      return t.square().mul(w.value).sum();
    })(x);
    w.assign(w.value.add(100));
    return { dx: grad(loss, x), dw: grad(loss, before) };
  });
  expect([calls, await numbers(dx), await numbers(dw)]).toEqual([1, [12], [4]]);
});

test('takes any arguments, gives any structure, nests, passes its input through, and is differentiated twice', async () => {
  const a = tensor([0.3, -0.7]);
  const inner = checkpoint((t: Tensor, options: { power: number }) => ({ y: t.pow(options.power), t }));
  const outer = checkpoint((t: Tensor) => {
    const { y, t: same } = inner(t.exp(), { power: 3 });
    return [y.sin(), same, t];
  });
  expect((await checkGradient((t: Tensor) => outer(t), [a])).error).toBeLessThan(1e-9);
  const gradient = (t: Tensor) =>
    grad(
      outer(t)
        .map((y) => y.square().sum())
        .reduce((p, q) => p.add(q)),
      t,
    );
  expect((await checkGradient(gradient, [a])).error).toBeLessThan(1e-9);
});

test('works outside a trace, also when something inside was read', async () => {
  const a = tensor([0.5, 2]);
  let leaked: Tensor = a;
  const y = checkpoint((t: Tensor) => {
    leaked = t.square();
    return leaked.mul(a);
  })(a);
  await leaked.data();
  expect(await numbers(grad(y.sum(), a))).toEqual([0.75, 12]);
});
