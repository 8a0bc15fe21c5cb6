import {
  arange,
  barrier,
  concat,
  type DType,
  full,
  internals,
  oneHot,
  pad,
  scatterAdd,
  select,
  type Shape,
  softmax,
  logSoftmax,
  layerNorm,
  rmsNorm,
  scaledDotProductAttention,
  crossEntropyRows,
  adamW,
  stack,
  stopGradient,
  tensor,
  type Tensor,
} from '@qkv/tensor';

import { bools, type Given, given, integers, Sampler, sizeOf } from './sample';

/**
 * What is known of a value before it is computed. `exact` float32 values are multiples of 2^−fraction below 2^magnitude,
 * few enough bits that every order of summation gives the same: they may be compared bit for bit, and decide comparisons.
 * The others may be off by `error`.
 */
interface Known {
  readonly exact: boolean;
  readonly fraction: number;
  readonly magnitude: number;
  readonly error: number;
}

interface Entry extends Known {
  /** The value of a graph outside of any trace: for its shape and type, and for `validateGraph`. */
  readonly shadow: Tensor;
}

interface Step {
  readonly text: string;
  readonly from: readonly number[];
  /** From the pool, tensors that join it. */
  readonly apply: (xs: readonly Tensor[]) => readonly Tensor[];
  /** Overwrites this Variable with its first operand, and adds the Variable's new value to the pool. */
  readonly assigns?: number;
  /** Outputs it adds to the pool. */
  readonly count: number;
}

/** A program on data: what goes in, what is done, what comes out. Half of it is one as well. */
export interface RandomGraph {
  readonly seed: number;
  readonly inputs: readonly Given[];
  /** The first values of Variables. */
  readonly variables: readonly Given[];
  readonly steps: readonly Step[];
  /** Of the pool, which begins with the inputs and the values of the Variables. */
  readonly known: readonly Known[];
  readonly outputs: readonly number[];
  readonly shadows: readonly Tensor[];
}

const U = 2 ** -24;
/** Bits that exact values may have. */
const BITS = 22;
/** Errors above are not worth a comparison. */
const MOST_ERROR = 2 ** -9;
const MOST_ELEMENTS = 600;

const EXACT: Known = { exact: true, fraction: 3, magnitude: 1, error: 0 };
const INTEGER = (magnitude: number): Known => ({
  exact: true,
  fraction: 0,
  magnitude: Math.min(magnitude, 31),
  error: 0,
});
const BOOL: Known = INTEGER(0);

/** The result of exact arithmetic where it still fits, else a rounded one. */
function fixed(fraction: number, magnitude: number, from: readonly Known[], error: number): Known {
  const exact = from.every((x) => x.exact) && fraction + magnitude <= BITS;
  return { exact, fraction: exact ? fraction : 0, magnitude, error: exact ? 0 : error + U * 2 ** magnitude };
}

const rounded = (magnitude: number, error: number, ulps: number): Known => ({
  exact: false,
  fraction: 0,
  magnitude,
  error: error + ulps * U * 2 ** magnitude,
});

const multiples = (random: Sampler, shape: Shape): Given =>
  given(
    shape,
    Float32Array.from({ length: sizeOf(shape) }, () => random.integer(-16, 16) / 8),
  );

class Maker {
  readonly inputs: Given[] = [];
  readonly variables: Given[] = [];
  readonly steps: Step[] = [];
  readonly pool: Entry[] = [];
  /** Of the pool: where the latest value of each Variable is. */
  readonly latest: number[] = [];

  constructor(readonly random: Sampler) {
    for (let n = random.integer(1, 3); n > 0; n--) this.input(multiples(random, this.shape()), EXACT);
    if (random.chance(0.5)) this.input(integers(random, this.shape(), -9, 9), INTEGER(4));
    if (random.chance(0.4)) this.input(bools(random, this.shape()), BOOL);
    this.input(
      given(
        [4],
        Int32Array.from({ length: 4 }, () => random.word() | 0),
      ),
      INTEGER(31),
    );
    for (let n = random.pick([0, 1, 1, 2, 3]); n > 0; n--) {
      const first = multiples(
        random,
        random.chance(0.3) && this.variables.length > 0 ? this.variables[0].shape : this.shape(),
      );
      this.variables.push(first);
      this.latest.push(this.pool.push({ ...EXACT, shadow: tensor(first.data, first.shape) }) - 1);
    }
  }

