import { grad } from '@qkv/autograd';
import { Embedding, initialize, Linear } from '@qkv/nn';
import { compile, constant, full, run, tensor, zeros, type Tensor } from '@qkv/tensor';
import { describe, expect, test } from 'vitest';

import { scheduledSampling } from './scheduled-sampling';
import { sequenceLogProbabilities } from './sequence-log-probabilities';
import { int } from '../../test/formulas';

describe('scheduled sampling', () => {
  const gold = [7, 1, 2, 3, 7, 4, 0, 0];
  const target = (): Tensor => int(gold, [2, 4]);
  /** A model that predicts id + 1 after each id. */
  const predict = (ids: Tensor): Tensor =>
    ids
      .add(1)
      .unsqueeze(-1)
      .equal(int([0, 1, 2, 3, 4, 5, 6, 7, 8], [9]))
      .cast('float32')
      .mul(50);
  type Options = Parameters<typeof scheduledSampling>[2];
  const mixed = async (options: Options, seed = 3): Promise<number[]> => [
    ...(await (await run(() => scheduledSampling(target(), predict, options), { mode: 'train', seed })).data()),
  ];

  test('puts predictions one place further on; START and padding stay', async () => {
    expect(await mixed({ probability: 0 })).toEqual(gold);
    for (const draw of ['argmax', 'sample'] as const) {
      expect(await mixed({ probability: 1, draw })).toEqual([7, 8, 2, 3, 7, 8, 0, 0]);
    }
    // What counts as padding is not put in.
    expect(await mixed({ probability: 1, padId: 8 })).toEqual([7, 1, 2, 3, 7, 4, 5, 1]);
    const evaluated = await run(() => scheduledSampling(target(), predict, { probability: 1 }));
    expect([...(await evaluated.data())]).toEqual(gold);
  });

  test('replaces as many as the probability says, other ones at each step, the same ones for a seed', async () => {
    const step = compile(
      (p: Tensor) => {
        const ids = full([50, 41], 1, 'int32');
        return scheduledSampling(ids, (x) => predict(x), { probability: p, draw: 'argmax' })
          .equal(2)
          .cast('float32');
      },
      { mode: 'train', seed: 9 },
    );
    const first = await (await step(tensor(0.3))).data();
    const second = await (await step(tensor(0.3))).data();
    const share = (x: ArrayLike<number>): number => Array.from(x).reduce((a, b) => a + b, 0) / 2000;
    // Five deviations of 2000 draws.
    for (const one of [first, second])
      expect(Math.abs(share(one) - 0.3)).toBeLessThan(5 * Math.sqrt((0.3 * 0.7) / 2000));
    expect(second).not.toEqual(first);
    step.step = 0;
    expect(await (await step(tensor(0.3))).data()).toEqual(first);
  });

  test('draws from the model’s distribution', async () => {
    const [rows, p] = [4000, [0.6, 0.3, 0.1]];
    const drawn = await run(
      () => {
        const logits = constant([-50, ...p.map(Math.log)]).expand([rows, 2, 4]);
        return scheduledSampling(full([rows, 2], 9, 'int32'), () => logits, { probability: 1 });
      },
      { mode: 'train', seed: 5 },
    );
    const ids = [...(await drawn.data())].filter((_, i) => i % 2 === 1);
    p.forEach((expected, i) => {
      const share = ids.filter((id) => id === i + 1).length / rows;
      expect(Math.abs(share - expected)).toBeLessThan(5 * Math.sqrt((expected * (1 - expected)) / rows));
    });
  });

  test('lets no gradient through the first pass', async () => {
    const table = new Embedding({ vocabulary: 9, dimension: 4 });
    const output = new Linear({ inputs: 4, outputs: 9 });
    initialize(table, { seed: 1 });
    initialize(output, { seed: 2 });
    const model = (ids: Tensor): Tensor => output.forward(table.forward(ids) as never);
    await run(
      () => {
        const ids = scheduledSampling(target(), model, { probability: 1 });
        expect(() => grad(ids.cast('float32').sum(), output.weight)).toThrow('does not depend on');
        grad(sequenceLogProbabilities(model(ids), target()).sum(), output.weight);
      },
      { mode: 'train', seed: 1 },
    );
  });

  test('says what does not fit', async () => {
    expect(() => scheduledSampling(zeros([3], 'int32'), predict, { probability: 1 })).toThrow(
      'scheduledSampling: expected ids int32 (B, T), got int32 [3]',
    );
    expect(() => scheduledSampling(target(), predict, { probability: 2 })).toThrow(
      'probability must be in [0, 1], got 2',
    );
    expect(() => scheduledSampling(target(), predict, { probability: zeros([2, 1]) })).toThrow(
      'scheduledSampling: expected a probability that is a float32 scalar, got float32 [2, 1]',
    );
    expect(() => scheduledSampling(target(), predict, { probability: 1, draw: 'best' as 'sample' })).toThrow(
      "scheduledSampling: there is no draw 'best'; choose sample or argmax",
    );
    const wrong = async (): Promise<unknown> =>
      run(() => scheduledSampling(target(), (ids) => predict(ids).slice([0], [1]), { probability: 1 }), {
        mode: 'train',
      });
    await expect(wrong()).rejects.toThrow('scheduledSampling: expected logits (2, 4, V) of predict, got [1, 4, 9]');
  });
});
