import { grad } from '@qkv/autograd';
import { Embedding, initialize, Linear } from '@qkv/nn';
import { compile, constant, createReferenceBackend, Engine, full, run, tensor, type Tensor, zeros } from '@qkv/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { guidedAttentionLoss } from './guided-attention';
import { minimumRiskLoss } from './minimum-risk';
import { exponentialDecay, inverseSigmoidDecay, linearDecay } from './sampling-schedules';
import { scheduledSampling } from './scheduled-sampling';
import { selfCriticalLoss } from './self-critical';
import { sequenceLogProbabilities } from './sequence-log-probabilities';

const engine = new Engine(createReferenceBackend({ precision: 'float64' }));
const numbers = (count: number, seed: number): Float64Array =>
  Float64Array.from({ length: count }, (_, i) => ((i + 1) * 0.6180339887498949 * (seed + 1) * 7.3) % 1);
const values = async (build: () => Tensor): Promise<number[]> => [...(await (await run(build, { engine })).data())];
const number = async (build: () => Tensor): Promise<number> => (await values(build))[0];
const int = (ids: readonly number[], shape: readonly number[]): Tensor => constant(Int32Array.from(ids), shape);

/** fast-check draws the shapes, the same ones each time. */
const forAll = (check: (shape: { B: number; H: number; T: number; S: number; seed: number }) => Promise<void>) =>
  fc.assert(
    fc.asyncProperty(
      fc.record({
        B: fc.integer({ min: 1, max: 3 }),
        H: fc.integer({ min: 1, max: 3 }),
        T: fc.integer({ min: 1, max: 6 }),
        S: fc.integer({ min: 1, max: 6 }),
        seed: fc.integer({ min: 0, max: 99 }),
      }),
      check,
    ),
    { numRuns: 20, seed: 6 },
  );

describe('guided attention', () => {
  test('is the mean of the paper’s formula over what counts', async () => {
    await forAll(async ({ B, H, T, S, seed }) => {
      const attention = numbers(B * H * T * S, seed);
      const targets = Array.from({ length: B }, (_, b) => 1 + ((seed + b) % T));
      const sources = Array.from({ length: B }, (_, b) => 1 + ((seed * 3 + b) % S));
      const g = 0.1 + (seed % 5) / 10;
      const penalties = Array.from(attention, (_, i) => {
        const [n, t, b] = [i % S, Math.floor(i / S) % T, Math.floor(i / (S * T * H))];
        if (n >= sources[b] || t >= targets[b]) return null;
        return 1 - Math.exp(-((n / sources[b] - t / targets[b]) ** 2) / (2 * g * g));
      });
      const count = penalties.filter((one) => one !== null).length;
      const mean = penalties.reduce<number>((sum, W, i) => sum + (W ?? 0) * attention[i], 0) / count;
      const [value, gradient] = await run(
        () => {
          const x = constant(attention, [B, H, T, S]);
          const lengths = { sourceLengths: int(sources, [B]), targetLengths: int(targets, [B]) };
          const loss = guidedAttentionLoss(x, { ...lengths, deviation: g }).mean();
          return [loss, grad(loss, x)];
        },
        { engine },
      );
      expect(Math.abs((await value.item()) - mean)).toBeLessThan(1e-12);
      (await gradient.data()).forEach((one, i) =>
        expect(Math.abs(one - (penalties[i] ?? 0) / count)).toBeLessThan(1e-12),
      );
    });
  });

  test('is 0 on the diagonal, and of rows without length', async () => {
    const lengths = (): Tensor => int([4], [1]);
    const diagonal = (): Tensor =>
      constant(
        Float64Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? 1 : 0)),
        [1, 1, 4, 4],
      );
    expect(
      await number(() => guidedAttentionLoss(diagonal(), { sourceLengths: lengths(), targetLengths: lengths() }).sum),
    ).toBe(0);
    const empty = (): Tensor => int([0], [1]);
    expect(
      await number(() => guidedAttentionLoss(diagonal(), { sourceLengths: empty(), targetLengths: lengths() }).mean()),
    ).toBe(0);
  });

  test('says what does not fit', () => {
    const lengths = { sourceLengths: zeros([2], 'int32'), targetLengths: zeros([2], 'int32') };
    expect(() => guidedAttentionLoss(zeros([2, 3, 4]), lengths)).toThrow(
      'guidedAttentionLoss: expected attention (B, H, T, S), got [2, 3, 4]',
    );
    expect(() => guidedAttentionLoss(zeros([3, 1, 4, 4]), lengths)).toThrow(
      'guidedAttentionLoss: expected targetLengths int32 [3], got int32 [2]',
    );
    expect(() => guidedAttentionLoss(zeros([2, 1, 4, 4]), { ...lengths, deviation: 0 })).toThrow(
      'deviation must be above 0',
    );
  });
});