  private input(data: Given, known: Known): void {
    this.inputs.push(data);
    this.pool.push({ ...known, shadow: tensor(data.data, data.shape) });
  }

  shape(): number[] {
    const { random } = this;
    const shape = Array.from({ length: random.pick([0, 1, 2, 2, 3, 3, 4]) }, () => random.pick([1, 2, 3, 4, 5, 7]));
    if (shape.length > 0 && random.chance(0.03)) shape[0] = 0;
    while (sizeOf(shape) > 200) shape.pop();
    return shape;
  }

  /** A value of the pool that fits, the later the likelier. */
  find(fits: (entry: Entry) => boolean): number | null {
    const good = [...this.pool.keys()].filter((i) => fits(this.pool[i]));
    if (good.length === 0) return null;
    return this.random.chance(0.6)
      ? good[Math.max(0, good.length - 1 - this.random.integer(0, 3))]
      : this.random.pick(good);
  }

  add(text: string, from: readonly number[], apply: Step['apply'], ...known: readonly Known[]): boolean {
    if (known.some((one) => one.error > MOST_ERROR)) return false;
    const shadows = apply(from.map((i) => this.pool[i].shadow));
    if (shadows.some((shadow) => shadow.size > MOST_ELEMENTS)) return false;
    this.steps.push({ text, from, apply, count: shadows.length });
    shadows.forEach((shadow, i) => this.pool.push({ ...known[i], shadow }));
    return true;
  }

  /** Numbers that grew too large come back by a power of two, which keeps exact ones exact. */
  tame(): void {
    const at = this.pool.length - 1;
    const last = this.pool[at];
    if (last.shadow.dtype !== 'float32' || last.magnitude <= 3) return;
    const shift = Math.ceil(last.magnitude) - 1;
    const factor = 2 ** -shift;
    const magnitude = last.magnitude - shift;
    const fraction = last.fraction + shift;
    const exact = last.exact && fraction + magnitude <= BITS;
    this.add(`mul ${factor}`, [at], ([x]) => [x.mul(factor)], {
      exact,
      fraction: exact ? fraction : 0,
      magnitude,
      error: last.error * factor + (exact ? 0 : U),
    });
  }
}

const isFloat = (entry: Entry): boolean => entry.shadow.dtype === 'float32';
const isSmall = (entry: Entry): boolean => isFloat(entry) && entry.magnitude <= 3;
const ofType =
  (dtype: DType) =>
  (entry: Entry): boolean =>
    entry.shadow.dtype === dtype;

function broadcasts(a: Shape, b: Shape): boolean {
  for (let i = 1; i <= Math.min(a.length, b.length); i++) {
    const [x, y] = [a[a.length - i], b[b.length - i]];
    if (x !== y && x !== 1 && y !== 1) return false;
  }
  return true;
}

/** Unary functions with bounded slopes: slope and magnitude of the result for |x| < 2^m, and units of rounding. */
const SMOOTH: readonly (readonly [
  string,
  (x: Tensor) => Tensor,
  (m: number) => number,
  (m: number) => number,
  number,
])[] = [
  ['tanh', (x) => x.tanh(), () => 1, () => 0, 4],
  ['erf', (x) => x.erf(), () => 1.2, () => 0, 4],
  ['sin', (x) => x.sin(), () => 1, () => 0, 4],
  ['cos', (x) => x.cos(), () => 1, () => 0, 4],
  ['exp', (x) => x.minimum(1).exp(), () => 2.8, () => 1.5, 4],
  ['log', (x) => x.abs().add(0.5).log(), () => 2, (m) => Math.log2(m + 1.5), 8],
  ['sqrt', (x) => x.abs().add(0.25).sqrt(), () => 1, (m) => m / 2 + 1, 4],
  ['div', (x) => internals.applyTensors('div', [full([], 1), x.abs().add(1)])[0], () => 1, () => 0, 8],
  ['pow', (x) => x.abs().add(0.5).pow(1.5), (m) => 1.5 * Math.sqrt(2 ** m + 1), (m) => 1.5 * (m + 1), 8],
  ...['sigmoid', 'gelu', 'geluTanh', 'silu', 'softplus'].map(
    (name) => [name, (x: Tensor) => internals.applyTensors(name, [x])[0], () => 1.2, (m: number) => m + 1, 16] as const,
  ),
];

type Rule = (maker: Maker) => boolean;

