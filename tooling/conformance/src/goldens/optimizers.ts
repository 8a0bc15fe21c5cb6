import { loadGolden } from '@qkv/goldens';
import { Adam, AdamW, cosine, noam, type Optimizer, SGD } from '@qkv/optim';
import { compile, constant, Parameter, tensor, type Tensor } from '@qkv/tensor';
import { expect, test } from 'vitest';

import { compare, type Place } from './verify';

const optimizers: Record<string, (parameters: Parameter[]) => Optimizer> = {
  adamw: (p) => new AdamW(p, { learningRate: 1e-2, weightDecay: 0.05 }),
  adam_l2: (p) => new Adam(p, { learningRate: 1e-2, weightDecay: 0.05 }),
  adam_noam: (p) => new Adam(p, { learningRate: noam({ dimension: 512 }), betas: [0.9, 0.98], epsilon: 1e-9 }),
  adamw_clip1: (p) => new AdamW(p, { learningRate: 1e-2, clipNorm: 1 }),
  adamw_cosine: (p) => new AdamW(p, { learningRate: cosine({ learningRate: 1e-2, steps: 10 }) }),
  sgd_nesterov: (p) => new SGD(p, { learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 1e-4 }),
};

export function optimizerGoldens(place: () => Promise<Place>): void {
  test.each(Object.keys(optimizers))('opt_%s', async (name) => {
    const golden = await loadGolden(`opt_${name}`);
    const where = await place();
    const { engine } = where;
    const parameters = [...golden.initial].map(([key, { shape, data }]) => {
      return new Parameter({ shape, initialize: () => constant(data as Float32Array, shape), name: key });
    });
    const optimizer = optimizers[name](parameters);
    const step = compile(
      (...gradients: Tensor[]) => ({
        ...optimizer.apply(gradients),
        weights: parameters.map((parameter) => parameter.value),
      }),
      { mode: 'train', engine },
    );
    const trail: number[][] = parameters.map(() => []);
    const rates: number[] = [];
    const norms: number[] = [];
    for (let s = 0; s < 10; s++) {
      const gradients = parameters.map(({ name: key, shape, size }) => {
        const all = golden.inputs.get(`grad.${key}`)!.data as Float32Array;
        return tensor(all.slice(s * size, (s + 1) * size), shape);
      });
      const { learningRate, gradientNorm, weights } = await step(...gradients);
      rates.push(await learningRate.item());
      norms.push(await gradientNorm.item());
      for (const [i, weight] of weights.entries()) trail[i].push(...(await weight.data()));
    }
    const expected = (key: string): Float64Array => golden.outputs.get(key)!.data as Float64Array;
    parameters.forEach((parameter, i) => {
      compare(`weights ${parameter.name}`, trail[i], expected(`${parameter.name}_after_each_step`), where);
    });
    compare('learning rate', rates, expected('lr'), where);
    if (golden.outputs.has('grad_norm_before_clip')) compare('norm', norms, expected('grad_norm_before_clip'), where);
    expect((await optimizer.step.data())[0]).toBe(10);
  });
}
