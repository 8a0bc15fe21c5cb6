import type { Attributes } from './backend';
import type { DType, Shape, TensorSpec } from './dtype';
import { ELEMENTWISE, type ElementwiseOp } from './kernels';
import { requireDType, ShapeError } from './shape-error';
import { broadcastShapes, checkShape, elementCount, formatShape } from './shape';

/** What an operation is to the graph: its name and the shapes and types of its outputs. */
export interface Primitive {
  readonly kind: 'primitive';
  readonly name: string;
  /** Element by element with broadcasting: may become part of an element-wise program. */
  readonly elementwise: boolean;
  /** Shape and type rule; throws a `ShapeError` naming what does not fit. */
  infer(inputs: readonly TensorSpec[], attributes: Attributes): readonly TensorSpec[];
}

/**
 * The closed table of primitives: everything else is made of these. Element-wise ones are generated from `ELEMENTWISE`;
 * their reference arithmetic is in `reference/elementwise.ts`, that of the others in `reference/kernels.ts`.
 */

const table: Primitive[] = [];
const definePrimitive = (definition: Omit<Primitive, 'kind'>): void => void table.push({ kind: 'primitive', ...definition });

const LETTER: Record<DType, string> = { float32: 'f', int32: 'i', bool: 'b' };
const DTYPE: Record<string, DType> = { f: 'float32', i: 'int32', b: 'bool' };

function inferElementwise(name: ElementwiseOp, inputs: readonly TensorSpec[], attributes: Attributes): TensorSpec[] {
  let shape: Shape = inputs[0]!.shape;
  for (let i = 1; i < inputs.length; i++) {
    const next = broadcastShapes(shape, inputs[i]!.shape);
    if (next === null) {
      const shapes = inputs.map((input) => formatShape(input.shape)).join(' and ');
      throw new ShapeError(
        `${name}: shapes ${shapes} do not broadcast; sizes must be equal or 1, aligned at the right`,
      );
    }
    shape = next;
  }
  let letters = '';
  for (const input of inputs) letters += LETTER[input.dtype];
  for (const rule of RULES[name]) {
    if (rule.takes === letters) {
      return [{ shape, dtype: name === 'cast' ? (attributes['dtype'] as DType) : rule.gives }];
    }
  }
  const types = inputs.map((input) => input.dtype).join(', ');
  throw new ShapeError(`${name}: cannot take (${types}); convert with .cast(…), there is no implicit promotion`);
}

const RULES = Object.fromEntries(
  Object.entries(ELEMENTWISE).map(([name, text]) => [
    name,
    text.split(' ').map((rule) => {
      const [takes, gives] = rule.split('→');
      return { takes: takes!, gives: DTYPE[gives!]! };
    }),
  ]),
) as Record<ElementwiseOp, { takes: string; gives: DType }[]>;

for (const name of Object.keys(ELEMENTWISE) as ElementwiseOp[]) {
  definePrimitive({
    name,
    elementwise: true,
    infer: (inputs, attributes) => inferElementwise(name, inputs, attributes),
  });
}

/** A JavaScript number as a scalar: {value, dtype}. Part of the plan's key. */
definePrimitive({
  name: 'literal',
  elementwise: true,
  infer: (_, attributes) => [{ shape: [], dtype: attributes['dtype'] as DType }],
});

/** {axes}: sorted; the reduced dimensions are dropped. */
for (const name of ['sum', 'max', 'min'] as const) {
  definePrimitive({
    name,
    elementwise: false,
    infer: ([x], attributes) => {
      const axes = attributes['axes'] as readonly number[];
      if (name === 'sum' && x!.dtype === 'bool') throw new ShapeError('sum: cannot add booleans; cast to int32 first');
      return [{ shape: x!.shape.filter((_, i) => !axes.includes(i)), dtype: x!.dtype }];
    },
  });
}

/** Over the last dimension; the first of equal elements wins. */
definePrimitive({
  name: 'argMax',
  elementwise: false,
  infer: ([x]) => {
    if (x!.shape.length === 0 || x!.shape.at(-1) === 0) {
      throw new ShapeError(`argMax: needs a non-empty last dimension, got ${formatShape(x!.shape)}`);
    }
    return [{ shape: x!.shape.slice(0, -1), dtype: 'int32' }];
  },
});