const RULES: readonly (readonly [weight: number, rule: Rule])[] = [
  [8, smooth],
  [10, arithmetic],
  [4, exactUnary],
  [4, compare],
  [4, choose],
  [4, convert],
  [4, integerArithmetic],
  [16, view],
  [5, join],
  [3, padding],
  [8, reduction],
  [7, matmul],
  [4, gathering],
  [2, scattering],
  [2, made],
  [3, identity],
  [2, noise],
  [8, composite],
  [5, assign],
];
const TOTAL = RULES.reduce((sum, [weight]) => sum + weight, 0);

function smooth(maker: Maker): boolean {
  const at = maker.find(isSmall);
  if (at === null) return false;
  const [name, fn, slope, magnitude, ulps] = maker.random.pick(SMOOTH);
  const { magnitude: m, error } = maker.pool[at];
  return maker.add(name, [at], ([x]) => [fn(x)], rounded(magnitude(m), slope(m) * error, ulps));
}

function arithmetic(maker: Maker): boolean {
  const { random, pool } = maker;
  const i = maker.find(isFloat);
  if (i === null) return false;
  const a = pool[i];
  const op = random.pick(['add', 'sub', 'mul', 'maximum', 'minimum'] as const);
  if (random.chance(0.25)) {
    const number = random.pick([0, -0, 1, -1.5, 0.25, 2]);
    const literal = { ...EXACT, fraction: 2 };
    return maker.add(`${op} ${number}`, [i], ([x]) => [x[op](number)], resultOf(op, a, literal));
  }
  const j = maker.find((entry) => isFloat(entry) && broadcasts(entry.shadow.shape, a.shadow.shape));
  if (j === null) return false;
  return maker.add(op, [i, j], ([x, y]) => [x[op](y)], resultOf(op, a, pool[j]));
}

function resultOf(op: 'add' | 'sub' | 'mul' | 'maximum' | 'minimum', a: Known, b: Known): Known {
  if (op === 'mul')
    return fixed(
      a.fraction + b.fraction,
      a.magnitude + b.magnitude,
      [a, b],
      2 ** a.magnitude * b.error + 2 ** b.magnitude * a.error,
    );
  const larger = Math.max(a.magnitude, b.magnitude);
  return fixed(
    Math.max(a.fraction, b.fraction),
    op === 'add' || op === 'sub' ? larger + 1 : larger,
    [a, b],
    a.error + b.error,
  );
}

function exactUnary(maker: Maker): boolean {
  const op = maker.random.pick(['neg', 'abs', 'sign', 'floor', 'ceil'] as const);
  const steps = op === 'neg' || op === 'abs' ? 0 : 1;
  const at = maker.find((entry) => isFloat(entry) && (entry.exact || steps === 0));
  if (at === null) return false;
  const from = maker.pool[at];
  const known = steps === 0 ? from : { ...INTEGER(op === 'sign' ? 0 : from.magnitude + 1) };
  return maker.add(op, [at], ([x]) => [x[op]()], { ...known });
}

function compare(maker: Maker): boolean {
  const { random, pool } = maker;
  if (random.chance(0.3)) {
    const i = maker.find(ofType('bool'));
    const j =
      i === null
        ? null
        : maker.find((entry) => ofType('bool')(entry) && broadcasts(entry.shadow.shape, pool[i].shadow.shape));
    if (i === null || j === null) return false;
    const op = random.pick(['and', 'or', 'not', 'equal'] as const);
    return maker.add(op, [i, j], ([x, y]) => [op === 'not' ? x.not() : x[op](y)], BOOL);
  }
  const i = maker.find((entry) => entry.exact && !ofType('bool')(entry));
  if (i === null) return false;
  const op = random.pick(['equal', 'notEqual', 'less', 'lessEqual', 'greater', 'greaterEqual'] as const);
  if (random.chance(0.4)) return maker.add(`${op} 0`, [i], ([x]) => [x[op](0)], BOOL);
  const j = maker.find(
    (entry) =>
      entry.exact &&
      entry.shadow.dtype === pool[i].shadow.dtype &&
      broadcasts(entry.shadow.shape, pool[i].shadow.shape),
  );
  return j !== null && maker.add(op, [i, j], ([x, y]) => [x[op](y)], BOOL);
}

