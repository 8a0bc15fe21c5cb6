import { test } from 'vitest';

import type { ElementwiseProgram, Step } from '@qkv/tensor';

import { contiguous, runKernel, sampler, type Argument } from './testing';

type DType = NonNullable<Argument['dtype']>;

const random = sampler(17);

/** Values of a type: some equal, some special. */
function values(dtype: DType, length: number): Float32Array | Int32Array {
  if (dtype === 'float32') {
    const specials = [0, -0, 1, -1, NaN, Infinity, -Infinity, 2.5, -2.5, 3e9, -3e9, 0.5];
    return Float32Array.from({ length }, () =>
      random.int(3) === 0 ? specials[random.int(specials.length)] : 4 * random.next(),
    );
  }
  if (dtype === 'bool') return Int32Array.from({ length }, () => random.int(2));
  const specials = [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)];
  return Int32Array.from({ length }, () =>
    random.int(3) === 0 ? specials[random.int(specials.length)] : random.int(20) - 10,
  );
}

const b = (x: boolean): number => Number(x);
const larger = (x: number, y: number): number => Math.max(x, y);
const saturate = (x: number): number =>
  Number.isNaN(x) ? 0 : Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, Math.trunc(x)));
const F = 'float32';
const I = 'int32';
const B = 'bool';

/** Exact operations; those of `math.test.ts` are approximate. */
const OPERATIONS: [op: string, args: DType[], result: DType, f: (...args: number[]) => number][] = [
  ['neg', [F], F, (x) => -x],
  ['neg', [I], I, (x) => -x | 0],
  ['abs', [F], F, Math.abs],
  ['abs', [I], I, (x) => Math.abs(x) | 0],
  ['sign', [F], F, Math.sign],
  ['sign', [I], I, Math.sign],
  ['floor', [F], F, Math.floor],
  ['ceil', [F], F, Math.ceil],
  ['sqrt', [F], F, Math.sqrt],
  ['add', [F, F], F, (x, y) => x + y],
  ['add', [I, I], I, (x, y) => (x + y) | 0],
  ['sub', [F, F], F, (x, y) => x - y],
  ['sub', [I, I], I, (x, y) => (x - y) | 0],
  ['mul', [F, F], F, (x, y) => x * y],
  ['mul', [I, I], I, Math.imul],
  ['div', [F, F], F, (x, y) => x / y],
  ['maximum', [F, F], F, larger],
  ['maximum', [I, I], I, larger],
  ['minimum', [F, F], F, Math.min],
  ['minimum', [I, I], I, Math.min],
  ['equal', [F, F], B, (x, y) => b(x === y)],
  ['equal', [I, I], B, (x, y) => b(x === y)],
  ['equal', [B, B], B, (x, y) => b(x === y)],
  ['notEqual', [F, F], B, (x, y) => b(x !== y)],
  ['notEqual', [I, I], B, (x, y) => b(x !== y)],
  ['notEqual', [B, B], B, (x, y) => b(x !== y)],
  ['less', [F, F], B, (x, y) => b(x < y)],
  ['less', [I, I], B, (x, y) => b(x < y)],
  ['lessEqual', [F, F], B, (x, y) => b(x <= y)],
  ['lessEqual', [I, I], B, (x, y) => b(x <= y)],
  ['and', [B, B], B, (x, y) => x & y],
  ['or', [B, B], B, (x, y) => x | y],
  ['not', [B], B, (x) => 1 - x],
  ['select', [B, F, F], F, (c, x, y) => (c ? x : y)],
  ['select', [B, I, I], I, (c, x, y) => (c ? x : y)],
  ['select', [B, B, B], B, (c, x, y) => (c ? x : y)],
  ['cast', [F], I, saturate],
  ['cast', [F], B, (x) => b(x !== 0)],
  ['cast', [I], F, (x) => x],
  ['cast', [I], B, (x) => b(x !== 0)],
  ['cast', [B], F, (x) => x],
  ['cast', [B], I, (x) => x],
  ['cast', [F], F, (x) => x],
  ['cast', [I], I, (x) => x],
  ['cast', [B], B, (x) => x],
  ['unitInterval', [I], F, (x) => (x >>> 8) / 2 ** 24],
];

test.each(OPERATIONS)('%s of %j gives %s', async (op, types, result, f) => {
  for (const n of [1, 6, 1029]) {
    const shape = [n];
    const inputs = types.map((dtype) => ({ shape, dtype, data: values(dtype, n) }));
    const program: ElementwiseProgram = {
      inputs: types.length,
      instructions: [{ op, args: types.map((_, i) => i), dtype: result }],
      results: [types.length],
    };
    for (const [y] of Object.values(await runKernel('elementwise', inputs, [{ shape, dtype: result }], { program }))) {
      for (let i = 0; i < n; i++) {
        const args = inputs.map(({ data }) => data[i]);
        const expected = result === F ? Math.fround(f(...args)) : f(...args);
        if (!Object.is(y[i] + 0, expected + 0))
          throw new Error(`${op}(${args.join(', ')}) = ${y[i]}, should be ${expected}`);
      }
    }
  }
});

