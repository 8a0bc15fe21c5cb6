import { barrier, concat, constant, internals, pad, scatterAdd, select, type Shape, type Tensor } from '@qkv/tensor';

import type { Generator } from './generate';

/** A function and where its gradient is checked. */
export interface Case {
  readonly fn: (...xs: readonly Tensor[]) => Tensor;
  readonly inputs: readonly Tensor[];
}

const apply = (op: string, xs: readonly Tensor[], attributes?: object): Tensor =>
  internals.applyTensors(op, xs, attributes as never)[0];

/** `'[2,1] [3]'` → [[2, 1], [3]]. */
const shapes = (text: string): Shape[] => text.split(' ').map((part) => JSON.parse(part) as number[]);

const times = (count: number, make: () => Case): Case[] => Array.from({ length: count }, make);

/** Shapes that must occur, besides the random ones. */
const PAIRS = ['[] []', '[2,3] [3]', '[3] [2,3]', '[2,1] [1,3]', '[1] [2]', '[] [2,2]', '[0,3] [1,3]', '[1] [0]'].map(
  shapes,
);

type Values = (random: Generator, shape: Shape) => Tensor;
const anything: Values = (random, shape) => random.values(shape);
const positive: Values = (random, shape) => random.values(shape, 0.4, 2);
const nonZero: Values = (random, shape) => random.awayFromZero(shape);
/** Multiples of 0.2, moved by `offset`: two of them with other offsets are never close. */
const grid =
  (offset: number): Values =>
  (random, shape) => {
    const count = shape.reduce((product, size) => product * size, 1);
    return constant(
      Float64Array.from({ length: count }, () => random.integer(-9, 9) * 0.2 + offset),
      shape,
    );
  };

type Cases = (random: Generator) => Case[];

const unary =
  (op: string, values: Values = anything): Cases =>
  (random) =>
    [...shapes('[] [1] [0] [2,3]'), random.shape(), random.shape()].map((shape) => ({
      fn: (x) => apply(op, [x]),
      inputs: [values(random, shape)],
    }));

const binary =
  (op: string, left: Values = anything, right: Values = anything): Cases =>
  (random) => {
    const drawn = Array.from({ length: 4 }, () => {
      const shape = random.shape();
      return random.next() < 0.5 ? [shape, random.narrowed(shape)] : [random.narrowed(shape), shape];
    });
    return [...PAIRS, ...drawn].map(([a, b]) => ({
      fn: (x, y) => apply(op, [x, y]),
      inputs: [left(random, a), right(random, b)],
    }));
  };

const reduction =
  (op: 'sum' | 'max' | 'min'): Cases =>
  (random) => {
    const listed = [
      '[3] [0]',
      '[2,3] [1]',
      '[2,3] [0]',
      '[2,1,3] [0,2]',
      '[1] [0]',
      '[0,2] [0]',
      '[2,0] [0]',
      '[2,0] [1]',
    ];
    const drawn = Array.from({ length: 4 }, (): Shape[] => {
      const shape = random.shape(3, 1);
      return [shape, [...shape.keys()].filter((axis) => axis === 0 || random.next() < 0.5)];
    });
    return [...listed.map(shapes), ...drawn].map(([shape, axes]) => ({
      // An empty maximum is −∞, whatever the weight.
      fn: (x) => (x.size === 0 && op !== 'sum' ? x.sum() : x[op](axes)),
      inputs: [random.values(shape)],
    }));
  };

const MATRICES = [
  ['[2,3] [3,4]', '[1,1] [1,1]', '[3,2,3] [3,3,2]', '[1,2,3] [4,3,2]', '[2,3] [4,3,2]', '[4,2,3] [3,2]'],
  ['[2,1,2,3] [3,3,1]', '[1,3,2,2] [2,1,2,1]', '[2,0] [0,3]', '[0,2] [2,3]', '[2,2] [2,0]', '[0,2,3] [1,3,2]'],
  ['[0,2,3] [3,2]'],
].flatMap((row) => row.map(shapes));