function choose(maker: Maker): boolean {
  const { pool, random } = maker;
  const c = maker.find(ofType('bool'));
  const i = c === null ? null : maker.find((entry) => broadcasts(entry.shadow.shape, pool[c].shadow.shape));
  if (c === null || i === null) return false;
  const a = pool[i];
  if (random.chance(0.3) && a.shadow.dtype !== 'bool') {
    return maker.add('select …, 1', [c, i], ([test, x]) => [select(test, x, 1)], {
      ...a,
      magnitude: Math.max(a.magnitude, 0),
    });
  }
  const j = maker.find(
    (entry) =>
      entry.shadow.dtype === a.shadow.dtype &&
      broadcasts(entry.shadow.shape, pool[c].shadow.shape) &&
      broadcasts(entry.shadow.shape, a.shadow.shape),
  );
  if (j === null) return false;
  const b = pool[j];
  const known = a.shadow.dtype === 'float32' ? resultOf('maximum', a, b) : INTEGER(Math.max(a.magnitude, b.magnitude));
  return maker.add('select', [c, i, j], ([test, x, y]) => [select(test, x, y)], known);
}

function convert(maker: Maker): boolean {
  const at = maker.find((entry) => entry.exact);
  if (at === null) return false;
  const { shadow, magnitude } = maker.pool[at];
  const to = maker.random.pick<DType>(['float32', 'int32', 'bool']);
  if (shadow.dtype === 'int32' && to === 'float32' && magnitude > BITS) return false;
  const known = shadow.dtype === to ? maker.pool[at] : to === 'bool' ? BOOL : INTEGER(magnitude);
  return maker.add(`cast ${to}`, [at], ([x]) => [x.cast(to)], { ...known });
}

function integerArithmetic(maker: Maker): boolean {
  const { pool, random } = maker;
  const i = maker.find(ofType('int32'));
  if (i === null) return false;
  const a = pool[i];
  const op = random.pick(['add', 'sub', 'mul', 'maximum', 'minimum', 'neg', 'abs', 'sign'] as const);
  if (op === 'neg' || op === 'abs' || op === 'sign')
    return maker.add(op, [i], ([x]) => [x[op]()], INTEGER(a.magnitude));
  const j = maker.find((entry) => ofType('int32')(entry) && broadcasts(entry.shadow.shape, a.shadow.shape));
  if (j === null) return false;
  const b = pool[j];
  return maker.add(
    op,
    [i, j],
    ([x, y]) => [x[op](y)],
    INTEGER(op === 'mul' ? a.magnitude + b.magnitude : Math.max(a.magnitude, b.magnitude) + 1),
  );
}

function view(maker: Maker): boolean {
  const { random, pool } = maker;
  const at = maker.find((entry) => entry.shadow.rank > 0 || random.chance(0.2));
  if (at === null) return false;
  const {
    shadow: { shape, rank, size },
  } = pool[at];
  const known = {
    exact: pool[at].exact,
    fraction: pool[at].fraction,
    magnitude: pool[at].magnitude,
    error: pool[at].error,
  };
  switch (
    random.pick(['permute', 'permute', 'slice', 'slice', 'expand', 'reshape', 'flat', 'unsqueeze', 'transpose'])
  ) {
    case 'permute': {
      const axes = random.shuffled([...shape.keys()]);
      return maker.add(`permute ${axes}`, [at], ([x]) => [x.permute(axes)], known);
    }
    case 'transpose':
      return rank >= 2 && maker.add('transpose', [at], ([x]) => [x.transpose()], known);
    case 'slice': {
      const start = shape.map((n) => random.integer(0, Math.max(0, n - 1)));
      const length = shape.map((n, d) =>
        random.integer(random.chance(0.05) ? 0 : Math.min(1, n - start[d]), n - start[d]),
      );
      return maker.add(`slice ${start}; ${length}`, [at], ([x]) => [x.slice(start, length)], known);
    }
    case 'expand': {
      const to = [
        ...(random.chance(0.4) ? [random.integer(1, 3)] : []),
        ...shape.map((n) => (n === 1 ? random.integer(1, 4) : n)),
      ];
      return maker.add(`expand ${to}`, [at], ([x]) => [x.expand(to)], known);
    }
    case 'unsqueeze': {
      const axis = random.integer(0, rank);
      return maker.add(`unsqueeze ${axis}`, [at], ([x]) => [x.unsqueeze(axis)], known);
    }
    case 'flat':
      return size > 0 && maker.add('reshape -1', [at], ([x]) => [x.reshape([-1])], known);
    default: {
      const divisors = Array.from({ length: size }, (_, d) => d + 1).filter((d) => size % d === 0);
      if (size === 0) return false;
      const first = random.pick(divisors);
      const to = random.chance(0.5) ? [first, size / first] : [size / first, 1, first];
      return maker.add(`reshape ${to}`, [at], ([x]) => [x.reshape(to)], known);
    }
  }
}