/** {k}: over the last dimension, which becomes k: ids of the largest elements, largest first, of equals the first. */
definePrimitive({
  name: 'topK',
  elementwise: false,
  infer: ([x], attributes) => {
    const k = attributes['k'] as number;
    requireDType(x!, 'float32', 'topK');
    const n = x!.shape.at(-1) ?? 0;
    if (!(Number.isInteger(k) && k >= 1 && k <= n)) {
      throw new ShapeError(`topK: k must be 1 … the size of the last dimension, got ${k} for ${formatShape(x!.shape)}`);
    }
    return [{ shape: [...x!.shape.slice(0, -1), k], dtype: 'int32' }];
  },
});

/** a (batch…, M, K) × b (batch…, K, N); batch dimensions broadcast. Transposed operands are permuted views. */
definePrimitive({
  name: 'matmul',
  elementwise: false,
  infer: ([a, b]) => {
    requireDType(a!, 'float32', 'matmul');
    requireDType(b!, 'float32', 'matmul');
    const text = `${formatShape(a!.shape)} × ${formatShape(b!.shape)}`;
    if (a!.shape.length < 2 || b!.shape.length < 2) throw new ShapeError(`matmul: needs two matrices, got ${text}`);
    if (a!.shape.at(-1) !== b!.shape.at(-2)) {
      throw new ShapeError(`matmul: inner dimensions ${a!.shape.at(-1)} and ${b!.shape.at(-2)} differ in ${text}`);
    }
    const batch = broadcastShapes(a!.shape.slice(0, -2), b!.shape.slice(0, -2));
    if (batch === null) throw new ShapeError(`matmul: batch dimensions do not broadcast in ${text}`);
    return [{ shape: [...batch, a!.shape.at(-2)!, b!.shape.at(-1)!], dtype: 'float32' }];
  },
});

definePrimitive({
  name: 'reshape',
  elementwise: false,
  infer: ([x], attributes) => {
    const shape = attributes['shape'] as Shape;
    checkShape(shape, 'reshape');
    if (elementCount(shape) !== elementCount(x!.shape)) {
      throw new ShapeError(
        `reshape: ${formatShape(x!.shape)} has ${elementCount(x!.shape)} elements, ${formatShape(shape)} has ${elementCount(shape)}`,
      );
    }
    return [{ shape, dtype: x!.dtype }];
  },
});

/** {axes}: output dimension i is input dimension axes[i]. */
definePrimitive({
  name: 'permute',
  elementwise: false,
  infer: ([x], attributes) => {
    const axes = attributes['axes'] as readonly number[];
    const sorted = [...axes].sort((a, b) => a - b);
    if (axes.length !== x!.shape.length || sorted.some((axis, i) => axis !== i)) {
      throw new ShapeError(`permute: ${formatShape(axes)} is no permutation of the axes of ${formatShape(x!.shape)}`);
    }
    return [{ shape: axes.map((axis) => x!.shape[axis]!), dtype: x!.dtype }];
  },
});

/** {start, size}: one of each per dimension. */
definePrimitive({
  name: 'slice',
  elementwise: false,
  infer: ([x], attributes) => {
    const start = attributes['start'] as readonly number[];
    const size = attributes['size'] as readonly number[];
    const bad =
      start.length !== x!.shape.length ||
      size.length !== x!.shape.length ||
      start.some((s, i) => !(Number.isInteger(s) && s >= 0 && Number.isInteger(size[i]) && size[i]! >= 0 && s + size[i]! <= x!.shape[i]!));
    if (bad) {
      throw new ShapeError(
        `slice: start ${formatShape(start)} with size ${formatShape(size)} is outside ${formatShape(x!.shape)}`,
      );
    }
    return [{ shape: [...size], dtype: x!.dtype }];
  },
});

definePrimitive({
  name: 'expand',
  elementwise: false,
  infer: ([x], attributes) => {
    const shape = attributes['shape'] as Shape;
    checkShape(shape, 'expand');
    const both = broadcastShapes(x!.shape, shape);
    if (both === null || both.length !== shape.length || both.some((size, i) => size !== shape[i])) {
      throw new ShapeError(`expand: ${formatShape(x!.shape)} does not broadcast to ${formatShape(shape)}`);
    }
    return [{ shape, dtype: x!.dtype }];
  },
});