/** The obvious interpreter. */
function interpret(program: ElementwiseProgram, args: readonly number[]): number[] {
  const registers = [...args];
  for (const { op, args: operands, dtype, value } of program.instructions) {
    const [x, y, z] = operands.map((r) => registers[r]);
    const found = {
      add: x + y,
      sub: x - y,
      mul: x * y,
      neg: -x,
      maximum: Math.max(x, y),
      less: b(x < y),
      select: x ? y : z,
      literal: value ?? 0,
    }[op];
    if (found === undefined) throw new Error(op);
    registers.push(dtype === F ? Math.fround(found) : found);
  }
  return program.results.map((r) => registers[r]);
}

function at(argument: Argument, shape: readonly number[], index: number): number {
  const strides = argument.strides ?? contiguous(shape);
  let offset = argument.offset ?? 0;
  for (let d = shape.length - 1; d >= 0; d--) {
    offset += (index % shape[d]) * strides[d];
    index = Math.floor(index / shape[d]);
  }
  return argument.data![offset];
}

async function check(program: ElementwiseProgram, inputs: Argument[], outputs: Argument[]): Promise<void> {
  const { shape } = outputs[0];
  const n = shape.reduce((x, y) => x * y, 1);
  for (const results of Object.values(
    await runKernel('elementwise', inputs, outputs, { program } as Step['attributes']),
  )) {
    for (let i = 0; i < n; i++) {
      const expected = interpret(
        program,
        inputs.map((input) => at(input, shape, i)),
      );
      expected.forEach((value, j) => {
        if (!Object.is(results[j][i] + 0, value + 0))
          throw new Error(
            `output ${j}[${i}] of [${shape.join(', ')}] is ${results[j][i]}, should be ${value}; ${JSON.stringify({ program, strides: inputs.map((x) => x.strides) })}`,
          );
      });
    }
  }
}

function randomProgram(inputs: number, length: number, outputs: number): ElementwiseProgram {
  const instructions: ElementwiseProgram['instructions'][number][] = [];
  const floats = Array.from({ length: inputs }, (_, i) => i);
  const pick = (): number =>
    floats[random.int(3) === 0 ? random.int(floats.length) : Math.max(0, floats.length - 1 - random.int(3))];
  while (instructions.length < length) {
    const register = inputs + instructions.length;
    const op = ['add', 'sub', 'mul', 'neg', 'maximum', 'select', 'literal'][random.int(7)];
    if (op === 'select') {
      instructions.push(
        { op: 'less', args: [pick(), pick()], dtype: B },
        { op, args: [register, pick(), pick()], dtype: F },
      );
      floats.push(register + 1);
      continue;
    }
    if (op === 'literal') instructions.push({ op, args: [], dtype: F, value: Math.fround(random.next()) });
    else instructions.push({ op, args: op === 'neg' ? [pick()] : [pick(), pick()], dtype: F });
    floats.push(register);
  }
  return { inputs, instructions, results: Array.from({ length: outputs }, pick) };
}

test('random programs over random strides', async () => {
  for (let round = 0; round < 250; round++) {
    const rank = random.int(5);
    const shape = Array.from({ length: rank }, () => [1, 2, 3, 4, 7, 8, 0][random.int(random.int(12) === 0 ? 7 : 6)]);
    if (rank > 0 && random.int(3) === 0) shape[rank - 1] = 1 + random.int(rank < 3 ? 1400 : 70);
    const inputs: Argument[] = Array.from({ length: 1 + random.int(4) }, () => {
      // A permuted, sometimes padded, layout; then some dimensions repeat.
      const order = shape.map((_, d) => d);
      if (random.int(2)) order.sort(() => random.next());
      const strides = shape.map(() => 0);
      let extent = 1 + random.int(2) * random.int(2);
      for (const d of order.reverse()) {
        strides[d] = extent;
        extent *= shape[d] + (random.int(5) === 0 ? 1 : 0);
      }
      if (random.int(2)) shape.forEach((_, d) => random.int(2) && (strides[d] = 0));
      const offset = random.int(2);
      const length = shape.some((n) => n === 0)
        ? 1
        : shape.reduce((last, n, d) => last + (n - 1) * strides[d], offset) + 1;
      return {
        shape,
        strides: random.int(4) ? strides : contiguous(shape),
        offset,
        data: random.array(Math.max(length, offset + shape.reduce((x, y) => x * y, 1))),
      };
    });
    const outputs = Array.from({ length: 1 + random.int(3) }, () => ({ shape }));
    await check(randomProgram(inputs.length, 1 + random.int(40), outputs.length), inputs, outputs);
  }
});

test('outputs may lie where contiguous inputs lie', async () => {
  for (let round = 0; round < 150; round++) {
    const shape = [1 + random.int(3), 1 + random.int(1500)];
    const n = shape[0] * shape[1];
    const inputs: Argument[] = Array.from({ length: 4 }, (_, i) => ({
      shape,
      data: random.array(n),
      ...(i === 3 && { strides: [0, 1] }),
    }));
    const free = [0, 1, 2].sort(() => random.next());
    const outputs = Array.from({ length: 1 + random.int(3) }, (_, j) => ({ shape, inPlaceOf: free[j] }));
    await check(randomProgram(4, 1 + random.int(10), outputs.length), inputs, outputs);
  }
  // Exchange, without any instruction.
  const shape = [1003];
  const inputs = [0, 1].map(() => ({ shape, data: random.array(1003) }));
  await check({ inputs: 2, instructions: [], results: [1, 0] }, inputs, [
    { shape, inPlaceOf: 0 },
    { shape, inPlaceOf: 1 },
  ]);
});
