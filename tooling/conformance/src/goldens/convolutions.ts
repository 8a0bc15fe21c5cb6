import { goldenNames, loadGolden } from '@qkv/goldens';
import {
  averagePool1d,
  averagePool2d,
  Conv1d,
  type Conv1dOptions,
  Conv2d,
  type Conv2dOptions,
  maxPool1d,
  maxPool2d,
  type PoolOptions,
} from '@qkv/nn';
import type { Tensor } from '@qkv/tensor';
import { test } from 'vitest';

import { linear } from './torch-names';
import { type Place, verify } from './verify';

/** Of the two that make_goldens.py made: their configurations are their names. */
const NAMED: Record<string, Partial<Conv1dOptions>> = {
  conv1d_k3p1: { padding: 1 },
  conv2d_k3s2p1: { stride: 2, padding: 1 },
};

const POOLS = {
  maxpool1d: maxPool1d,
  maxpool2d: maxPool2d,
  averagepool1d: averagePool1d,
  averagepool2d: averagePool2d,
};

/** Channels from torch's place to ours, and back. */
const last = (x: Tensor): Tensor => x.permute([0, ...[...x.shape.keys()].slice(2), 1]);
const second = (y: Tensor): Tensor => y.permute([0, y.rank - 1, ...[...y.shape.keys()].slice(1, -1)]);

export function convolutionGoldens(place: () => Promise<Place>): void {
  test.each(goldenNames.filter((name) => /^conv[12]d_/.test(name)))('%s', async (name) => {
    const golden = await loadGolden(name);
    const [outputs, , ...kernel] = golden.weights.get('weight')!.shape;
    const options = {
      inputs: golden.inputs.get('x')!.shape[1],
      outputs,
      bias: golden.weights.has('bias'),
      ...NAMED[name],
      ...golden.config,
    };
    const module =
      kernel.length === 1
        ? new Conv1d({ ...options, kernel: kernel[0] })
        : new Conv2d({ ...options, kernel: [kernel[0], kernel[1]] } as Conv2dOptions);
    await verify(golden, await place(), {
      module,
      links: linear('', '').filter(({ torch }) => golden.weights.has(torch)),
      compute: ({ x, G }) => {
        const y = second(module.forward(last(x)));
        return { y, loss: y.mul(G).sum() };
      },
    });
  });

  test.each(goldenNames.filter((name) => name.split('_')[0] in POOLS))('%s', async (name) => {
    const golden = await loadGolden(name);
    const pool = POOLS[name.split('_')[0] as keyof typeof POOLS];
    await verify(golden, await place(), {
      compute: ({ x, G }) => {
        const y = second(pool(last(x), golden.config as unknown as PoolOptions<number>));
        return { y, loss: y.mul(G).sum() };
      },
    });
  });
}