describe('log-probabilities of sequences', () => {
  test('are the sums of those of their tokens', async () => {
    await forAll(async ({ B: N, T, S: V, seed }) => {
      const logits = numbers(N * T * V, seed);
      const targets = Array.from({ length: N * T }, (_, i) => (i * 5 + seed) % V);
      const expected = Array.from({ length: N }, (_, n) => {
        let sum = 0;
        for (let t = 0; t < T; t++) {
          const row = logits.subarray((n * T + t) * V, (n * T + t + 1) * V);
          const target = targets[n * T + t];
          if (target !== 0) sum += row[target] - Math.log(row.reduce((total, x) => total + Math.exp(x), 0));
        }
        return sum;
      });
      const got = await values(() => sequenceLogProbabilities(constant(logits, [N, T, V]), int(targets, [N, T])));
      got.forEach((value, n) => expect(Math.abs(value - expected[n])).toBeLessThan(1e-12));
    });
    expect(() => sequenceLogProbabilities(zeros([2, 3]), zeros([2, 3], 'int32'))).toThrow(
      'sequenceLogProbabilities: expected logits (N, T, V) and targets (N, T), got [2, 3] and [2, 3]',
    );
  });
});

describe('minimum risk', () => {
  test('is the expected cost under Q, and its gradient α Q (Δ − R)', async () => {
    await forAll(async ({ B, H: K, seed }) => {
      const [logs, costs] = [numbers(B * K, seed).map((x) => -20 * x), numbers(B * K, seed + 1)];
      const counts = Uint8Array.from({ length: B * K }, (_, i) => ((i + seed) % 3 === 0 ? 0 : 1));
      const alpha = (seed % 4) / 4;
      let [risk, rows] = [0, 0];
      const slope = new Float64Array(B * K);
      for (let b = 0; b < B; b++) {
        const set = Array.from({ length: K }, (_, k) => b * K + k).filter((i) => counts[i] === 1);
        if (set.length === 0) continue;
        const total = set.reduce((sum, i) => sum + Math.exp(logs[i]) ** alpha, 0);
        const Q = (i: number): number => Math.exp(logs[i]) ** alpha / total;
        const own = set.reduce((sum, i) => sum + Q(i) * costs[i], 0);
        set.forEach((i) => (slope[i] = alpha * Q(i) * (costs[i] - own)));
        risk += own;
        rows++;
      }
      const [value, weight, gradient] = await run(
        () => {
          const x = constant(logs, [B, K]);
          const loss = minimumRiskLoss(x, constant(costs, [B, K]), {
            sharpness: alpha,
            counts: constant(counts, [B, K], 'bool'),
          });
          return [loss.sum, loss.weight, grad(loss.sum, x)];
        },
        { engine },
      );
      expect(Math.abs((await value.item()) - risk)).toBeLessThan(1e-10);
      expect(await weight.item()).toBe(rows);
      (await gradient.data()).forEach((one, i) => expect(Math.abs(one - slope[i])).toBeLessThan(1e-10));
    });
  });

  test('without counts takes all candidates; a cost that does not count may be anything', async () => {
    const all = await number(() =>
      minimumRiskLoss(constant([-1, -2], [1, 2]), constant([1, 0], [1, 2]), { sharpness: 1 }).mean(),
    );
    expect(all).toBeCloseTo(Math.exp(-1) / (Math.exp(-1) + Math.exp(-2)), 12);
    const one = await number(() =>
      minimumRiskLoss(constant([-1, -2], [1, 2]), constant([0.25, NaN], [1, 2]), {
        counts: constant(Uint8Array.of(1, 0), [1, 2], 'bool'),
      }).mean(),
    );
    expect(one).toBe(0.25);
  });

  test('says what does not fit', () => {
    expect(() => minimumRiskLoss(zeros([2]), zeros([2]))).toThrow(
      'minimumRiskLoss: expected log-probabilities float32 (B, K), got float32 [2]',
    );
    expect(() => minimumRiskLoss(zeros([2, 3]), zeros([3, 2]))).toThrow(
      'minimumRiskLoss: expected costs float32 [2, 3], got float32 [3, 2]',
    );
    expect(() => minimumRiskLoss(zeros([2, 3]), zeros([2, 3]), { sharpness: -1 })).toThrow(
      'sharpness must be a number from 0',
    );
    expect(() => minimumRiskLoss(zeros([2, 3]), zeros([2, 3]), { counts: zeros([2, 3]) })).toThrow(
      'expected counts bool [2, 3], got float32 [2, 3]',
    );
  });
});

