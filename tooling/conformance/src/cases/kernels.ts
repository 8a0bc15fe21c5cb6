import {
  arange,
  concat,
  type DType,
  full,
  internals,
  type KERNELS,
  pad,
  scatterAdd,
  type Shape,
  stack,
  type Tensor,
  topK,
} from '@qkv/tensor';

import { EXACT, MOVED } from '../compare';
import { anyShape, bools, floats, given, type Given, integers, type Sampler, sizeOf, strided, type View } from '../sample';
import type { Trial } from '../trial';
import { denseTrials, elementwiseTrials } from './elementwise';

const dims = (shape: Shape): string => `[${shape.join()}]`;

function valuesOf(random: Sampler, shape: Shape, dtype: DType): Given {
  if (dtype === 'bool') return bools(random, shape);
  return dtype === 'int32' ? integers(random, shape, -(2 ** 31), 2 ** 31 - 1) : floats(random, shape);
}

/** To be moved: numbers that arithmetic would not keep are among them. */
function cargo(random: Sampler, shape: Shape, dtype: DType): Given {
  const made = valuesOf(random, shape, dtype);
  if (dtype === 'float32') {
    made.data.forEach((_, i) => {
      if (random.chance(0.2)) made.data[i] = random.pick([0, -0, -0, NaN, Infinity, -Infinity, 1e-40]);
    });
  }
  return made;
}

function reduce(random: Sampler): Trial {
  const op = random.pick(['sum', 'sum', 'max', 'min'] as const);
  const dtype = random.pick<DType>(op === 'sum' ? ['float32', 'float32', 'int32'] : ['float32', 'int32', 'bool']);
  // Now and then longer than a chunk of the sum.
  const shape = random.chance(0.2) ? random.shuffled([random.integer(1000, 9000), random.pick([1, 2, 3])]) : anyShape(random, [1, 2, 3, 4]);
  const { base, view } = strided(random, shape);
  const axes = [...shape.keys()].filter(() => random.chance(0.6));
  const input = valuesOf(random, base, dtype);
  if (dtype === 'float32' && op !== 'sum' && random.chance(0.3) && input.data.length > 0) {
    for (let n = 0; n < 3; n++) input.data[random.integer(0, input.data.length - 1)] = random.pick([NaN, Infinity, -Infinity, -0]);
  }
  const keep = random.chance(0.5);
  return {
    title: `${op} of ${dtype} ${dims(shape)} over ${dims(axes)}`,
    inputs: [input],
    compute: ([x]) => [view(x)[op](axes, { keep })],
    magnitude: ([x]) => [dtype === 'float32' ? view(x).abs().sum(axes, { keep }) : full([], 0)],
    tolerance: op === 'sum' ? { ulps: 12, of: 'magnitude' } : EXACT,
    gradient: dtype === 'float32' && input.data.every((value) => Number.isFinite(value)) ? { ulps: 64 } : undefined,
  };
}

function argMax(random: Sampler): Trial {
  const shape = anyShape(random, [1, 2, 3]).map((size) => Math.max(size, 1));
  const { base, view } = strided(random, shape);
  // Few different values, so that there are ties; now and then NaN, which counts as largest.
  const input = given(base, Float32Array.from({ length: sizeOf(base) }, () => (random.chance(0.02) ? random.pick([NaN, Infinity, -Infinity]) : random.integer(-3, 3))));
  const axis = random.integer(-1, shape.length - 1);
  return { title: `argMax of ${dims(shape)} over ${axis}`, inputs: [input], compute: ([x]) => [view(x).argMax(axis)], tolerance: EXACT };
}

function largest(random: Sampler): Trial {
  const shape = [...anyShape(random, [0, 1, 2]), random.pick([1, 2, 3, 7, 16, 100, 1000])];
  const { base, view } = strided(random, shape);
  const wide = random.chance(0.5);
  const value = (): number => (random.chance(0.02) ? random.pick([NaN, Infinity, -Infinity, -0]) : wide ? random.uniform(-2, 2) : random.integer(-3, 3));
  const input = given(base, Float32Array.from({ length: sizeOf(base) }, value));
  const k = random.pick([1, 2, shape.at(-1)!, random.integer(1, shape.at(-1)!)].filter((size) => size <= shape.at(-1)!));
  const compute = ([x]: readonly Tensor[]): Tensor[] => Object.values(topK(view(x), k));
  return { title: `topK ${k} of ${dims(shape)}`, inputs: [input], compute, tolerance: EXACT };
}