function join(maker: Maker): boolean {
  const { random, pool } = maker;
  const i = maker.find((entry) => entry.shadow.rank > 0);
  if (i === null) return false;
  const { shape, rank, dtype } = pool[i].shadow;
  const axis = random.integer(0, rank - 1);
  const fits = (entry: Entry): boolean =>
    entry.shadow.dtype === dtype &&
    entry.shadow.rank === rank &&
    entry.shadow.shape.every((n, d) => d === axis || n === shape[d]);
  const from = [i];
  while (from.length < 4 && random.chance(0.6)) {
    const j = maker.find(fits);
    if (j !== null) from.push(j);
  }
  const parts = from.map((j) => pool[j]);
  const worst = (pick: (known: Known) => number): number => Math.max(...parts.map(pick));
  const known = {
    exact: parts.every((part) => part.exact),
    fraction: worst((k) => k.fraction),
    magnitude: worst((k) => k.magnitude),
    error: worst((k) => k.error),
  };
  if (parts.every(({ shadow }) => shadow.shape.join() === shape.join()) && random.chance(0.4)) {
    return maker.add(`stack ${axis}`, from, (xs) => [stack(xs, axis)], known);
  }
  return maker.add(`concat ${axis}`, from, (xs) => [concat(xs, axis)], known);
}

function padding(maker: Maker): boolean {
  const { random, pool } = maker;
  const at = maker.find((entry) => entry.shadow.rank > 0);
  if (at === null) return false;
  const before = pool[at].shadow.shape.map(() => random.pick([0, 0, 1, 2]));
  const after = before.map(() => random.pick([0, 0, 1, 2]));
  const value = random.pick([0, 0, 1]);
  return maker.add(`pad ${before}; ${after}; ${value}`, [at], ([x]) => [pad(x, before, after, value)], {
    ...pool[at],
    magnitude: Math.max(pool[at].magnitude, 0),
  });
}

function reduction(maker: Maker): boolean {
  const { random, pool } = maker;
  const at = maker.find((entry) => entry.shadow.size > 0);
  if (at === null) return false;
  const from = pool[at];
  const { shape, dtype, rank } = from.shadow;
  if (random.chance(0.15) && rank > 0 && from.exact && dtype === 'float32') {
    const axis = random.integer(0, rank - 1);
    return maker.add(`argMax ${axis}`, [at], ([x]) => [x.argMax(axis)], INTEGER(10));
  }
  const axes = [...shape.keys()].filter(() => random.chance(0.5));
  const count = axes.reduce((n, axis) => n * shape[axis], 1);
  const keep = random.chance(0.5);
  const op = random.pick(
    dtype === 'bool'
      ? (['max', 'min'] as const)
      : dtype === 'int32'
        ? (['sum', 'max', 'min'] as const)
        : (['sum', 'sum', 'mean', 'max', 'min'] as const),
  );
  const apply: Step['apply'] = ([x]) => [x[op](axes, { keep })];
  const grown = from.magnitude + Math.log2(count);
  if (op === 'max' || op === 'min') return maker.add(`${op} ${axes}`, [at], apply, { ...from });
  if (dtype === 'int32') return maker.add(`sum ${axes}`, [at], apply, INTEGER(Math.ceil(grown)));
  if (op === 'sum')
    return maker.add(
      `sum ${axes}`,
      [at],
      apply,
      fixed(from.fraction, Math.ceil(grown), [from], count * from.error + (from.exact ? 0 : 12 * U * 2 ** grown)),
    );
  return maker.add(`mean ${axes}`, [at], apply, rounded(from.magnitude, from.error, 14));
}

function matmul(maker: Maker): boolean {
  const { pool } = maker;
  const i = maker.find((entry) => isSmall(entry) && entry.shadow.rank >= 2 && entry.shadow.rank <= 4);
  if (i === null) return false;
  const a = pool[i].shadow;
  const K = a.shape.at(-1)!;
  let turned = false;
  const j = maker.find((entry) => {
    const { shape, rank } = entry.shadow;
    if (!isSmall(entry) || rank < 2 || !broadcasts(a.shape.slice(0, -2), shape.slice(0, -2))) return false;
    return shape.at(-2) === K || shape.at(-1) === K;
  });
  if (j === null) return false;
  turned = pool[j].shadow.shape.at(-2) !== K;
  const [x, y] = [pool[i], pool[j]];
  const magnitude = Math.ceil(x.magnitude + y.magnitude + Math.log2(Math.max(K, 1)));
  const error = K * (2 ** x.magnitude * y.error + 2 ** y.magnitude * x.error);
  const known = fixed(x.fraction + y.fraction, magnitude, [x, y], error + (2 + Math.sqrt(K)) * U * 2 ** magnitude);
  return maker.add(
    turned ? 'matmul, transposed' : 'matmul',
    [i, j],
    ([p, q]) => [p.matmul(turned ? q.transpose() : q)],
    known,
  );
}