describe('self-critical', () => {
  test('has the gradient −(r − baseline), of what counts', async () => {
    await forAll(async ({ B, H: K, seed }) => {
      const [logs, rewards, baselines] = [numbers(B * K, seed), numbers(B * K, seed + 1), numbers(B, seed + 2)];
      const counts = Uint8Array.from({ length: B * K }, (_, i) => ((i + seed) % 4 === 0 ? 0 : 1));
      const advantage = (i: number): number => rewards[i] - baselines[Math.floor(i / K)];
      const [sum, weight, gradient, slope] = await run(
        () => {
          const [x, r] = [constant(logs, [B, K]), constant(rewards, [B, K])];
          const loss = selfCriticalLoss(x, {
            rewards: r,
            baselines: constant(baselines, [B]),
            counts: constant(counts, [B, K], 'bool'),
          });
          return [loss.sum, loss.weight, grad(loss.sum, x), grad(loss.sum, r, { unused: 'zero' })];
        },
        { engine },
      );
      const expected = logs.reduce((total, log, i) => total - counts[i] * advantage(i) * log, 0);
      expect(Math.abs((await sum.item()) - expected)).toBeLessThan(1e-10);
      expect(await weight.item()).toBe(counts.reduce((a, b) => a + b, 0));
      (await gradient.data()).forEach((one, i) => expect(Math.abs(one + counts[i] * advantage(i))).toBeLessThan(1e-10));
      expect([...(await slope.data())].every((one) => one === 0)).toBe(true);
    });
  });

  test('without counts takes all samples; says what does not fit', async () => {
    const of = (baselines: Tensor): Tensor =>
      selfCriticalLoss(constant([-1, -2], [1, 2]), { rewards: constant([1, 0], [1, 2]), baselines }).mean();
    expect(await number(() => of(full([1], 0.5)))).toBeCloseTo((0.5 - 1) / 2, 12);
    expect(() => of(zeros([2]))).toThrow('selfCriticalLoss: expected baselines float32 [1], got float32 [2]');
    expect(() => selfCriticalLoss(zeros([1, 2]), { rewards: zeros([2]), baselines: zeros([1]) })).toThrow(
      'selfCriticalLoss: expected rewards float32 [1, 2], got float32 [2]',
    );
  });
});

describe('schedules of sampling', () => {
  const at = (schedule: (step: Tensor) => Tensor, step: number): Promise<number> =>
    number(() => schedule(full([], step)));

  test('are those of the paper', async () => {
    for (const i of [0, 1, 7, 50, 400]) {
      const expected = [Math.min(1, Math.max(0.25, 1.5 - 0.01 * i)), 0.98 ** i, 20 / (20 + Math.exp(i / 20))].map(
        (gold) => 1 - gold,
      );
      const got = await Promise.all(
        [
          linearDecay({ offset: 1.5, slope: 0.01, floor: 0.25 }),
          exponentialDecay({ base: 0.98 }),
          inverseSigmoidDecay({ k: 20 }),
        ].map((schedule) => at(schedule, i)),
      );
      got.forEach((value, k) => expect(Math.abs(value - expected[k])).toBeLessThan(1e-12));
    }
    expect(await at(inverseSigmoidDecay({ k: 2 }), 1e6)).toBe(1);
  });

  test('refuse what is no decay', () => {
    expect(() => linearDecay({ slope: -1 })).toThrow('linearDecay: slope must not be below 0, got -1');
    expect(() => linearDecay({ slope: 1, floor: 2 })).toThrow('linearDecay: floor must be in [0, 1], got 2');
    expect(() => exponentialDecay({ base: 0 })).toThrow('exponentialDecay: base must be in (0, 1], got 0');
    expect(() => inverseSigmoidDecay({ k: 0.5 })).toThrow('inverseSigmoidDecay: k must be at least 1, got 0.5');
  });
});

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
    const wrong = async (): Promise<unknown> =>
      run(() => scheduledSampling(target(), (ids) => predict(ids).slice([0], [1]), { probability: 1 }), {
        mode: 'train',
      });
    await expect(wrong()).rejects.toThrow('scheduledSampling: expected logits (2, 4, V) of predict, got [1, 4, 9]');
  });
});
