import { expect, test } from 'vitest';

import { contiguous, runKernel, sampler, type Argument } from '../testing';

interface Case {
  B: number;
  T: number;
  S: number;
  H: number;
  Dh: number;
  Dv: number;
  causal?: boolean;
  mask?: 'full' | 'keys' | 'none';
  scale?: number;
  layout?: 'contiguous' | 'heads first' | 'fused' | 'transposed';
}

const random = sampler(11);

/** (B, T, H, D) in several layouts of memory. */
function operand([B, T, H, D]: number[], layout: Case['layout']): Argument {
  const shape = [B, T, H, D];
  if (layout === 'heads first') return { shape, strides: [H * T * D, D, T * D, 1], data: random.array(B * T * H * D) };
  if (layout === 'fused')
    return { shape, strides: [T * H * D * 3, H * D * 3, D, 1], offset: H * D, data: random.array(B * T * H * D * 3) };
  if (layout === 'transposed') return { shape, strides: [T * H * D, 1, T * D, T], data: random.array(B * T * H * D) };
  return { shape, strides: contiguous(shape), data: random.array(B * T * H * D) };
}

const at = (x: Argument, ...index: number[]): number =>
  x.data![index.reduce((sum, i, d) => sum + i * x.strides![d], x.offset ?? 0)];

function maskOf({ B, H, T, S, mask }: Case): Argument | undefined {
  if (!mask) return undefined;
  const shape = [B, H, T, S];
  const bits = (n: number): Int32Array =>
    Int32Array.from({ length: n }, () => Number(mask !== 'none' && random.int(4) > 0));
  if (mask === 'keys') return { shape, dtype: 'bool', strides: [S, 0, 0, 1], data: bits(B * S) };
  return { shape, dtype: 'bool', strides: contiguous(shape), data: bits(B * H * T * S) };
}

/** Everything in float64. */
function reference(c: Case, q: Argument, k: Argument, v: Argument, mask?: Argument, dO?: Argument) {
  const { B, T, S, H, Dh, Dv } = c;
  const scale = c.scale ?? 1 / Math.sqrt(Dh);
  const o = new Float64Array(B * T * H * Dv);
  const lse = new Float64Array(B * H * T);
  const dq = new Float64Array(B * T * H * Dh);
  const dk = new Float64Array(B * S * H * Dh);
  const dv = new Float64Array(B * S * H * Dv);
  for (let b = 0; b < B; b++)
    for (let h = 0; h < H; h++)
      for (let i = 0; i < T; i++) {
        const scores: number[] = [];
        for (let j = 0; j < S; j++) {
          let s = 0;
          for (let d = 0; d < Dh; d++) s += at(q, b, i, h, d) * at(k, b, j, h, d);
          scores.push((!c.causal || j <= i) && (!mask || at(mask, b, h, i, j) !== 0) ? s * scale : -Infinity);
        }
        const top = Math.max(...scores);
        const total = top === -Infinity ? 0 : scores.reduce((sum, s) => sum + Math.exp(s - top), 0);
        lse[(b * H + h) * T + i] = top + Math.log(total);
        const p = scores.map((s) => (s === -Infinity ? 0 : Math.exp(s - top) / total));
        let delta = 0;
        for (let d = 0; d < Dv; d++) {
          const x = p.reduce((sum, w, j) => sum + (w === 0 ? 0 : w * at(v, b, j, h, d)), 0);
          o[((b * T + i) * H + h) * Dv + d] = x;
          if (dO) delta += x * at(dO, b, i, h, d);
        }
        if (!dO) continue;
        for (let j = 0; j < S; j++) {
          if (p[j] === 0) continue;
          let dp = 0;
          for (let d = 0; d < Dv; d++) {
            dp += at(dO, b, i, h, d) * at(v, b, j, h, d);
            dv[((b * S + j) * H + h) * Dv + d] += p[j] * at(dO, b, i, h, d);
          }
          const ds = p[j] * (dp - delta) * scale;
          for (let d = 0; d < Dh; d++) {
            dq[((b * T + i) * H + h) * Dh + d] += ds * at(k, b, j, h, d);
            dk[((b * S + j) * H + h) * Dh + d] += ds * at(q, b, i, h, d);
          }
        }
      }
  return { o, lse, dq, dk, dv };
}

function expectClose(name: string, actual: Float32Array | Int32Array, expected: Float64Array, tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  expected.forEach((value, i) => {
    if (actual[i] !== value && !(Math.abs(actual[i] - value) <= tolerance * (1 + Math.abs(value))))
      throw new Error(`${name}[${i}] is ${actual[i]} instead of ${value}`);
  });
}