function gathering(maker: Maker): boolean {
  const { pool, random } = maker;
  const i = maker.find((entry) => entry.shadow.rank > 0 && entry.shadow.shape[0] > 0);
  const j = maker.find((entry) => ofType('int32')(entry) && entry.shadow.rank <= 2);
  if (i === null || j === null) return false;
  const rows = pool[i].shadow.shape[0];
  if (random.chance(0.25)) return maker.add(`oneHot ${rows}`, [j], ([ids]) => [oneHot(ids, rows)], INTEGER(0));
  return maker.add('gather', [i, j], ([table, ids]) => [table.gather(ids.maximum(0).minimum(rows - 1))], {
    ...pool[i],
  });
}

function scattering(maker: Maker): boolean {
  const { pool, random } = maker;
  const i = maker.find(ofType('int32'));
  const j =
    i === null
      ? null
      : maker.find((entry) => {
          const ids = pool[i].shadow.shape;
          return isFloat(entry) && entry.shadow.rank >= ids.length && ids.every((n, d) => n === entry.shadow.shape[d]);
        });
  if (i === null || j === null) return false;
  const rows = random.integer(1, 5);
  const count = Math.max(1, pool[i].shadow.size);
  const from = pool[j];
  const magnitude = Math.ceil(from.magnitude + Math.log2(count));
  return maker.add(
    `scatterAdd ${rows}`,
    [i, j],
    ([ids, x]) => [scatterAdd(ids.maximum(0).minimum(rows - 1), x, rows)],
    fixed(from.fraction, magnitude, [from], count * (from.error + U * 2 ** from.magnitude)),
  );
}

function made(maker: Maker): boolean {
  const { random } = maker;
  const length = random.integer(0, 6);
  const dtype = random.pick(['int32', 'float32'] as const);
  if (random.chance(0.5)) return maker.add(`arange ${length}`, [], () => [arange(length, dtype)], INTEGER(3));
  const shape = maker.shape();
  const value = random.pick([0, 1, -2]);
  return maker.add(`full ${shape}; ${value}`, [], () => [full(shape, value, dtype)], INTEGER(1));
}

function identity(maker: Maker): boolean {
  const { pool, random } = maker;
  const i = maker.find(() => true)!;
  const j = maker.find(() => true)!;
  const same = ({ exact, fraction, magnitude, error }: Known): Known => ({ exact, fraction, magnitude, error });
  if (random.chance(0.3)) return maker.add('stopGradient', [i], ([x]) => [stopGradient(x)], same(pool[i]));
  if (random.chance(0.4)) return maker.add('barrier', [i, j], ([x, y]) => [barrier(x, [y])], same(pool[i]));
  const hide: Step['apply'] = ([x, y]) =>
    internals.applyNode('customGradient', [x, y] as never, { outputs: 2 }, () => []).outputs.map(internals.asTensor);
  return maker.add('customGradient', [i, j], hide, same(pool[i]), same(pool[j]));
}

function noise(maker: Maker): boolean {
  const shape = maker.shape();
  const site = maker.random.word();
  const state = maker.find((entry) => ofType('int32')(entry) && entry.shadow.shape.join() === '4');
  if (state === null) return false;
  const words: Step['apply'] = ([x]) => internals.applyTensors('random', [x], { shape, site });
  if (maker.random.chance(0.3)) return maker.add('random words', [state], words, INTEGER(31));
  return maker.add('uniform', [state], (xs) => internals.applyTensors('unitInterval', words(xs)), {
    exact: true,
    fraction: 24,
    magnitude: 0,
    error: 0,
  });
}

