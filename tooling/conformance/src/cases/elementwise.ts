import { type DType, ELEMENTWISE, type ElementwiseOp, full, internals, select, type Tensor } from '@qkv/tensor';

import { EXACT } from '../compare';
import {
  anyShape,
  bools,
  broadcastable,
  floats,
  given,
  type Given,
  integers,
  type Sampler,
  strided,
  type View,
} from '../sample';
import type { Trial } from '../trial';

/** Units in the last place, as `assembly/math.ts` has them, and half of one for the rounding of exact results. */
const ULPS: Partial<Record<ElementwiseOp, number>> = {
  exp: 1.5,
  log: 2.5,
  sin: 2.5,
  cos: 2.5,
  tanh: 3.5,
  erf: 3.5,
  pow: 1.5,
  ...Object.fromEntries(['add', 'sub', 'mul', 'div', 'sqrt', 'cast'].map((op) => [op, 0.5])),
};

const SPECIAL = [
  0,
  -0,
  1,
  -1,
  NaN,
  Infinity,
  -Infinity,
  1e-40,
  -3e-45,
  3.4028234e38,
  -1e30,
  0.5,
  88.8,
  -103.9,
  65504,
  1e5,
  2 ** 31,
  -(2 ** 31),
  16777217,
  0.49999997,
  2.5,
  -2.5,
];
const SPECIAL_INTEGERS = [0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 65536, -65537, 16777217];

/** Values of a type; every third one a special one, if asked for. */
function valuesOf(random: Sampler, shape: readonly number[], dtype: DType, special: boolean): Given {
  if (dtype === 'bool') return bools(random, shape);
  const some = dtype === 'int32' ? integers(random, shape, -1000, 1000) : floats(random, shape, -3, 3);
  if (special) {
    for (let i = 0; i < some.data.length; i++) {
      if (random.chance(1 / 3)) some.data[i] = dtype === 'int32' ? random.pick(SPECIAL_INTEGERS) : random.pick(SPECIAL);
    }
  }
  return some;
}

const DTYPES: Record<string, DType> = { f: 'float32', i: 'int32', b: 'bool' };

/** Operands of random layouts that broadcast to `shape`, and how to view them. */
function operands(
  random: Sampler,
  shape: readonly number[],
  dtypes: readonly DType[],
  special: boolean,
): { inputs: Given[]; views: View[] } {
  const inputs: Given[] = [];
  const views: View[] = [];
  for (const dtype of dtypes) {
    const { base, view } = strided(random, broadcastable(random, shape));
    inputs.push(valuesOf(random, base, dtype, special));
    views.push(view);
  }
  return { inputs, views };
}

/** One operation with one of its types. */
function single(random: Sampler, op: ElementwiseOp, rule: string): Trial {
  const [takes, gives] = rule.split('→');
  const shape = anyShape(random);
  const { inputs, views } = operands(
    random,
    shape,
    [...takes].map((letter) => DTYPES[letter]),
    true,
  );
  const attributes = op === 'cast' ? { dtype: DTYPES[gives] } : undefined;
  return {
    title: `${op} ${rule} ${inputs.map((input) => `[${input.shape.join()}]`).join(' ')}`,
    inputs,
    compute: (xs) =>
      internals.applyTensors(
        op,
        xs.map((x, i) => views[i](x)),
        attributes,
      ),
    tolerance: gives === 'f' ? { ulps: ULPS[op] ?? 0 } : EXACT,
  };
}

/** Where each operation has a gradient without poles; the others are left out. */
const SMOOTH: Partial<Record<ElementwiseOp, readonly [number, number]>> = {
  ...Object.fromEntries(
    ['neg', 'abs', 'exp', 'sin', 'cos', 'tanh', 'erf', 'add', 'sub', 'mul', 'maximum', 'minimum'].map((op) => [
      op,
      [-2, 2],
    ]),
  ),
  ...Object.fromEntries(['sqrt', 'log', 'div', 'pow'].map((op) => [op, [0.5, 2]])),
};

