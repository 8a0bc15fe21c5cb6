import {
  AlibiPositions,
  alibiSlopes,
  BucketedRelativePositions,
  GridPositions,
  RotaryPositions,
  SinusoidalPositions,
} from '@qkv/attention';
import { type Golden, loadGolden } from '@qkv/goldens';
import { loadStateDict } from '@qkv/nn';
import { arange, compile, constant, type Tensor } from '@qkv/tensor';
import { expect, test } from 'vitest';

import { compare, type Place } from './verify';

const expected = (golden: Golden, name: string): Float64Array => golden.outputs.get(name)!.data as Float64Array;

/** Every tensor of the golden `positions`, each through the layer that users have. */
export function positionGoldens(place: () => Promise<Place>): void {
  /** Computes one output on the place's engine, and compares it. */
  async function check(golden: Golden, name: string, compute: () => Tensor): Promise<void> {
    const where = await place();
    const y = await compile(compute, { engine: where.engine })();
    compare(`positions ${name}`, await y.data(), expected(golden, name), where);
  }

  test('positions: sinusoidal', async () => {
    const golden = await loadGolden('positions');
    const small = new SinusoidalPositions({ dimension: 16 });
    const large = new SinusoidalPositions({ dimension: 512 });
    await check(golden, 'sinusoidal_50x16', () => small.first(50).add(0));
    const rows = constant(Int32Array.of(0, 1, 511));
    await check(golden, 'sinusoidal_512x512_rows_0_1_511', () => large.at(rows));
  });

  test('positions: a grid, as of MAE', async () => {
    const golden = await loadGolden('positions');
    const grid = new GridPositions({ height: 4, width: 6, dimension: 16 });
    await check(golden, 'mae_sincos2d_h4_w6_d16', () => grid.first(24).add(0));
  });

  test('positions: rotary', async () => {
    const golden = await loadGolden('positions');
    const rotary = new RotaryPositions({ headDimension: 8 });
    const x = constant(golden.inputs.get('rope_x')!.data as Float32Array, [1, 7, 1, 8]);
    await check(golden, 'rope_y', () => rotary.rotate(x, arange(7)));
  });

  test.each([8, 4])('positions: the slopes of ALiBi, %i heads', async (heads) => {
    const golden = await loadGolden('positions');
    const slopes = expected(golden, `alibi_slopes_${heads}`);
    expect(Math.max(...alibiSlopes(heads).map((slope, h) => Math.abs(slope - slopes[h])))).toBeLessThan(1e-15);
    const alibi = new AlibiPositions({ heads });
    await check(golden, `alibi_slopes_${heads}`, () => alibi.bias(arange(1), constant(Int32Array.of(1))).neg());
  });

  test.each([true, false])('positions: the buckets of T5, bidirectional: %s', async (bidirectional) => {
    const golden = await loadGolden('positions');
    const { engine } = await place();
    const buckets = new BucketedRelativePositions({ heads: 1, bidirectional });
    // Row b of the table is b, so that the bias is the bucket.
    const rows = Float32Array.from({ length: 32 }, (_, bucket) => bucket);
    await loadStateDict(buckets, new Map([['weight', { shape: [32, 1], data: rows }]]), { engine });
    const keys = constant(Int32Array.from(golden.inputs.get('t5_rel_key_minus_query')!.data, Number));
    const y = await compile(() => buckets.bias(constant(Int32Array.of(0)), keys), { engine })();
    const found = golden.outputs.get(bidirectional ? 't5_bucket_bidir' : 't5_bucket_causal')!;
    expect([...(await y.data())]).toEqual(Array.from(found.data, Number));
  });
}
