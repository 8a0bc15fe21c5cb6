import { MultiHeadAttention } from '@qkv/attention';
import { grad } from '@qkv/autograd';
import { crossEntropy, Dropout, Embedding, initialize, LayerNorm, Linear, Module } from '@qkv/nn';
import { AdamW } from '@qkv/optim';
import {
  compile,
  constant,
  crossEntropyRows,
  Engine,
  type EngineOptions,
  gelu,
  type HostData,
  layerNorm,
  logSoftmax,
  logSumExp,
  read,
  rmsNorm,
  run,
  scaledDotProductAttention,
  scatterAdd,
  type Shape,
  softmax,
  tensor,
  type Tensor,
} from '@qkv/tensor';
import { beforeAll, describe, expect, test } from 'vitest';

import { BACKENDS } from './backends';
import { Sampler, sizeOf } from './sample';

/** Lengths around those of vectors, tiles and chunks. */
const LENGTHS = [1, 2, 5, 16, 33, 130, 255, 256, 300, 1030];
const APPENDED = [1, 3, 16, 260];

const random = new Sampler(2024);
/** What the constants below hold, to make others of it. */
const held = new WeakMap<Tensor, Float32Array>();
function hold(data: Float32Array, shape: Shape): Tensor {
  const x: Tensor = constant(data, shape);
  held.set(x, data);
  return x;
}
const host = (shape: Shape, low = -2, high = 2): Tensor => hold(random.floats(sizeOf(shape), low, high), shape);
const full = (shape: Shape, value: number): Tensor => hold(new Float32Array(sizeOf(shape)).fill(value), shape);

/** b appended to a, along an axis. */
function joined(a: Tensor, b: Tensor, axis: number): Tensor {
  const parts = [held.get(a)!, held.get(b)!];
  const outer = a.shape.slice(0, axis).reduce((n, size) => n * size, 1);
  const widths = [a, b].map((x) => x.shape.slice(axis).reduce((n, size) => n * size, 1));
  const out = new Float32Array(parts[0].length + parts[1].length);
  for (let i = 0; i < outer; i++) {
    parts.forEach((part, k) =>
      out.set(part.subarray(i * widths[k], (i + 1) * widths[k]), i * (widths[0] + widths[1]) + k * widths[0]),
    );
  }
  return hold(
    out,
    a.shape.map((size, d) => (d === axis ? size + b.shape[d] : size)),
  );
}

/** The first `count` of the second axis. */
function cut(x: Tensor, count: number): Tensor {
  const [outer, whole, ...rest] = x.shape;
  const row = sizeOf(rest);
  const out = new Float32Array(outer * count * row);
  for (let i = 0; i < outer; i++)
    out.set(held.get(x)!.subarray(i * whole * row, (i * whole + count) * row), i * count * row);
  return hold(out, [outer, count, ...rest]);
}

