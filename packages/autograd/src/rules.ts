import { type Attributes, type internals, pad, scatterAdd, select, type Shape, type Tensor } from '@qkv/tensor';

/**
 * The gradient table: one row for each primitive, one function for each of its operands, graph in and graph out. All of
 * them are made of operations that have rows themselves, so gradients can be differentiated again, as often as needed.
 *
 * dy is the cotangent of the output y, x the operands; the result is the cotangent of operand `index`. Rows of
 * element-wise operations may leave the result in the output's shape: whoever calls them undoes broadcasting by `sumTo`.
 */
export type Derivative = (dy: Tensor, x: readonly Tensor[], y: Tensor, attributes: Attributes, index: number) => Tensor;

/** null: an operand that has no gradient (masks, ids). The last entry stands for all further operands. */
export type Row = readonly [Derivative | null, ...(Derivative | null)[]];

const TWO_OVER_SQRT_PI = 1.1283791670955126;

const same: Derivative = (dy) => dy;

export const rules: Readonly<Record<string, Row>> = {
  // Element by element.
  neg: [(dy) => dy.neg()],
  /** sign(0) = 0, hence 0 at the kink. */
  abs: [(dy, [x]) => dy.mul(x.sign())],
  sqrt: [(dy, _, y) => dy.mul(0.5).div(y)],
  exp: [(dy, _, y) => dy.mul(y)],
  log: [(dy, [x]) => dy.div(x)],
  sin: [(dy, [x]) => dy.mul(x.cos())],
  cos: [(dy, [x]) => dy.mul(x.sin()).neg()],
  tanh: [(dy, _, y) => dy.mul(y.square().neg().add(1))],
  erf: [(dy, [x]) => dy.mul(x.square().neg().exp()).mul(TWO_OVER_SQRT_PI)],
  add: [same, same],
  sub: [same, (dy) => dy.neg()],
  mul: [(dy, [, b]) => dy.mul(b), (dy, [a]) => dy.mul(a)],
  div: [(dy, [, b]) => dy.div(b), (dy, [, b], y) => dy.mul(y).div(b).neg()],
  pow: [powBase, powExponent],
  maximum: [
    (dy, [a, b]) => winner(dy, a, b, (p, q) => p.greater(q)),
    (dy, [a, b]) => winner(dy, b, a, (p, q) => p.greater(q)),
  ],
  minimum: [
    (dy, [a, b]) => winner(dy, a, b, (p, q) => p.less(q)),
    (dy, [a, b]) => winner(dy, b, a, (p, q) => p.less(q)),
  ],
  select: [null, (dy, [c]) => select(c, dy, 0), (dy, [c]) => select(c, 0, dy)],
  /** Between float types: a cotangent has the type of its value. Casts from and to int32 and bool carry no gradient. */
  cast: [(dy, [x]) => dy.cast(x.dtype)],

  // Reductions and products.
  sum: [(dy, [x], _, { axes }) => dy.reshape(keepAxes(x.shape, axes)).expand(x.shape)],
  max: [extremum],
  min: [extremum],
  matmul: [
    (dy, [a, b]) => sumTo(dy.matmul(b.transpose()), a.shape), // (…, M, N) × (…, N, K)
    (dy, [a, b]) => sumTo(a.transpose().matmul(dy), b.shape), // (…, K, M) × (…, M, N)
  ],

  // The same elements elsewhere.
  reshape: [(dy, [x]) => dy.reshape(x.shape)],
  permute: [(dy, _x, _y, { axes }) => dy.permute(inverse(axes as readonly number[]))],
  slice: [
    (dy, [x], _, attributes) => {
      const start = attributes['start'] as readonly number[];
      return pad(
        dy,
        start,
        x.shape.map((whole, i) => whole - start[i] - dy.shape[i]),
      );
    },
  ],
  expand: [(dy, [x]) => sumTo(dy, x.shape)],
  concat: [
    (dy, x, _, attributes, index) => {
      const axis = attributes['axis'] as number;
      const before = x.slice(0, index).reduce((total, part) => total + part.shape[axis], 0);
      return dy.slice(
        dy.shape.map((_size, i) => (i === axis ? before : 0)),
        x[index].shape,
      );
    },
  ],
  pad: [(dy, [x], _, { before }) => dy.slice(before as readonly number[], x.shape)],
  gather: [(dy, [table, ids]) => scatterAdd(ids, dy, table.shape[0]), null],
  scatterAdd: [null, (dy, [ids]) => dy.gather(ids)],

  /** Only the first operand is the value; the others are what it waits for. */
  barrier: [same, null],
};