/** `looser` multiplies the tolerances. */
async function check(c: Case, looser = 1): Promise<void> {
  const { B, T, S, H, Dh, Dv, causal = false } = c;
  const q = operand([B, T, H, Dh], c.layout);
  const k = operand([B, S, H, Dh], c.layout);
  const v = operand([B, S, H, Dv], c.layout);
  const dO = operand([B, T, H, Dv], c.layout);
  const mask = maskOf(c);
  const expected = reference(c, q, k, v, mask, dO);
  const attributes = { scale: c.scale ?? 1 / Math.sqrt(Dh), causal, mask: mask !== undefined };
  const masks = mask ? [mask] : [];
  const forward = await runKernel(
    'attention',
    [q, k, v, ...masks],
    [{ shape: [B, T, H, Dv] }, { shape: [B, H, T] }],
    attributes,
  );
  for (const numerics of ['fma', 'nofma'] as const) {
    const [o, lse] = forward[numerics];
    expectClose('o', o, expected.o, 2e-6 * looser);
    expectClose('lse', lse, expected.lse, 2e-6 * looser);
  }
  const [o, lse] = forward.fma;
  const inputs = [q, k, v, { shape: [B, T, H, Dv], data: o }, { shape: [B, H, T], data: lse }, dO, ...masks];
  const outputs = [{ shape: [B, T, H, Dh] }, { shape: [B, S, H, Dh] }, { shape: [B, S, H, Dv] }];
  for (const [dq, dk, dv] of Object.values(await runKernel('attentionBackward', inputs, outputs, attributes))) {
    expectClose('dq', dq, expected.dq, 5e-6 * looser);
    expectClose('dk', dk, expected.dk, 5e-6 * looser);
    expectClose('dv', dv, expected.dv, 5e-6 * looser);
  }
}

test('random sizes, masks and layouts, forward and backward', async () => {
  const layouts = ['contiguous', 'heads first', 'fused', 'transposed'] as const;
  const sizes = [1, 2, 3, 4, 5, 8, 13, 33];
  const pick = (): number => sizes[random.int(sizes.length)];
  for (let round = 0; round < 80; round++) {
    const T = pick();
    const causal = random.int(3) === 0;
    const S = causal ? T : pick();
    const mask = ([undefined, undefined, 'full', 'keys', 'none'] as const)[random.int(5)];
    await check({
      B: 1 + random.int(3),
      T,
      S,
      H: 1 + random.int(3),
      Dh: pick(),
      Dv: pick(),
      causal,
      mask,
      layout: layouts[round % 4],
    });
  }
});

test('several blocks of queries and chunks of keys', async () => {
  await check({ B: 1, T: 70, S: 270, H: 1, Dh: 8, Dv: 8 });
  await check({ B: 1, T: 130, S: 515, H: 1, Dh: 5, Dv: 9, mask: 'full' });
  await check({ B: 1, T: 523, S: 523, H: 1, Dh: 4, Dv: 4, causal: true });
  await check({ B: 1, T: 300, S: 300, H: 1, Dh: 4, Dv: 8, causal: true, mask: 'keys', scale: -0.7 });
  await check({ B: 1, T: 5, S: 9, H: 1, Dh: 300, Dv: 260 });
  await check({ B: 2, T: 64, S: 64, H: 2, Dh: 32, Dv: 32 });
});

test('one query alone has the bits it has among others', async () => {
  for (const [S, Dh, Dv] of [
    [1, 4, 4],
    [37, 32, 32],
    [300, 12, 45],
    [9, 300, 7],
  ]) {
    const [T, H] = [5, 2];
    const q = operand([2, T, H, Dh], 'contiguous');
    const [k, v] = [operand([2, S, H, Dh], 'contiguous'), operand([2, S, H, Dv], 'contiguous')];
    const attributes = { scale: 0.4, causal: false, mask: false };
    const outputs = (t: number): Argument[] => [{ shape: [2, t, H, Dv] }, { shape: [2, H, t] }];
    const all = await runKernel('attention', [q, k, v], outputs(T), attributes);
    // As the cache keeps them: (B, H, Dh, S).
    const columns = new Float32Array(k.data!.length);
    for (let b = 0; b < 2; b++)
      for (let s = 0; s < S; s++)
        for (let h = 0; h < H; h++)
          for (let d = 0; d < Dh; d++)
            columns[((b * H + h) * Dh + d) * S + s] = k.data![((b * S + s) * H + h) * Dh + d];
    const turned: Argument = { ...k, data: columns, strides: [H * Dh * S, 1, Dh * S, S] };
    for (let i = 0; i < 2 * T; i++) {
      const one = await runKernel(
        'attention',
        [{ ...q, shape: [2, 1, H, Dh], offset: (i >> 1) * H * Dh }, i & 1 ? turned : k, v],
        outputs(1),
        attributes,
      );
      for (const numerics of ['fma', 'nofma'] as const) {
        const [o, lse] = all[numerics];
        const rows = [...one[numerics][0]];
        expect(rows.slice(0, H * Dv)).toEqual(Array.from(o.slice((i >> 1) * H * Dv, ((i >> 1) + 1) * H * Dv)));
        expect(rows.slice(H * Dv)).toEqual(Array.from(o.slice((T + (i >> 1)) * H * Dv, (T + (i >> 1) + 1) * H * Dv)));
        expect([...one[numerics][1]]).toEqual([0, 1, 2, 3].map((n) => lse[n * T + (i >> 1)]));
      }
    }
  }
});

