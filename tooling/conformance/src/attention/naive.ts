import { dot, Scalar, sum } from './scalar';

/** A layer of attention, what it is asked, and nothing about how it is computed. */
export interface Specification {
  readonly B: number;
  readonly T: number;
  readonly S: number;
  /** Heads of queries, and of keys and values. */
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly score: 'scaledDotProduct' | 'dotProduct' | 'general' | 'additive';
  readonly normalization: 'softmax' | 'relu' | 'sparsemax' | 'entmax15';
  readonly position: 'none' | 'rotary' | 'alibi' | 'clipped' | 'buckets';
  readonly queryKeyNorm: boolean;
  readonly softCap: number | undefined;
  readonly sinks: boolean;
  /** Whether query i may attend to key j in sequence b. */
  readonly may: (b: number, i: number, j: number) => boolean;
}

export const CLIP = 2;
export const BUCKETS = 8;
export const FARTHEST = 6;

type Row = readonly Scalar[];

/** Rows of `size` numbers. */
export const rowsOf = (flat: Row, size: number): Row[] =>
  Array.from({ length: flat.length / size }, (_, r) => flat.slice(r * size, (r + 1) * size));

/** W x + b */
function linear(weights: ReadonlyMap<string, Row>, name: string, x: Row): Row {
  const bias = weights.get(`${name}.bias`);
  return rowsOf(weights.get(`${name}.weight`)!, x.length).map((w, r) =>
    bias === undefined ? dot(w, x) : dot(w, x).add(bias[r]),
  );
}

/** Zhang & Sennrich 2019: x/√(mean(x²) + ε) · gain. */
function rootMeanSquare(x: Row, gain: Row): Row {
  const scale = dot(x, x)
    .mul(1 / x.length)
    .add(1e-5)
    .pow(-0.5);
  return x.map((value, c) => value.mul(scale).mul(gain[c]));
}

/** Su et al. 2021, Eq. 34: neighbouring features are one complex number, turned by p·10000^(−2i/Dh). */
function rotate(x: Row, p: number): Row {
  return x.map((value, c) => {
    const angle = p * 10000 ** (-(c - (c % 2)) / x.length);
    const other = c % 2 === 0 ? x[c + 1].mul(-1) : x[c - 1];
    return value.mul(Math.cos(angle)).add(other.mul(Math.sin(angle)));
  });
}

/** The code of T5 (Raffel et al. 2020), with log as written there. */
function bucket(relative: number): number {
  const each = BUCKETS / 2;
  const [offset, n, exact] = [relative > 0 ? each : 0, Math.abs(relative), each / 2];
  if (n < exact) return offset + n;
  const far = exact + Math.floor((Math.log(n / exact) / Math.log(FARTHEST / exact)) * (each - exact));
  return offset + Math.min(far, each - 1);
}

/** What is added to the score of query i and key j in head h, of `heads`, a power of two. */
function bias(
  { position, heads }: Specification,
  weights: ReadonlyMap<string, Row>,
  h: number,
  i: number,
  j: number,
): Scalar {
  if (position === 'alibi') return new Scalar(-(2 ** ((-8 * (h + 1)) / heads)) * Math.abs(i - j)); // Press et al. 2022
  const table = weights.get('positions.weight');
  if (position === 'clipped') return table![(Math.max(-CLIP, Math.min(CLIP, j - i)) + CLIP) * heads + h];
  return position === 'buckets' ? table![bucket(j - i) * heads + h] : new Scalar(0);
}

function scoreOf({ score }: Specification, weight: Row | undefined, h: number, q: Row, k: Row): Scalar {
  const size = q.length;
  if (score === 'dotProduct') return dot(q, k);
  if (score === 'scaledDotProduct') return dot(q, k).mul(1 / Math.sqrt(size));
  if (score === 'additive') {
    return dot(
      weight!.slice(h * size, (h + 1) * size),
      q.map((x, c) => x.add(k[c]).tanh()),
    );
  }
  const W = rowsOf(weight!, size).slice(h * size, (h + 1) * size);
  return dot(
    q,
    W.map((row) => dot(row, k)),
  );
}

