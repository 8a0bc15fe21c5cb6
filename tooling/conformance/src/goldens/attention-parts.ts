import { alibiSlopes, BucketedRelativePositions, normalizeScores, RotaryPositions } from '@qkv/attention';
import { grad } from '@qkv/autograd';
import { attentionParts } from '@qkv/goldens';
import { loadStateDict } from '@qkv/nn';
import { compile, constant, type Tensor } from '@qkv/tensor';
import { expect, test } from 'vitest';

import { compare, type Place } from './verify';

const { scores, G, rotary } = attentionParts;
const tensorOf = ({ shape, data }: { shape: number[]; data: number[] }): Tensor =>
  constant(Float64Array.from(data), shape);

/** Normalisations and positions against other libraries; see tooling/goldens/data/make_attention_goldens.py. */
export function attentionPartGoldens(place: () => Promise<Place>): void {
  test.each(['sparsemax', 'entmax15'] as const)(
    '%s, and its gradient, as the package entmax has them',
    async (name) => {
      const where = await place();
      const program = compile(
        () => {
          const z = tensorOf(scores);
          const weights = normalizeScores(name, z, null);
          return [weights, grad(weights.mul(tensorOf(G)).sum(), z)] as const;
        },
        { engine: where.engine },
      );
      const [weights, gradient] = await program();
      // Of scores around 400, float32 keeps five decimals.
      const stats = { f32_abs: 3e-6, max: 1 };
      compare(`${name} weights`, await weights.data(), attentionParts[name].weights.data, where, stats);
      compare(`${name} gradient`, await gradient.data(), attentionParts[name].gradient.data, where, stats);
    },
  );

  test.each(['adjacent', 'halves'] as const)('rotary positions, %s, as transformers has them', async (layout) => {
    const where = await place();
    const { rotated: rotatedDimension } = rotary;
    const positions = new RotaryPositions({ headDimension: rotary.x.shape[3], rotatedDimension, layout });
    const rotate = (): Tensor => positions.rotate(tensorOf(rotary.x), constant(Int32Array.from(rotary.positions)));
    const y = await compile(rotate, { engine: where.engine })();
    compare(`rotary ${layout}`, await y.data(), rotary[layout].data, where);
  });

  test.each(attentionParts.t5_buckets)(
    '$buckets buckets up to $maxDistance, bidirectional: $bidirectional',
    async (by) => {
      const { buckets, maxDistance, bidirectional, relative, bucket } = by;
      const { engine } = await place();
      const positions = new BucketedRelativePositions({ heads: 1, buckets, maxDistance, bidirectional });
      const rows = Float32Array.from({ length: buckets }, (_, row) => row); // so that the bias is the bucket
      await loadStateDict(positions, new Map([['weight', { shape: [buckets, 1], data: rows }]]), { engine });
      const bias = (): Tensor => positions.bias(constant(Int32Array.of(0)), constant(Int32Array.from(relative)));
      const y = await compile(bias, { engine })();
      expect([...(await y.data())]).toEqual(bucket);
    },
  );

  test.each(attentionParts.alibi_slopes)(
    'slopes of ALiBi, $heads heads, as of BLOOM in float32',
    ({ heads, slopes }) => {
      const ratios = Array.from(alibiSlopes(heads), (slope, h) => Math.abs(slope / slopes[h] - 1));
      expect(ratios).toHaveLength(slopes.length);
      // The h-th power of a number that was rounded to float32.
      expect(Math.max(...ratios)).toBeLessThan(heads * 2 ** -23);
    },
  );
}