test('empty sizes', async () => {
  for (const [B, T, S, H, Dh, Dv] of [
    [0, 2, 2, 1, 4, 4],
    [1, 0, 3, 1, 4, 4],
    [1, 3, 0, 2, 4, 4],
    [1, 2, 2, 1, 4, 0],
  ]) {
    await check({ B, T, S, H, Dh, Dv });
  }
});

test('large scores stay finite', async () => {
  // The rounding of a score of 40 is multiplied by the scale once more.
  await check({ B: 1, T: 3, S: 7, H: 1, Dh: 4, Dv: 4, scale: 40 }, 20);
});

test('appended masked keys, queries and neighbours change no bit', async () => {
  const [H, Dh, Dv] = [2, 12, 8];
  const scale = 0.3;
  const fill = (data: Float32Array, from: number[], to: number[]): Float32Array => {
    const out = random.array(to.reduce((a, b) => a * b, 1));
    const strides = contiguous(to);
    data.forEach((value, n) => {
      const index = from.map((size, d) => Math.floor(n / contiguous(from)[d]) % size);
      out[index.reduce((sum, i, d) => sum + i * strides[d], 0)] = value;
    });
    return out;
  };
  for (const [T, S, T2, S2] of [
    [5, 6, 9, 11],
    [64, 250, 67, 261],
    [3, 256, 3, 600],
  ]) {
    const arrays = {
      q: random.array(T * H * Dh),
      k: random.array(S * H * Dh),
      v: random.array(S * H * Dv),
      g: random.array(T * H * Dv),
    };
    const run = async (B: number, t: number, s: number) => {
      const q = { shape: [B, t, H, Dh], data: fill(arrays.q, [1, T, H, Dh], [B, t, H, Dh]) };
      const k = { shape: [B, s, H, Dh], data: fill(arrays.k, [1, S, H, Dh], [B, s, H, Dh]) };
      const v = { shape: [B, s, H, Dv], data: fill(arrays.v, [1, S, H, Dv], [B, s, H, Dv]) };
      const g = { shape: [B, t, H, Dv], data: fill(arrays.g, [1, T, H, Dv], [B, t, H, Dv]) };
      // What is appended may attend to nothing and is attended to by nobody.
      const allowed = Int32Array.from({ length: B * t * s }, (_, n) =>
        Number(n < t * s && n % s < S && Math.floor(n / s) < T),
      );
      const mask: Argument = { shape: [B, H, t, s], dtype: 'bool', strides: [t * s, 0, s, 1], data: allowed };
      const attributes = { scale, causal: false, mask: true };
      const {
        fma: [o, lse],
      } = await runKernel('attention', [q, k, v, mask], [{ shape: [B, t, H, Dv] }, { shape: [B, H, t] }], attributes);
      const inputs = [q, k, v, { shape: [B, t, H, Dv], data: o }, { shape: [B, H, t], data: lse }, g, mask];
      const {
        fma: [dq, dk, dv],
      } = await runKernel(
        'attentionBackward',
        inputs,
        [{ shape: [B, t, H, Dh] }, { shape: [B, s, H, Dh] }, { shape: [B, s, H, Dv] }],
        attributes,
      );
      return {
        o: o.slice(0, T * H * Dv),
        dq: dq.slice(0, T * H * Dh),
        dk: dk.slice(0, S * H * Dh),
        dv: dv.slice(0, S * H * Dv),
      };
    };
    expect(await run(2, T2, S2)).toEqual(await run(1, T, S));
  }
});
