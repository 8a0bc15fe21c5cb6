/**
 * The formulas of layers in plain numbers, one sequence at a time and without padding, written from the papers: what the
 * models of this package are compared with. Rows of a matrix are positions.
 */
export type Matrix = readonly (readonly number[])[];

/** Values of parameters by name. */
export type Weights = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: ArrayLike<number> }>;

export interface Variant {
  readonly heads: number;
  readonly normalization: 'pre' | 'post';
  readonly activation: 'relu' | 'silu' | 'geluTanh';
  readonly positions: string;
}

const indices = (length: number): number[] => Array.from({ length }, (_, i) => i);
const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
export const addRows = (a: Matrix, b: Matrix): number[][] => a.map((row, t) => row.map((x, d) => x + b[t][d]));
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

const ACTIVATIONS = {
  relu: (x: number): number => Math.max(0, x),
  silu: (x: number): number => x * sigmoid(x),
  geluTanh: (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
};

/** A parameter of two dimensions as rows. */
export function rowsOf(weights: Weights, name: string): number[][] {
  const { shape, data } = weights.get(name)!;
  const size = shape.slice(1).reduce((a, b) => a * b, 1);
  return indices(shape[0]).map((r) => Array.from({ length: size }, (_, c) => data[r * size + c]));
}

export function vectorOf(weights: Weights, name: string): number[] | null {
  return weights.has(name) ? Array.from(weights.get(name)!.data) : null;
}

/** x Wᵀ + b, where there is a b. */
export function linear(weights: Weights, name: string, x: Matrix): number[][] {
  const bias = vectorOf(weights, `${name}.bias`);
  const matrix = rowsOf(weights, `${name}.weight`);
  return x.map((row) => matrix.map((w, r) => sum(w.map((value, c) => value * row[c])) + (bias?.[r] ?? 0)));
}

/** LayerNorm where there is a bias, else RMSNorm; nothing where there is no gain. */
export function norm(weights: Weights, name: string, x: Matrix): number[][] {
  const [gain, bias] = [vectorOf(weights, `${name}.gain`), vectorOf(weights, `${name}.bias`)];
  if (gain === null) return x.map((row) => [...row]);
  return x.map((row) => {
    const mean = bias === null ? 0 : sum(row) / row.length;
    const variance = sum(row.map((value) => (value - mean) ** 2)) / row.length;
    return row.map((value, d) => ((value - mean) / Math.sqrt(variance + 1e-5)) * gain[d] + (bias?.[d] ?? 0));
  });
}

export function feedForward(weights: Weights, name: string, x: Matrix, { activation }: Variant): number[][] {
  const act = ACTIVATIONS[activation];
  const inner = linear(weights, `${name}.inner`, x);
  const gated = weights.has(`${name}.gate.weight`);
  const gate = gated ? linear(weights, `${name}.gate`, x) : inner;
  return linear(
    weights,
    `${name}.outer`,
    gate.map((row, t) => row.map((value, d) => act(value) * (gated ? inner[t][d] : 1))),
  );
}

/** Sublayer number i of a layer: pre x + λ f(N(x)), post N(x + λ f(x)). */
export function residual(
  weights: Weights,
  layer: string,
  i: number | '',
  x: Matrix,
  f: (x: Matrix) => Matrix,
  { normalization }: Variant,
): number[][] {
  const scale = vectorOf(weights, `${layer}.scale${i}.gain`);
  const y = f(normalization === 'pre' ? norm(weights, `${layer}.norm${i}`, x) : x);
  const added = addRows(
    x,
    y.map((row) => row.map((value, d) => value * (scale?.[d] ?? 1))),
  );
  return normalization === 'post' ? norm(weights, `${layer}.norm${i}`, added) : added;
}

/** Su et al. 2021, Eq. 34: pairs of neighbouring features turned by p·10000^(−2i/Dh). */
function rotate(head: readonly number[], p: number): number[] {
  return head.map((value, d) => {
    const angle = p * 10000 ** (-(d - (d % 2)) / head.length);
    return d % 2 === 0
      ? value * Math.cos(angle) - head[d + 1] * Math.sin(angle)
      : value * Math.cos(angle) + head[d - 1] * Math.sin(angle);
  });
}

/** T5's code: half of the buckets for keys behind, or all of them. */
function bucket(relative: number, bidirectional: boolean): number {
  const buckets = bidirectional ? 16 : 32;
  const offset = bidirectional && relative > 0 ? buckets : 0;
  const n = bidirectional ? Math.abs(relative) : Math.max(-relative, 0);
  const exact = buckets / 2;
  if (n < exact) return offset + n;
  const far = exact + Math.floor((Math.log(n / exact) / Math.log(128 / exact)) * (buckets - exact));
  return offset + Math.min(far, buckets - 1);
}

/** What positions add to the score of query i and key j in head h. `owner` is the layer whose name the shared weights have. */
function bias(weights: Weights, owner: string, causal: boolean, { positions, heads }: Variant) {
  const table = `${owner}.selfAttention.positions.weight`;
  const learned = weights.has(table) ? rowsOf(weights, table) : [];
  return (i: number, j: number, h: number): number => {
    if (positions === 'alibi') return -Math.abs(i - j) * 2 ** ((-8 * (h + 1)) / heads); // for powers of two heads
    if (positions === 'relative') return learned[Math.min(Math.max(j - i, -16), 16) + 16][h];
    return positions === 't5' ? learned[bucket(j - i, !causal)][h] : 0;
  };
}

export interface AttentionPlace {
  readonly causal: boolean;
  /** Whose attention positions apply; none for the attention to memory. */
  readonly owner?: string;
}

export function attention(
  weights: Weights,
  name: string,
  query: Matrix,
  key: Matrix,
  { causal, owner }: AttentionPlace,
  variant: Variant,
): number[][] {
  const { heads } = variant;
  const shift = owner === undefined ? () => 0 : bias(weights, owner, causal, variant);
  const turned = owner !== undefined && variant.positions === 'rotary';
  const [q, k, v] = [
    linear(weights, `${name}.query`, query),
    linear(weights, `${name}.key`, key),
    linear(weights, `${name}.value`, key),
  ];
  const size = q[0].length / heads;
  const headOf = (row: readonly number[], h: number): number[] => row.slice(h * size, (h + 1) * size);
  const merged = q.map((row, i) =>
    indices(heads).flatMap((h) => {
      const at = (values: readonly number[], p: number): number[] =>
        turned ? rotate(headOf(values, h), p) : headOf(values, h);
      const mine = at(row, i);
      const e = k.map((other, j) => {
        if (causal && j > i) return 0;
        const theirs = at(other, j);
        return Math.exp(sum(mine.map((value, c) => value * theirs[c])) / Math.sqrt(size) + shift(i, j, h));
      });
      const total = sum(e);
      return indices(size).map((c) => sum(e.map((value, j) => (value / total) * v[j][h * size + c])));
    }),
  );
  return linear(weights, `${name}.output`, merged);
}

/** Bahdanau et al. 2015: the states of both directions side by side. Gates in torch's order. */
export function recurrence(weights: Weights, name: string, x: Matrix): number[][] {
  const direction = (layers: string, order: readonly number[]): number[][] => {
    const part = `${name}.${layers}.0`;
    const [input, state] = ['input', 'state'].map((kind) => ({
      weight: rowsOf(weights, `${part}.${kind}Weight`),
      bias: vectorOf(weights, `${part}.${kind}Bias`)!,
    }));
    const H = state.weight[0].length;
    const isGru = state.weight.length === 3 * H;
    let [h, c] = [Array<number>(H).fill(0), Array<number>(H).fill(0)];
    const states: number[][] = [];
    for (const t of order) {
      const [a, b] = [
        [input, x[t]],
        [state, h],
      ].map(([part, values]) => {
        const { weight, bias: shift } = part as typeof input;
        return weight.map((w, r) => sum(w.map((value, i) => value * (values as number[])[i])) + shift[r]);
      });
      const gate = (g: number, d: number): number => a[g * H + d] + b[g * H + d];
      h = indices(H).map((d) => {
        if (isGru) {
          const [r, z] = [sigmoid(gate(0, d)), sigmoid(gate(1, d))];
          return (1 - z) * Math.tanh(a[2 * H + d] + r * b[2 * H + d]) + z * h[d];
        }
        c[d] = sigmoid(gate(1, d)) * c[d] + sigmoid(gate(0, d)) * Math.tanh(gate(2, d));
        return sigmoid(gate(3, d)) * Math.tanh(c[d]);
      });
      states[t] = h;
    }
    return states;
  };
  const forwards = indices(x.length);
  const [a, b] = [direction('forwardLayers', forwards), direction('backwardLayers', [...forwards].reverse())];
  return a.map((row, t) => [...row, ...b[t]]);
}

/** Gehring et al. 2017: A ⊙ σ(B) of a convolution with as much before as after. */
export function gatedConvolution(weights: Weights, name: string, x: Matrix): number[][] {
  const { shape, data } = weights.get(`${name}.weight`)!;
  const [outputs, inputs, K] = shape;
  const shift = vectorOf(weights, `${name}.bias`)!;
  return x.map((_, t) => {
    const y = indices(outputs).map((o) => {
      let value = shift[o];
      for (let c = 0; c < inputs; c++) {
        for (let k = 0; k < K; k++) {
          value += data[(o * inputs + c) * K + k] * (x[t + k - (K - 1) / 2]?.[c] ?? 0);
        }
      }
      return value;
    });
    return y.slice(0, outputs / 2).map((value, d) => value * sigmoid(y[outputs / 2 + d]));
  });
}