describe.each(BACKENDS)('%s: what does not matter changes no bit', (_, createBackend) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = new Engine(await createBackend());
  });

  const values = async (make: () => readonly Tensor[]): Promise<readonly HostData[]> => {
    const made = await run(() => [...make()], { engine });
    return read(made, { engine });
  };

  /** Both give the same, after the second has been cut to what the first has. */
  async function same(title: string, plain: () => readonly Tensor[], appended: () => readonly Tensor[]): Promise<void> {
    const [expected, actual] = [await values(plain), await values(appended)];
    expected.forEach((data, i) => {
      expect(actual[i].length, title).toBe(data.length);
      const at = data.findIndex((value: number, k: number) => !Object.is(value, actual[i][k]));
      expect(at < 0 ? null : `${title}: output ${i}, element ${at}: ${data[at]} becomes ${actual[i][at]}`).toBe(null);
    });
  }

  const first = (x: Tensor, ...size: number[]): Tensor =>
    x.slice(
      x.shape.map(() => 0),
      size,
    );

  test('zeros appended to a sum, along any axis', async () => {
    for (const n of LENGTHS) {
      for (const m of APPENDED) {
        const [row, column] = [host([3, n]), host([n, 5])];
        const [wide, long] = [joined(row, full([3, m], 0), 1), joined(column, full([m, 5], 0), 0)];
        await same(
          `sum of ${n} + ${m}`,
          () => [row.sum(1), row.slice([1], [1]).sum()],
          () => [wide.sum(1), wide.slice([1], [1]).sum()],
        );
        await same(
          `sum of ${n} + ${m} rows`,
          () => [column.sum(0)],
          () => [long.sum(0)],
        );
        await same(
          `sum of transposed ${n} + ${m}`,
          () => [row.transpose().sum(0), column.transpose().sum(1)],
          () => [wide.transpose().sum(0), long.transpose().sum(1)],
        );
      }
    }
  });

  test('other rows beside a reduction', async () => {
    for (const n of LENGTHS) {
      const x = host([6, n]);
      for (const op of ['sum', 'max', 'min', 'mean'] as const) {
        await same(
          `${op} of ${n}`,
          () => [x.slice([2, 0], [1, n])[op](1)],
          () => [x[op](1).slice([2], [1])],
        );
        await same(
          `${op} of column, ${n}`,
          () => [x.slice([0, n >> 1], [6, 1])[op](0)],
          () => [x[op](0).slice([n >> 1], [1])],
        );
      }
    }
  });

  test('rows of a product: one alone, few, many', async () => {
    for (const [k, n] of [
      [1, 1],
      [5, 3],
      [16, 33],
      [64, 40],
      [256, 16],
      [300, 17],
      [520, 100],
      [64, 1100],
    ]) {
      const [a, b, turned] = [host([70, k]), host([k, n]), host([n, k])];
      const all = async (right: () => Tensor): Promise<void> => {
        for (const [from, rows] of [
          [0, 1],
          [69, 1],
          [3, 2],
          [5, 4],
          [7, 5],
          [10, 16],
          [1, 63],
        ]) {
          await same(
            `rows ${from}…+${rows} of 70 × ${k} × ${n}`,
            () => [a.slice([from], [rows]).matmul(right())],
            () => [a.matmul(right()).slice([from], [rows])],
          );
        }
      };
      await all(() => b);
      await all(() => turned.transpose());
      // As one of a batch, and with the columns apart.
      const batch = host([4, 9, k]);
      const many = host([4, k, n]);
      await same(
        `one of a batch, ${k} × ${n}`,
        () => [batch.slice([2], [1]).matmul(many.slice([2], [1]))],
        () => [batch.matmul(many).slice([2], [1])],
      );
      await same(
        `columns of ${k} × ${n}`,
        () => [a.matmul(b.slice([0, n - 1], [k, 1]))],
        () => [a.matmul(b).slice([0, n - 1], [70, 1])],
      );
    }
  });

  test('zeros appended along the inner dimension of a product', async () => {
    for (const k of LENGTHS) {
      for (const m of APPENDED) {
        for (const rows of [1, 3, 20]) {
          const [a, b] = [host([rows, k]), host([k, 19])];
          const [wide, long] = [joined(a, full([rows, m], 0), 1), joined(b, full([m, 19], 0), 0)];
          await same(
            `${rows} × (${k} + ${m}) × 19`,
            () => [a.matmul(b)],
            () => [wide.matmul(long)],
          );
          // As in the gradient of a weight, where the inner dimension is that of tokens.
          const [x, dy] = [host([k, rows]), host([k, 19])];
          const [moreX, moreDy] = [joined(x, host([m, rows]), 0), joined(dy, full([m, 19], 0), 0)];
          await same(
            `xᵀ dy with ${m} of weight 0 after ${k}`,
            () => [x.transpose().matmul(dy)],
            () => [moreX.transpose().matmul(moreDy)],
          );
        }
      }
    }
  });

  const ROW_WISE: Readonly<Record<string, (x: Tensor, gain: Tensor, bias: Tensor) => Tensor>> = {
    softmax: (x) => softmax(x),
    logSoftmax: (x) => logSoftmax(x),
    layerNorm: (x, gain, bias) => layerNorm(x, gain, bias),
    rmsNorm: (x, gain) => rmsNorm(x, gain),
    gelu: (x) => gelu(x),
    logSumExp: (x) => logSumExp(x).unsqueeze(-1),
  };

  test.each(Object.keys(ROW_WISE))('batch neighbours of %s and its gradient', async (name) => {
    for (const c of LENGTHS) {
      const [x, dy, gain, bias] = [host([7, c]), host([7, name === 'logSumExp' ? 1 : c]), host([c]), host([c])];
      const both = (rows: Tensor, weights: Tensor): Tensor[] => {
        const y = ROW_WISE[name](rows, gain, bias);
        return [y, grad(y.mul(weights).sum(), [rows])[0]];
      };
      for (const [from, count] of [
        [0, 1],
        [6, 1],
        [2, 3],
      ]) {
        await same(
          `${name} of ${c}`,
          () => both(x.slice([from], [count]), dy.slice([from], [count])),
          () => both(x, dy).map((all) => all.slice([from], [count])),
        );
      }
    }
  });

  test('rows of weight 0 appended to a normalisation leave the gradients of gain and bias alone', async () => {
    for (const rows of [1, 4, 15, 16, 17, 70]) {
      for (const m of APPENDED) {
        for (const c of [3, 16, 100]) {
          const [x, dy, gain, bias] = [host([rows, c]), host([rows, c]), host([c]), host([c])];
          const [more, moreDy] = [joined(x, host([m, c]), 0), joined(dy, full([m, c], 0), 0)];
          const gradients = (y: Tensor, d: Tensor) => (): readonly Tensor[] =>
            grad(layerNorm(y, gain, bias).add(rmsNorm(y, gain)).mul(d).sum(), [gain, bias]);
          await same(`${rows} + ${m} rows of ${c}`, gradients(x, dy), gradients(more, moreDy));
        }
      }
    }
  });

  test('−∞ appended to softmax, log-sum-exp and cross-entropy, and to a maximum', async () => {
    for (const c of LENGTHS) {
      for (const m of APPENDED) {
        const x = host([3, c]);
        const wide = joined(x, full([3, m], -Infinity), 1);
        const targets = constant(Int32Array.of(0, c - 1, c >> 1));
        await same(
          `${c} + ${m}`,
          () => [softmax(x), logSumExp(x), crossEntropyRows(x, targets), x.max(1), x.argMax()],
          () => [
            first(softmax(wide), 3, c),
            logSumExp(wide),
            crossEntropyRows(wide, targets),
            wide.max(1),
            wide.argMax(),
          ],
        );
      }
    }
  });

  test('other rows beside a cross-entropy, ignored ones among them', async () => {
    const [n, c] = [9, 130];
    const [x, dy] = [host([n, c]), host([n])];
    const targets = Int32Array.from({ length: n }, (__, i) => (i % 3 === 1 ? -100 : (7 * i) % c));
    const both = (from: number, count: number): Tensor[] => {
      const rows = x.slice([from], [count]);
      const loss = crossEntropyRows(rows, constant(targets.slice(from, from + count)), { smoothing: 0.1 });
      return [loss, grad(loss.mul(dy.slice([from], [count])).sum(), [rows])[0]];
    };
    for (const [from, count] of [
      [0, 1],
      [1, 1],
      [3, 4],
    ]) {
      await same(
        `rows ${from}…+${count}`,
        () => both(from, count),
        () => both(0, n).map((all) => all.slice([from], [count])),
      );
    }
  });

  test('updates of 0 appended to scatterAdd', async () => {
    for (const n of [1, 5, 100]) {
      const ids = Int32Array.from({ length: n }, () => random.integer(0, 3));
      const more = Int32Array.of(...ids, 0, 1, 2, 3, 3);
      const x = host([n, 6]);
      const long = joined(x, full([5, 6], 0), 0);
      await same(
        `${n}`,
        () => [scatterAdd(constant(ids), x, 4)],
        () => [scatterAdd(constant(more), long, 4)],
      );
    }
  });

  describe('attention', () => {
    const shapes: readonly (readonly [T: number, S: number, Dh: number])[] = [
      [1, 5, 4],
      [3, 7, 8],
      [9, 33, 16],
      [64, 64, 8],
      [70, 300, 24],
      [1, 300, 16],
    ];
    const inputs = (B: number, T: number, S: number, H: number, Dh: number): [Tensor, Tensor, Tensor, Tensor] => [
      host([B, T, H, Dh]),
      host([B, S, H, Dh]),
      host([B, S, H, Dh]),
      host([B, T, H, Dh]),
    ];
    type Given = readonly [Tensor, Tensor, Tensor, Tensor];
    const both = ([q, k, v, d]: Given, options: Parameters<typeof scaledDotProductAttention>[3] = {}): Tensor[] => {
      const { output, logSumExp: lse } = scaledDotProductAttention(q, k, v, options);
      return [output, lse, ...grad(output.mul(d).sum(), [q, k, v])];
    };

    test('batch neighbours and other heads', async () => {
      for (const [T, S, Dh] of shapes) {
        const [H, at] = [3, [1, 2] as const];
        const all = inputs(4, T, S, H, Dh);
        const one = (x: Tensor): Tensor => x.slice([at[0], 0, at[1], 0], [1, x.shape[1], 1, x.shape[3]]);
        const mask = constant(
          Uint8Array.from({ length: 4 * S }, () => Number(random.chance(0.7))),
          [4, 1, 1, S],
        );
        await same(
          `${T} × ${S}`,
          () => both(all.map(one) as unknown as Given, { mask: mask.slice([at[0]], [1]) }),
          () => both(all, { mask }).map((x) => (x.rank === 3 ? x.slice([at[0], at[1], 0], [1, 1, T]) : one(x))),
        );
      }
    });

    test('keys that are masked and appended, with whatever they hold', async () => {
      for (const [T, S, Dh] of shapes) {
        for (const m of APPENDED) {
          const given = inputs(2, T, S, 2, Dh);
          const [q, k, v, d] = given;
          const longer = [
            q,
            joined(k, host([2, m, 2, Dh], -9, 9), 1),
            joined(v, host([2, m, 2, Dh], -9, 9), 1),
            d,
          ] as const;
          const may = Uint8Array.from({ length: S + m }, (__, s) => Number(s < S));
          await same(
            `${T} × ${S} + ${m}`,
            () => both(given),
            () =>
              both(longer, { mask: constant(may, [1, 1, 1, S + m]) }).map((x, i) =>
                i === 3 || i === 4 ? x.slice([0], [2, S]) : x,
              ),
          );
        }
      }
    });

    test('queries that are appended, with weight 0 in the gradient', async () => {
      for (const [T, S, Dh] of shapes) {
        for (const m of [1, 5, 64]) {
          const given = inputs(1, T, S, 2, Dh);
          const [q, k, v, d] = given;
          const longer = [joined(q, host([1, m, 2, Dh]), 1), k, v, joined(d, full([1, m, 2, Dh], 0), 1)] as const;
          await same(
            `${T} + ${m} × ${S}`,
            () => both(given),
            () =>
              both(longer).map((x, i) =>
                i === 1 ? x.slice([0, 0, 0], [1, 2, T]) : i === 3 || i === 4 ? x : x.slice([0], [1, T]),
              ),
          );
        }
      }
    });

    test('a later token under a causal mask, changed or appended, leaves earlier outputs alone', async () => {
      for (const T of [2, 5, 17, 64, 65, 130]) {
        const [q, k, v] = inputs(2, T, T, 2, 8);
        const whole = (): Tensor[] => [scaledDotProductAttention(q, k, v, { causal: true }).output];
        for (const j of new Set([1, T >> 1, T - 1])) {
          const changed = [q, k, v].map((x) => joined(cut(x, j), host([2, T - j, 2, 8]), 1)) as unknown as [
            Tensor,
            Tensor,
            Tensor,
          ];
          await same(
            `token ${j} of ${T}`,
            () => whole().map((x) => x.slice([0], [2, j])),
            () => [scaledDotProductAttention(...changed, { causal: true }).output.slice([0], [2, j])],
          );
          const shorter = [q, k, v].map((x) => cut(x, j)) as unknown as [Tensor, Tensor, Tensor];
          await same(
            `${j} of ${T} tokens`,
            () => [scaledDotProductAttention(...shorter, { causal: true }).output],
            () => whole().map((x) => x.slice([0], [2, j])),
          );
        }
      }
    });
  });
});