/** A list for each row of the gradient table. */
export const cases: Readonly<Record<string, Cases>> = {
  neg: unary('neg'),
  abs: unary('abs', nonZero),
  sqrt: unary('sqrt', positive),
  exp: unary('exp'),
  log: unary('log', positive),
  sin: unary('sin'),
  cos: unary('cos'),
  tanh: unary('tanh'),
  erf: unary('erf'),
  add: binary('add'),
  sub: binary('sub'),
  mul: binary('mul'),
  div: binary('div', anything, nonZero),
  pow: (random) => [
    ...binary('pow', positive)(random),
    ...[-1, 0, 0.5, 1, 2, 3].map((power): Case => ({ fn: (x) => x.pow(power), inputs: [positive(random, [2, 2])] })),
    { fn: (x) => x.pow(3), inputs: [random.awayFromZero([3])] },
  ],
  maximum: (random) => [
    ...binary('maximum', grid(0), grid(0.1))(random),
    { fn: (x) => x.maximum(0), inputs: [random.awayFromZero([2, 3])] },
  ],
  minimum: (random) => [
    ...binary('minimum', grid(0), grid(0.1))(random),
    { fn: (x) => x.minimum(0), inputs: [random.awayFromZero([2, 3])] },
  ],
  select: (random) => [
    ...PAIRS.flatMap(([a, b]): Case[] => [
      { fn: select, inputs: [random.flags(a), random.values(a), random.values(b)] },
      { fn: select, inputs: [random.flags(b), random.values(a), random.values([])] },
    ]),
    { fn: (c, x) => select(c, x, -2), inputs: [random.flags([2, 1]), random.values([3])] },
  ],
  cast: (random) =>
    shapes('[] [0] [2,1]').map((shape) => ({
      // The method leaves out a cast to the same type.
      fn: (x) => apply('cast', [x], { dtype: 'float32' }),
      inputs: [random.values(shape)],
    })),
  sum: reduction('sum'),
  max: reduction('max'),
  min: reduction('min'),
  matmul: (random) =>
    MATRICES.flatMap(([a, b]): Case[] => [
      { fn: (x, y) => x.matmul(y), inputs: [random.values(a), random.values(b)] },
      // The method makes one product of many rows times one matrix; the primitive itself broadcasts.
      { fn: (x, y) => apply('matmul', [x, y]), inputs: [random.values(a), random.values(b)] },
    ]),
  reshape: (random) =>
    ['[2,3] [3,2]', '[] [1,1]', '[2,3] [6]', '[0,3] [3,0,2]', '[1] []'].map(shapes).map(([from, to]) => ({
      fn: (x) => apply('reshape', [x], { shape: to }),
      inputs: [random.values(from)],
    })),
  permute: (random) =>
    times(8, () => {
      const shape = random.shape(4);
      const axes = random.shuffled([...shape.keys()]);
      return { fn: (x) => x.permute(axes), inputs: [random.values(shape)] };
    }),
  slice: (random) =>
    times(10, () => {
      const shape = random.shape(3);
      const start = shape.map((size) => random.integer(0, size));
      const size = shape.map((whole, i) => random.integer(0, whole - start[i]));
      return { fn: (x) => x.slice(start, size), inputs: [random.values(shape)] };
    }),
  expand: (random) => [
    ...['[] [2,3]', '[1] [0]', '[1] [3]', '[2,1] [4,2,3]', '[0] [2,0]', '[2,1] [2,0]', '[2] [2]']
      .map(shapes)
      .map(([from, to]): Case => ({ fn: (x) => x.expand(to), inputs: [random.values(from)] })),
    ...times(4, () => {
      const shape = random.shape(4);
      return { fn: (x) => x.expand(shape), inputs: [random.values(random.narrowed(shape))] };
    }),
  ],
  concat: (random) => [
    { fn: (x) => concat([x, x, x]), inputs: [random.values([2])] },
    ...times(8, () => {
      const shape = random.shape(3, 1);
      const axis = random.integer(0, shape.length - 1);
      const part = (size: number) => random.values(shape.map((whole, i) => (i === axis ? size : whole)));
      return { fn: (...xs) => concat(xs, axis), inputs: [0, 1, random.integer(0, 3)].map(part) };
    }),
  ],
  pad: (random) =>
    times(8, () => {
      const shape = random.shape(3);
      const [before, after] = [0, 1].map(() => shape.map(() => random.integer(0, 2)));
      return { fn: (x) => pad(x, before, after, 0.7), inputs: [random.values(shape)] };
    }),
  gather: (random) =>
    ['[3,2] [4]', '[3] [2]', '[3,2] []', '[4,1,2] [2,2]', '[2,3] [0]', '[2,0] [3]', '[1,2] [3,1]']
      .map(shapes)
      .map(([table, ids]) => ({
        fn: (x, at) => x.gather(at),
        inputs: [random.values(table), random.ids(ids, table[0])],
      })),
  scatterAdd: (random) =>
    [
      '[4] [4,2] [3]',
      '[2] [2] [3]',
      '[] [2] [3]',
      '[2,2] [2,2,1,2] [4]',
      '[0] [0,2] [2]',
      '[3] [3,0] [2]',
      '[3,1] [3,1,2] [1]',
    ]
      .map(shapes)
      .map(([ids, updates, [rows]]) => ({
        fn: (at, x) => scatterAdd(at, x, rows),
        inputs: [random.ids(ids, rows), random.values(updates)],
      })),
  barrier: (random) => [{ fn: (x, y) => barrier(x, [y]), inputs: [random.values([2, 1]), random.values([3])] }],
};