definePrimitive({
  name: 'concat',
  elementwise: false,
  infer: (inputs, attributes) => {
    const axis = attributes['axis'] as number;
    const first = inputs[0]!;
    let total = 0;
    for (const input of inputs) {
      const fits =
        input.dtype === first.dtype &&
        input.shape.length === first.shape.length &&
        input.shape.every((size, i) => i === axis || size === first.shape[i]);
      if (!fits) {
        throw new ShapeError(
          `concat: along axis ${axis}, ${input.dtype} ${formatShape(input.shape)} does not fit ${first.dtype} ${formatShape(first.shape)}`,
        );
      }
      total += input.shape[axis]!;
    }
    return [{ shape: first.shape.map((size, i) => (i === axis ? total : size)), dtype: first.dtype }];
  },
});

/** {before, after, value}: elements added on each side of each dimension. */
definePrimitive({
  name: 'pad',
  elementwise: false,
  infer: ([x], attributes) => {
    const before = attributes['before'] as readonly number[];
    const after = attributes['after'] as readonly number[];
    const rank = x!.shape.length;
    if (
      before.length !== rank ||
      after.length !== rank ||
      [...before, ...after].some((n) => !Number.isInteger(n) || n < 0)
    ) {
      throw new ShapeError(`pad: needs two non-negative integers for each dimension of ${formatShape(x!.shape)}`);
    }
    return [{ shape: x!.shape.map((size, i) => before[i]! + size + after[i]!), dtype: x!.dtype }];
  },
});

/** Rows of a table (R, …) by ids: ids.shape + table.shape without its first dimension. */
definePrimitive({
  name: 'gather',
  elementwise: false,
  infer: ([table, ids]) => {
    requireDType(ids!, 'int32', 'gather: ids');
    if (table!.shape.length === 0) throw new ShapeError('gather: the table is a scalar');
    return [{ shape: [...ids!.shape, ...table!.shape.slice(1)], dtype: table!.dtype }];
  },
});

/** {rows}: adds updates (ids.shape + rest) into zeros (rows, rest…) at the rows that ids name. */
definePrimitive({
  name: 'scatterAdd',
  elementwise: false,
  infer: ([ids, updates], attributes) => {
    requireDType(ids!, 'int32', 'scatterAdd: ids');
    requireDType(updates!, 'float32', 'scatterAdd: updates');
    const lead = updates!.shape.slice(0, ids!.shape.length);
    if (lead.length !== ids!.shape.length || lead.some((size, i) => size !== ids!.shape[i])) {
      throw new ShapeError(
        `scatterAdd: updates ${formatShape(updates!.shape)} must begin with the shape of ids ${formatShape(ids!.shape)}`,
      );
    }
    return [{ shape: [attributes['rows'] as number, ...updates!.shape.slice(ids!.shape.length)], dtype: 'float32' }];
  },
});

/** {length, dtype}: 0, 1, 2, … */
definePrimitive({
  name: 'iota',
  elementwise: false,
  infer: (_, attributes) => {
    checkShape([attributes['length'] as number], 'iota');
    return [{ shape: [attributes['length'] as number], dtype: attributes['dtype'] as DType }];
  },
});

/** {shape, site}: 32-bit words of Philox 4×32-10, from a state int32[4] = seed low, seed high, step, micro-batch. */
definePrimitive({
  name: 'random',
  elementwise: false,
  infer: ([words], attributes) => {
    requireDType(words!, 'int32', 'random: state');
    return [{ shape: attributes['shape'] as Shape, dtype: 'int32' }];
  },
});

/** The same value, through which no gradient flows. */
definePrimitive({ name: 'stopGradient', elementwise: false, infer: ([x]) => [x!] });

/**
 * The first input, not available before the others are: keeps a recomputation (`checkpoint`) from being merged with, or
 * moved before, what it repeats.
 */
definePrimitive({ name: 'barrier', elementwise: false, infer: ([x]) => [x!] });

/** The values given, with a gradient of the user's own: the closure is consumed by `grad`, plans never see it. */
definePrimitive({
  name: 'customGradient',
  elementwise: false,
  infer: (inputs, attributes) =>
    inputs.slice(0, attributes['outputs'] as number).map((x) => ({ shape: x.shape, dtype: x.dtype })),
});

/** Operations whose outputs are their inputs: plans see through them. */
export const IDENTITIES: ReadonlySet<string> = new Set(['stopGradient', 'barrier', 'customGradient']);

export const PRIMITIVES: readonly Primitive[] = table;
