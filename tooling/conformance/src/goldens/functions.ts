import { loadGolden } from '@qkv/goldens';
import {
  activation,
  binaryCrossEntropyWithLogits,
  crossEntropy,
  type CrossEntropyOptions,
  distillation,
  LayerNorm,
  meanSquaredError,
} from '@qkv/nn';
import { logSumExp, sigmoid, softmax, softplus, type Tensor } from '@qkv/tensor';
import { test } from 'vitest';

import { norm } from './torch-names';
import { type Place, verify } from './verify';

const activations: Record<string, (x: Tensor) => Tensor> = {
  relu: activation('relu'),
  gelu_exact: activation('gelu'),
  gelu_tanh: activation('geluTanh'),
  silu: activation('silu'),
  tanh: (x) => x.tanh(),
  sigmoid,
  softplus,
  erf: (x) => x.erf(),
  gelu_quick_x_sigmoid_1p702x: (x) => x.mul(sigmoid(x.mul(1.702))),
};

const crossEntropies: Record<string, CrossEntropyOptions> = {
  plain: {},
  ls01: { smoothing: 0.1 },
  sum_ls03: { smoothing: 0.3 },
  weighted: {},
  weighted_ls01: { smoothing: 0.1 },
  soft_targets: {},
};

export function functionGoldens(place: () => Promise<Place>): void {
  test.each(Object.keys(activations))('act_%s', async (name) => {
    await verify(await loadGolden(`act_${name}`), await place(), {
      compute: ({ x }) => {
        const y = activations[name](x);
        return { y, loss: y.sum() };
      },
    });
  });

  test('softmax', async () => {
    await verify(await loadGolden('softmax'), await place(), {
      compute: ({ x, G }) => {
        const y = softmax(x);
        return { y, logsumexp: logSumExp(x), loss: y.mul(G).sum() };
      },
    });
  });

  test.each(['1e-05', '1e-06'])('layernorm_eps%s', async (epsilon) => {
    const module = new LayerNorm({ dimension: 10, epsilon: Number(epsilon) });
    await verify(await loadGolden(`layernorm_eps${epsilon}`), await place(), {
      module,
      links: norm('', ''),
      compute: ({ x, G }) => {
        const y = module.forward(x);
        return { y, loss: y.mul(G).sum() };
      },
    });
  });

  test.each(Object.keys(crossEntropies))('ce_%s', async (name) => {
    await verify(await loadGolden(`ce_${name}`), await place(), {
      compute: ({ logits, target, p, class_w }) => {
        const loss = crossEntropy(logits, target ?? p, { ...crossEntropies[name], classWeights: class_w });
        return { loss: name.startsWith('sum') ? loss.sum : loss.mean() };
      },
    });
  });

  test('kl_distill_T3', async () => {
    await verify(await loadGolden('kl_distill_T3'), await place(), {
      // DeiT's code divides by all elements, not by rows.
      compute: ({ student, teacher }) => ({
        loss: distillation(student, teacher, { temperature: 3 }).sum.div(student.size),
      }),
    });
  });

  test('mse_bce', async () => {
    await verify(await loadGolden('mse_bce'), await place(), {
      compute: ({ x, y, z }) => {
        const mse = meanSquaredError(x, y).mean();
        const bce = binaryCrossEntropyWithLogits(x, z).mean();
        return { mse, bce, loss: mse.add(bce) };
      },
    });
  });
}