function matmul(random: Sampler): Trial {
  const size = (): number => random.pick([1, 1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 31, 40, 64, random.integer(65, 150)]);
  let [m, n, k] = [size(), size(), size()];
  if (random.chance(0.08)) [m, n, k] = [300, 20, 520].map((x) => x + random.integer(-20, 20)); // more than one block of k
  if (random.chance(0.08)) [m, n, k][random.integer(0, 2)] = 0;
  if (random.chance(0.05)) k = 0;
  const batch = random.chance(0.5) ? [] : Array.from({ length: random.integer(1, 2) }, () => random.pick([1, 2, 3]));
  const part = (): number[] => (random.chance(0.5) ? batch : batch.map((b) => (random.chance(0.5) ? 1 : b)).slice(random.integer(0, batch.length)));
  const [a, b] = [[...part(), m, k], [...part(), k, n]].map((shape) => strided(random, shape));
  const multiply = (x: Tensor, y: Tensor): Tensor => x.matmul(y);
  return {
    title: `matmul of ${m} × ${k} × ${n}, batch ${dims(batch)}`,
    inputs: [floats(random, a.base), floats(random, b.base)],
    compute: ([x, y]) => [multiply(a.view(x), b.view(y))],
    magnitude: ([x, y]) => [multiply(a.view(x).abs(), b.view(y).abs())],
    tolerance: { ulps: 4 + 2.5 * Math.sqrt(k), of: 'magnitude' },
    gradient: { ulps: 16 + 4 * Math.sqrt(Math.max(m, n, k)) },
  };
}

/** Few rows by many columns, B in every layout: broadcast along k or n, its rows or columns contiguous, neither. */
function* matmulLayouts(random: Sampler): Generator<Trial> {
  for (const m of [1, 2, 4, 5]) {
    for (const [k, n] of [[1, 133], [3, 40], [300, 33], [260, 1100]]) {
      const layouts: [string, Shape, View][] = [
        ['rows', [k, n], (b) => b],
        ['columns', [n, k], (b) => b.transpose()],
        ['expanded along k', [1, n], (b) => b.expand([k, n])],
        ['expanded along n', [k, 1], (b) => b.expand([k, n])],
        ['expanded', [1, 1], (b) => b.expand([k, n])],
        ['every second, rows', [k, n, 2], (b) => b.slice([0, 0, 1], [k, n, 1]).squeeze(2)],
        ['every second, columns', [n, k, 2], (b) => b.slice([0, 0, 1], [n, k, 1]).squeeze(2).transpose()],
      ];
      for (const [layout, base, view] of layouts) {
        yield {
          title: `matmul of ${m} × ${k} × ${n}, B ${layout}`,
          inputs: [floats(random, [m, k]), floats(random, base)],
          compute: ([a, b]) => [a.matmul(view(b))],
          magnitude: ([a, b]) => [a.abs().matmul(view(b.abs()))],
          tolerance: { ulps: 4 + 2.5 * Math.sqrt(k), of: 'magnitude' },
        };
      }
    }
  }
}

function copy(random: Sampler): Trial {
  const dtype = random.pick<DType>(['float32', 'int32', 'bool']);
  const shape = anyShape(random, [1, 2, 3, 4]);
  const axis = random.integer(0, shape.length - 1);
  const parts = Array.from({ length: random.integer(1, 4) }, () => strided(random, shape.map((size, d) => (d === axis ? random.integer(0, 5) : size))));
  return {
    title: `concat of ${parts.length} ${dtype} ${dims(shape)} along ${axis}`,
    inputs: parts.map(({ base }) => cargo(random, base, dtype)),
    compute: (xs) => {
      const views = xs.map((x, i) => parts[i].view(x));
      return [concat(views, axis), stack([views[0], views[0]], axis), views.at(-1)!.reshape([-1])];
    },
    tolerance: MOVED,
    gradient: dtype === 'float32' ? { ulps: 2 } : undefined,
  };
}

