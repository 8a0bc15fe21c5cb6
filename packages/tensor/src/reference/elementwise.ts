import type { ElementwiseProgram, Operand } from '../backend';
import type { DType } from '../dtype';
import type { ElementwiseOp } from '../kernels';
import { erf } from './erf';
import type { Dense, Numeric } from './memory';

/** The meaning of each element-wise primitive, in doubles; the result is rounded to the register's type. */
export const SCALAR: Record<Exclude<ElementwiseOp, 'cast'>, (a: number, b: number, c: number) => number> = {
  neg: (a) => -a,
  abs: (a) => Math.abs(a),
  sign: (a) => Math.sign(a),
  floor: (a) => Math.floor(a),
  ceil: (a) => Math.ceil(a),
  sqrt: (a) => Math.sqrt(a),
  exp: (a) => Math.exp(a),
  log: (a) => Math.log(a),
  sin: (a) => Math.sin(a),
  cos: (a) => Math.cos(a),
  tanh: (a) => Math.tanh(a),
  erf: (a) => erf(a),
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow: (a, b) => Math.pow(a, b),
  maximum: (a, b) => Math.max(a, b),
  minimum: (a, b) => Math.min(a, b),
  equal: (a, b) => Number(a === b),
  notEqual: (a, b) => Number(a !== b),
  less: (a, b) => Number(a < b),
  lessEqual: (a, b) => Number(a <= b),
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  not: (a) => 1 - a,
  select: (a, b, c) => (a !== 0 ? b : c),
  unitInterval: (a) => (a >>> 8) * 2 ** -24,
};

function cast(value: number, to: DType): number {
  if (to === 'float32') return value;
  if (to === 'bool') return Number(value !== 0);
  return Math.min(Math.max(value, -(2 ** 31)), 2 ** 31 - 1) | 0; // NaN | 0 is 0
}

/** Runs a program one instruction at a time over whole arrays. */
export function runElementwise(
  program: ElementwiseProgram,
  inputs: readonly Dense[],
  outputs: readonly Operand[],
  count: number,
  make: (dtype: DType, length: number) => Numeric,
): Numeric[] {
  const registers: Numeric[] = inputs.map((input) => input.data);
  const dtypes: DType[] = inputs.map((input) => input.dtype);
  for (const { op, args, dtype, value } of program.instructions) {
    const out = make(dtype, count);
    if (op === 'literal') out.fill(value!);
    else {
      const [a, b, c] = args.map((arg) => registers[arg]!);
      if (op === 'cast') for (let i = 0; i < count; i++) out[i] = cast(a![i]!, dtype);
      else {
        const fn = SCALAR[op as Exclude<ElementwiseOp, 'cast'>];
        const wrap = op === 'mul' && dtype === 'int32' ? (x: number, y: number) => Math.imul(x, y) : fn;
        const integer = dtype === 'int32';
        for (let i = 0; i < count; i++) {
          const result = wrap(a![i]!, b === undefined ? 0 : b[i]!, c === undefined ? 0 : c[i]!);
          out[i] = integer ? result | 0 : result;
        }
      }
    }
    registers.push(out);
    dtypes.push(dtype);
  }
  return outputs.map((_, j) => registers[program.results[j]!]!);
}