/** Weights of those scores that may be attended to, of which there is at least one. */
function normalize(name: Specification['normalization'], scores: Row, sink: Scalar | undefined): Row {
  const largest = Math.max(...scores.map(({ value }) => value));
  const sorted = scores.toSorted((a, b) => b.value - a.value);
  if (name === 'relu') return scores.map((s) => s.positive().mul(1 / scores.length)); // Wortsman et al. 2023
  if (name === 'softmax') {
    const e = scores.map((s) => s.add(-largest).exp());
    const total = sink === undefined ? sum(e) : sum(e).add(sink.add(-largest).exp());
    return e.map((x) => x.mul(total.pow(-1)));
  }
  if (name === 'sparsemax') {
    // Martins & Astudillo 2016, Algorithm 1.
    const support = sorted.filter((s, r) => 1 + (r + 1) * s.value > sum(sorted.slice(0, r + 1)).value);
    const threshold = sum(support)
      .add(-1)
      .mul(1 / support.length);
    return scores.map((s) => s.sub(threshold).positive());
  }
  // Peters et al. 2019, Algorithm 2: the largest support whose threshold leaves its smallest member in.
  const halves = sorted.map((s) => s.mul(0.5));
  const thresholds = halves.map((_, r) => {
    const first = halves.slice(0, r + 1);
    const mean = sum(first).mul(1 / first.length);
    const spread = sum(first.map((x) => x.sub(mean).pow(2)));
    const root = spread
      .mul(-1)
      .add(1)
      .mul(1 / first.length);
    return root.value < 0 ? null : mean.sub(root.pow(0.5));
  });
  const threshold = thresholds.findLast((t, r) => t !== null && t.value <= halves[r].value)!;
  return scores.map((s) => s.mul(0.5).sub(threshold).positive().pow(2));
}

/** The layer, in loops: x (B·T, D), keys (B·S, Dk), values (B·S, Dv) → (B·T, D). */
export function naive(
  spec: Specification,
  weights: ReadonlyMap<string, Row>,
  x: Row[],
  keys: Row[],
  values: Row[],
): Row[] {
  const { B, T, S, heads, keyValueHeads } = spec;
  const project = (name: string, from: Row[], count: number, norm: string | null): Row[][] =>
    from.map((row, r) => {
      const all = linear(weights, name, row);
      return rowsOf(all, all.length / count).map((head) => {
        const normed = spec.queryKeyNorm && norm !== null ? rootMeanSquare(head, weights.get(`${norm}.gain`)!) : head;
        return spec.position === 'rotary' && norm !== null ? rotate(normed, r % (from.length / B)) : normed;
      });
    });
  const q = project('query', x, heads, 'queryNorm');
  const k = project('key', keys, keyValueHeads, 'keyNorm');
  const v = project('value', values, keyValueHeads, null);
  return x.map((_, r) => {
    const [b, i] = [Math.floor(r / T), r % T];
    const open = Array.from({ length: S }, (__, j) => j).filter((j) => spec.may(b, i, j));
    const merged = q[r].flatMap((query, h) => {
      const group = Math.floor(h / (heads / keyValueHeads));
      const scores = open.map((j) => {
        const s = scoreOf(spec, weights.get('scoreWeight'), h, query, k[b * S + j][group]);
        const capped =
          spec.softCap === undefined
            ? s
            : s
                .mul(1 / spec.softCap)
                .tanh()
                .mul(spec.softCap);
        return capped.add(bias(spec, weights, h, i, j));
      });
      const alpha =
        open.length === 0
          ? []
          : normalize(spec.normalization, scores, spec.sinks ? weights.get('sinks')![h] : undefined);
      return v[0][0].map((__, c) => sum(open.map((j, n) => alpha[n].mul(v[b * S + j][group][c]))));
    });
    return linear(weights, 'output', merged);
  });
}