/** Gradients: the derivatives are element-wise programs of several operations, and broadcasting is undone by sums. */
function smooth(random: Sampler, op: ElementwiseOp, range: readonly [number, number]): Trial {
  const shape = anyShape(random);
  const arity = ELEMENTWISE[op].split(' ')[0].indexOf('→');
  const { inputs, views } = operands(random, shape, new Array<DType>(arity).fill('float32'), false);
  inputs.forEach((input) => input.data.set(random.floats(input.data.length, ...range)));
  return {
    title: `gradient of ${op} ${inputs.map((input) => `[${input.shape.join()}]`).join(' ')}`,
    inputs,
    compute: (xs) =>
      internals.applyTensors(
        op,
        xs.map((x, i) => views[i](x)),
      ),
    tolerance: { ulps: (ULPS[op] ?? 0) + 1 },
    gradient: { ulps: 16 },
  };
}

/** A long chain with many inputs, which the plan has to cut, and values that several programs share. */
function program(random: Sampler): Trial {
  const shape = anyShape(random, [1, 2, 3]);
  const count = random.pick([2, 5, 20, 30]);
  const dtypes = Array.from({ length: count }, (_, i): DType =>
    i < 2 ? 'float32' : random.pick(['float32', 'float32', 'int32', 'bool']),
  );
  const { inputs, views } = operands(random, shape, dtypes, false);
  const seed = random.integer(1, 2 ** 30);
  const length = random.pick([3, 10, 40, 90, 200]);
  return {
    title: `program of ${length} with ${count} inputs on [${shape.join()}], seed ${seed}`,
    inputs,
    compute: (xs) => {
      // Choices must be the same each time that the trial is computed.
      const next = (() => {
        let state = seed;
        return (below: number): number => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 8) % below;
      })();
      const values = xs.map((x, i) => views[i](x));
      // No cast from float32, no comparison: near an integer or a tie, a rounding error would change everything.
      const as = (dtype: DType): Tensor => {
        const known = dtype === 'float32' ? values : values.filter((x) => x.dtype !== 'float32');
        if (known.length === 0) return full([], 1, dtype);
        return known[next(3) === 0 ? next(known.length) : Math.max(0, known.length - 1 - next(6))].cast(dtype);
      };
      for (let i = 0; i < length; i++) {
        const [a, b] = [as('float32'), as('float32')];
        const small = (x: Tensor): Tensor => x.maximum(-4).minimum(4);
        const made: (() => Tensor)[] = [
          () => a.add(b).mul(0.5),
          () => small(a.sub(b.mul(0.25 + next(4)))),
          () => a.tanh(),
          () => small(a.mul(b)),
          () => select(as('bool'), a, b),
          () =>
            select(as('bool'), next(5) - 2, 0.5 + next(9))
              .mul(a)
              .tanh(),
          () => as('int32').mul(3).add(as('int32')).maximum(-50).minimum(50),
          () => as('bool').or(as('bool')).not(),
          () => a.neg().abs().sqrt(),
          () => small(a).sin().add(small(b).cos()),
        ];
        values.push(made[next(made.length)]());
      }
      return values.slice(-3).map((x) => x.expand(shape));
    },
    tolerance: { ulps: 512, of: 'tensor', floor: 4 },
  };
}

export function* elementwiseTrials(random: Sampler, rounds: number): Generator<Trial> {
  for (const [op, rules] of Object.entries(ELEMENTWISE) as [ElementwiseOp, string][]) {
    for (const rule of rules.split(' ')) for (let n = 0; n < rounds; n++) yield single(random, op, rule);
    const range = SMOOTH[op];
    if (range !== undefined) for (let n = 0; n < rounds; n++) yield smooth(random, op, range);
  }
  for (let n = 0; n < 4 * rounds; n++) yield program(random);
}

/** Every float32 exponent and sign, and what is between: one long vector through each operation of one operand. */
export function* denseTrials(): Generator<Trial> {
  const bits = Int32Array.from({ length: 8192 }, (_, i) => Math.imul(i, 0x00080001) ^ (i << 7));
  const all = new Float32Array(bits.buffer);
  for (const [op, rules] of Object.entries(ELEMENTWISE) as [ElementwiseOp, string][]) {
    if (!rules.split(' ').includes('f→f') || op === 'cast') continue;
    const values = op === 'sin' || op === 'cos' ? all.map((x) => (Math.abs(x) < 1e6 ? x : 0.5)) : all;
    yield {
      title: `${op} of every exponent`,
      inputs: [given([all.length], values)],
      compute: (xs) => internals.applyTensors(op, xs),
      tolerance: { ulps: ULPS[op] ?? 0 },
    };
  }
}