/** A small language model with everything that draws random numbers. */
class Tiny extends Module {
  readonly embedding = new Embedding({ vocabulary: 11, dimension: 16 });
  readonly attention = new MultiHeadAttention({ dimension: 16, heads: 2 });
  readonly norm = new LayerNorm({ dimension: 16 });
  readonly dropout = new Dropout({ rate: 0.2 });
  readonly head = new Linear({ inputs: 16, outputs: 11 });

  override forward(ids: Tensor): Tensor {
    const x = this.embedding.forward(ids); // (B, T, D)
    const y = x.add(this.dropout.forward(this.attend(this.norm.forward(x))));
    return this.head.forward(gelu(y)); // (B, T, V)
  }

  private attend(x: Tensor): Tensor {
    return this.attention.forward(x, x, x, { causal: true });
  }
}

describe.each(BACKENDS)('%s: the same seed gives the same bits', (_, createBackend) => {
  async function train(seed: number, options: EngineOptions = {}): Promise<Map<string, HostData>> {
    const engine = new Engine(await createBackend(), options);
    const model = new Tiny();
    initialize(model, { seed });
    const optimizer = new AdamW(model.parameters(), { learningRate: 1e-2, clipNorm: 1 });
    const step = compile(
      (ids: Tensor, targets: Tensor) => {
        const loss = crossEntropy(model.forward(ids).reshape([-1, 11]), targets).mean();
        optimizer.apply(grad(loss, model.parameters()));
        return loss;
      },
      { mode: 'train', seed, engine },
    );
    const batches = new Sampler(1);
    for (let n = 0; n < 20; n++) {
      const ids = Int32Array.from({ length: 28 }, () => batches.integer(0, 10));
      await step(tensor(ids, [4, 7]), tensor(ids.map((id) => (3 * id + 1) % 11)));
    }
    const result = new Map<string, HostData>();
    for (const [name, parameter] of model.namedParameters())
      result.set(name, (await read([parameter.value], { engine }))[0]);
    return result;
  }

  test('of all weights after 20 steps, again and under any plan', async () => {
    const weights = await train(5);
    expect([...weights.values()].every((data) => data.every((value: number) => Number.isFinite(value)))).toBe(true);
    expect(await train(5)).toEqual(weights);
    for (const plan of [{ reuse: false }, { inPlace: false }, { fuse: false }, { poison: true }])
      expect(await train(5, { plan }), JSON.stringify(plan)).toEqual(weights);
    expect(await train(6)).not.toEqual(weights);
  });
});