function fill(random: Sampler): Trial {
  const dtype = random.pick<DType>(['float32', 'int32', 'bool']);
  const shape = anyShape(random, [1, 2, 3]);
  const { base, view } = strided(random, shape);
  const [before, after] = [shape.map(() => random.integer(0, 3)), shape.map(() => random.integer(0, 3))];
  const value = { float32: random.pick([0, -0, NaN, -Infinity, 0.1, 1e-40]), int32: random.pick([0, -1, -(2 ** 31)]), bool: random.integer(0, 1) }[dtype];
  return {
    title: `pad ${dtype} ${dims(shape)} with ${value}`,
    inputs: [cargo(random, base, dtype)],
    compute: ([x]) => [pad(view(x), before, after, value), full(shape, value, dtype)],
    tolerance: { ...MOVED, ulps: 0.5 }, // of the constant
    gradient: dtype === 'float32' && Number.isFinite(value) ? { ulps: 2 } : undefined,
  };
}

function iota(random: Sampler): Trial {
  const dtype = random.pick(['int32', 'float32'] as const);
  const length = random.pick([0, 1, 2, 3, 4, 5, 31, 1000]);
  return { title: `iota of ${length} ${dtype}`, inputs: [], compute: () => [arange(length, dtype)], tolerance: EXACT };
}

function gather(random: Sampler): Trial {
  const dtype = random.pick<DType>(['float32', 'float32', 'int32', 'bool']);
  const rows = random.integer(1, 20);
  const table = strided(random, [rows, ...anyShape(random, [0, 1, 1, 2])], { expand: false });
  const ids = strided(random, anyShape(random, [0, 1, 2]));
  return {
    title: `gather of ${dtype} from ${dims(table.base)} by ${dims(ids.base)}`,
    inputs: [cargo(random, table.base, dtype), integers(random, ids.base, 0, rows - 1)],
    compute: ([x, i]) => [table.view(x).gather(ids.view(i))],
    tolerance: MOVED,
    gradient: dtype === 'float32' ? { ulps: 32 } : undefined,
  };
}

function scatter(random: Sampler): Trial {
  const rows = random.pick([1, 2, 5, 40]);
  const shape = anyShape(random, [0, 1, 2]);
  const updates = strided(random, [...shape, ...anyShape(random, [0, 1, 1, 2])]);
  return {
    title: `scatterAdd of ${dims(updates.base)} by ${dims(shape)} into ${rows} rows`,
    inputs: [integers(random, shape, 0, rows - 1), floats(random, updates.base)],
    compute: ([i, x]) => [scatterAdd(i, updates.view(x), rows)],
    magnitude: ([i, x]) => [scatterAdd(i, updates.view(x).abs(), rows)],
    // One after the other, as the contract says: equal updates round the same way each time.
    tolerance: { ulps: 2 + Math.sqrt(sizeOf(shape)) + sizeOf(shape) / 20, of: 'magnitude' },
    gradient: { ulps: 64 }, // where updates were expanded, their gradients are sums
  };
}

function randomWords(random: Sampler): Trial {
  const shape = anyShape(random, [0, 1, 2]);
  const site = random.word();
  return {
    title: `random of ${dims(shape)} at site ${site}`,
    inputs: [given([4], Int32Array.from({ length: 4 }, () => random.word() | 0))],
    compute: ([state]) => {
      const [words] = internals.applyTensors('random', [state], { shape, site });
      return [words, internals.applyTensors('unitInterval', [words])[0]];
    },
    tolerance: EXACT,
  };
}

const times = (count: number, make: (random: Sampler) => Trial) =>
  function* (random: Sampler, rounds: number): Generator<Trial> {
    for (let n = 0; n < count * rounds; n++) yield make(random);
  };

/** Random trials of each kernel of the contract. */
export const KERNEL_TRIALS: Readonly<Record<(typeof KERNELS)[number], (random: Sampler, rounds: number) => Generator<Trial>>> = {
  *elementwise(random, rounds) {
    yield* elementwiseTrials(random, rounds);
    yield* denseTrials();
  },
  reduce: times(20, reduce),
  argMax: times(8, argMax),
  topK: times(12, largest),
  *matmul(random, rounds) {
    yield* times(20, matmul)(random, rounds);
    yield* matmulLayouts(random);
  },
  copy: times(12, copy),
  fill: times(8, fill),
  iota: times(3, iota),
  gather: times(10, gather),
  scatterAdd: times(10, scatter),
  random: times(6, randomWords),
};