/** Consumed by `pullback`, with the closure that the node carries. */
export const CUSTOM_GRADIENT = 'customGradient';

/** Everything else, and why: a cotangent that arrives here goes nowhere. */
export const notDifferentiable: ReadonlyMap<string, string> = new Map([
  ...['equal', 'notEqual', 'less', 'lessEqual', 'and', 'or', 'not'].map((op) => [op, 'gives booleans'] as const),
  ...['sign', 'floor', 'ceil'].map((op) => [op, 'is constant between its jumps'] as const),
  ['argMax', 'gives ids'],
  ['topK', 'gives ids'],
  ['unitInterval', 'takes random words'],
  ['random', 'takes the state of the generator'],
  ['literal', 'has no operands'],
  ['iota', 'has no operands'],
  ['stopGradient', 'stops gradients'],
]);

/** Undoes broadcasting: sums x over the dimensions that were added or stretched, so that it has `shape`. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  const added = x.rank - shape.length;
  const repeated = x.shape.map((size, i) => (i < added || (shape[i - added] === 1 && size !== 1) ? i : -1));
  const axes = repeated.filter((i) => i >= 0);
  return axes.length === 0 ? x : x.sum(axes).reshape(shape);
}

/** `shape` with the reduced dimensions kept as ones. */
function keepAxes(shape: Shape, axes: unknown): number[] {
  return shape.map((size, i) => ((axes as readonly number[]).includes(i) ? 1 : size));
}

function inverse(axes: readonly number[]): number[] {
  const back = new Array<number>(axes.length);
  axes.forEach((axis, i) => (back[axis] = i));
  return back;
}

/** The value of a number written into the graph. */
function literalOf(x: Tensor): number | null {
  const { node } = x as unknown as internals.Value;
  return node.op === 'literal' ? (node.attributes['value'] as number) : null;
}

/** d aᵇ/da = b·aᵇ⁻¹; 0 for b = 0, also at a = 0, where the formula is 0·∞. */
function powBase(dy: Tensor, [a, b]: readonly Tensor[]): Tensor {
  const exponent = literalOf(b);
  if (exponent === 0) return dy.mul(0);
  if (exponent === 1) return dy;
  if (exponent !== null) return dy.mul(exponent === 2 ? a : a.pow(exponent - 1)).mul(exponent);
  // Changing the exponent instead of the result keeps 0·∞ out of the second derivatives too.
  const exponentOrOne = select(a.equal(0).and(b.equal(0)), 1, b);
  return dy.mul(b).mul(a.pow(exponentOrOne.sub(1)));
}

/** d aᵇ/db = aᵇ ln a; 0 at a = 0 for b ≥ 0 (where it is the limit for b > 0, and what torch gives for b = 0). */
function powExponent(dy: Tensor, [a, b]: readonly Tensor[], y: Tensor): Tensor {
  const baseOrOne = select(a.equal(0).and(b.greaterEqual(0)), 1, a);
  return dy.mul(y).mul(baseOrOne.log());
}

/**
 * Gradient of maximum and minimum: to the operand that won. Equal operands share it, half each, as in torch. A number
 * takes no share, and leaves none to a tensor equal to it: x.maximum(0), which is ReLU, has gradient 0 at 0, as in torch.
 */
function winner(dy: Tensor, mine: Tensor, other: Tensor, wins: (a: Tensor, b: Tensor) => Tensor): Tensor {
  const tie = literalOf(other) !== null ? 0 : select(mine.equal(other), dy.mul(0.5), 0);
  return select(wins(mine, other), dy, tie);
}

/** Gradient of max and min over axes: to the elements that are equal to the result, in equal parts. */
function extremum(dy: Tensor, [x]: readonly Tensor[], y: Tensor, attributes: Attributes): Tensor {
  const axes = attributes['axes'] as readonly number[];
  const kept = keepAxes(x.shape, axes);
  const hit = x.equal(y.reshape(kept));
  const count = hit.cast('float32').sum(axes, { keep: true });
  return select(hit, dy.reshape(kept).div(count), 0);
}