function composite(maker: Maker): boolean {
  const { pool, random } = maker;
  const at = maker.find((entry) => isSmall(entry) && entry.shadow.rank > 0 && entry.shadow.shape.at(-1)! > 0);
  if (at === null) return false;
  const x = pool[at];
  const { shape } = x.shadow;
  const C = shape.at(-1)!;
  switch (
    random.pick([
      'softmax',
      'softmax',
      'logSoftmax',
      'layerNorm',
      'rmsNorm',
      'attention',
      'attention',
      'crossEntropy',
      'dropout',
      'adamW',
    ])
  ) {
    case 'softmax': {
      const axis = random.integer(-1, shape.length - 1);
      return maker.add(`softmax ${axis}`, [at], ([y]) => [softmax(y, axis)], rounded(0, 2 * x.error, 16));
    }
    case 'logSoftmax':
      return maker.add(
        'logSoftmax',
        [at],
        ([y]) => [logSoftmax(y)],
        rounded(Math.log2(2 ** (x.magnitude + 1) + Math.log(C)), 2 * x.error, 8),
      );
    case 'layerNorm':
    case 'rmsNorm': {
      const vector = (entry: Entry): boolean =>
        isSmall(entry) && entry.shadow.rank === 1 && entry.shadow.shape[0] === C;
      const [i, j] = [maker.find(vector), maker.find(vector)];
      const gain = i === null ? { magnitude: 0, error: 0 } : pool[i];
      const bias = j === null ? { magnitude: 0, error: 0 } : pool[j];
      const magnitude = Math.log2(Math.sqrt(C) * 2 ** gain.magnitude + 2 ** bias.magnitude);
      const error = 16 * 2 ** gain.magnitude * x.error + Math.sqrt(C) * gain.error + bias.error;
      // ε = ¼ keeps the slope below 4.
      const apply: Step['apply'] = ([y, ...given]) => {
        const g = i === null ? full([C], 1) : given[0];
        const b = j === null ? full([C], 0.5) : given.at(-1)!;
        return [random.seed % 2 === 0 ? layerNorm(y, g, b, 0.25) : rmsNorm(y, g, 0.25)];
      };
      return maker.add(
        'norm',
        [at, ...(i === null ? [] : [i]), ...(j === null ? [] : [j])],
        apply,
        rounded(magnitude, error, 64),
      );
    }
    case 'attention': {
      const heads = (entry: Entry): boolean => isSmall(entry) && entry.shadow.rank === 4;
      const i = maker.find((entry) => heads(entry) && entry.shadow.shape[3] > 0);
      if (i === null) return false;
      const [B, T, H, D] = pool[i].shadow.shape;
      const j =
        maker.find(
          (entry) =>
            heads(entry) && entry.shadow.shape[0] === B && entry.shadow.shape[2] === H && entry.shadow.shape[3] === D,
        ) ?? i;
      const S = pool[j].shadow.shape[1];
      const k =
        maker.find(
          (entry) =>
            heads(entry) && entry.shadow.shape[0] === B && entry.shadow.shape[1] === S && entry.shadow.shape[2] === H,
        ) ?? j;
      const m = maker.find(
        (entry) => ofType('bool')(entry) && entry.shadow.rank <= 4 && fitsInto(entry.shadow.shape, [B, H, T, S]),
      );
      const causal = T === S && random.chance(0.5);
      const [q, key, value] = [pool[i], pool[j], pool[k]];
      const scale = 0.5;
      const s = scale * D * 2 ** (q.magnitude + key.magnitude);
      const scores = scale * D * (2 ** q.magnitude * key.error + 2 ** key.magnitude * q.error) + 8 * U * s;
      const known = rounded(value.magnitude, value.error + 2 * 2 ** value.magnitude * scores, 32);
      return maker.add(
        `attention${causal ? ', causal' : ''}${m === null ? '' : ', masked'}`,
        [i, j, k, ...(m === null ? [] : [m])],
        ([a, b, c, mask]) => [scaledDotProductAttention(a, b, c, { scale, causal, mask }).output],
        known,
      );
    }
    case 'crossEntropy': {
      if (shape.length !== 2) return false;
      const ids = maker.find((entry) => ofType('int32')(entry) && entry.shadow.shape.join() === String(shape[0]));
      const smoothing = random.pick([0, 0.1]);
      const targets = (given: readonly Tensor[]): Tensor =>
        ids === null ? full([shape[0]], 0, 'int32') : given[1].maximum(0).minimum(C - 1);
      return maker.add(
        'crossEntropy',
        [at, ...(ids === null ? [] : [ids])],
        (given) => [crossEntropyRows(given[0], targets(given), { smoothing, ignoreIndex: C > 1 ? 1 : -100 })],
        rounded(Math.log2(2 ** (x.magnitude + 1) + Math.log(C)), 3 * x.error, 16),
      );
    }
    case 'dropout': {
      const state = maker.find((entry) => ofType('int32')(entry) && entry.shadow.shape.join() === '4');
      const attributes = { rate: 0.5, site: random.word() };
      if (state === null) return false;
      return maker.add(
        'dropout',
        [at, state],
        (given) => internals.applyTensors('dropout', given, attributes),
        fixed(x.fraction, x.magnitude + 1, [x], 2 * x.error),
      );
    }
    default: {
      const like = (entry: Entry): boolean => isSmall(entry) && entry.shadow.shape.join() === shape.join();
      const [g, m, v] = [maker.find(like)!, maker.find(like)!, maker.find(like)!];
      const magnitude =
        Math.max(x.magnitude, pool[g].magnitude, pool[m].magnitude, 2 * pool[g].magnitude, pool[v].magnitude) + 3;
      const error =
        8 *
        (x.error +
          pool[m].error +
          pool[v].error * 2 ** pool[m].magnitude +
          pool[g].error * 2 ** (pool[g].magnitude + pool[m].magnitude + 2));
      const apply: Step['apply'] = ([parameter, gradient, first, second]) => {
        const one = full([], 1);
        // ε = ½, and a second moment away from 0, keep the slope small.
        const next = adamW({
          parameter,
          gradient,
          m: first,
          v: second.abs().add(0.25),
          rate: one.mul(0.5),
          correction1: one,
          correction2: one.mul(0.5),
          gradientScale: one,
          beta1: 0.5,
          beta2: 0.75,
          epsilon: 0.5,
          weightDecay: 0.125,
          decoupled: random.seed % 2 === 0,
        });
        return [next.parameter, next.m, next.v];
      };
      const known = rounded(magnitude, error, 64);
      return maker.add('adamW', [at, g, m, v], apply, known, known, known);
    }
  }
}

function fitsInto(shape: Shape, all: Shape): boolean {
  return shape.length <= all.length && shape.every((n, d) => n === 1 || n === all[all.length - shape.length + d]);
}

/** A Variable takes a value of the kind it started with, so that what is known holds for the next run as well. */
function assign(maker: Maker): boolean {
  const { random, pool, variables, latest } = maker;
  if (variables.length === 0) return false;
  const which = random.integer(0, variables.length - 1);
  const { shape } = variables[which];
  const usual = (entry: Entry): boolean => isFloat(entry) && entry.exact && entry.fraction <= 3 && entry.magnitude <= 1;
  let at = maker.find((entry) => usual(entry) && entry.shadow.shape.join() === shape.join());
  if (at === null || random.chance(0.6)) {
    const from = maker.find((entry) => isFloat(entry) && entry.exact);
    if (from === null || pool[from].shadow.size === 0) return false;
    const fits = fitsInto(pool[from].shadow.shape, shape);
    const keep = random.chance(0.5);
    const apply: Step['apply'] = ([x, old]) => {
      const y = (fits ? x : x.max()).expand(shape);
      return [(keep ? y.add(old) : y).mul(8).floor().mul(0.125).maximum(-2).minimum(2)];
    };
    if (pool[from].fraction + pool[from].magnitude + 4 > BITS) return false;
    if (!maker.add('quantize', [from, latest[which]], apply, EXACT)) return false;
    at = pool.length - 1;
  }
  maker.steps.push({ text: `assign ${which}`, from: [at], apply: ([x]) => [x], assigns: which, count: 1 });
  latest[which] = pool.push({ ...pool[at] }) - 1;
  return true;
}

/** A graph of `length` operations over all primitives and composites. */
export function randomGraph(seed: number, length: number): RandomGraph {
  const random = new Sampler(seed);
  const maker = new Maker(random);
  for (let tries = 0; maker.steps.length < length && tries < 20 * length; tries++) {
    let ticket = random.integer(0, TOTAL - 1);
    const [, rule] = RULES.find(([weight]) => (ticket -= weight) < 0)!;
    if (rule(maker)) maker.tame();
  }
  const { inputs, variables, steps, pool } = maker;
  const outputs = [...pool.keys()].filter((i) => i >= pool.length - 2 || random.chance(0.15));
  return { seed, inputs, variables, steps, outputs, known: pool, shadows: pool.map((entry) => entry.shadow) };
}
