import type { DType, HostData, Shape } from './dtype';
import { makeLeaf, type Value } from './graph';
import { apply1 } from './operation';
import { ShapeError } from './shape-error';
import { checkShape, elementCount, formatShape, normalizeAxis, sameShape } from './shape';
import { checkBrand, TENSOR_BRAND, VARIABLE_BRAND } from './state';
import type { TensorLike, Tensor } from './types';
import { isVariable } from './variable';

export function isTensor(thing: unknown): thing is Tensor {
  return typeof thing === 'object' && thing !== null && TENSOR_BRAND in thing;
}

/** Anything an operation accepts, as a value of the graph; numbers take `dtype`. */
export function toValue(operand: TensorLike, dtype: DType): Value {
  if (typeof operand === 'number' || typeof operand === 'boolean') return literal(Number(operand), dtype);
  if (isVariable(operand)) {
    checkBrand(operand[VARIABLE_BRAND], `the Variable '${operand.name}'`);
    return operand.value as unknown as Value;
  }
  if (!isTensor(operand)) throw new TypeError(`expected a tensor, a Variable or a number, got ${typeof operand}`);
  return operand as unknown as Value;
}

export function literal(value: number, dtype: DType): Value {
  return apply1('literal', [], { value: numberAs(value, dtype), dtype });
}

/** A JavaScript number as an element of the type; throws where it is none. */
function numberAs(value: number, dtype: DType): number {
  if (dtype === 'float32') return value;
  if (dtype === 'bool' ? value === 0 || value === 1 : value === (value | 0)) return value | 0;
  throw new ShapeError(`the number ${value} cannot be used beside ${dtype}; cast the tensor to float32 first`);
}

type Nested = number | boolean | readonly Nested[];

/** Host values as typed array, and the shape that nesting gives. */
function fromNested(values: Nested): { flat: (number | boolean)[]; shape: number[] } {
  const shape: number[] = [];
  for (let level = values; Array.isArray(level); level = level[0] as Nested) {
    shape.push(level.length);
    if (level.length === 0) break;
  }
  const flat: (number | boolean)[] = [];
  const walk = (level: Nested, depth: number): void => {
    if (!Array.isArray(level)) {
      if (depth !== shape.length) throw new ShapeError('tensor: nested lists have unequal depth');
      flat.push(level as number | boolean);
    } else {
      if (level.length !== shape[depth]) throw new ShapeError('tensor: nested lists have unequal lengths');
      for (const item of level) walk(item as Nested, depth + 1);
    }
  };
  walk(values, 0);
  return { flat, shape };
}

function hostDType(data: HostData): DType {
  if (data instanceof Int32Array) return 'int32';
  return data instanceof Uint8Array ? 'bool' : 'float32';
}

/** Copies host values: the tensor must not change when the caller's array does. */
export function hostArray(values: HostData | readonly (number | boolean)[], dtype: DType): HostData {
  if (dtype === 'int32') {
    const exact = Int32Array.from(values as readonly number[]);
    const bad = values instanceof Int32Array ? -1 : exact.findIndex((value, i) => value !== Number(values[i]));
    if (bad >= 0) throw new ShapeError(`element ${bad} is ${String(values[bad])}, which is no int32; round it, or use float32`);
    return exact;
  }
  if (dtype === 'bool') {
    // `from` with a function makes a list of all values first: slow, and without room for the mask of 14,000 nodes.
    const bits = new Uint8Array(values.length);
    for (let i = 0; i < bits.length; i++) bits[i] = values[i] ? 1 : 0;
    return bits;
  }
  return values instanceof Float64Array ? values.slice() : Float32Array.from(values as readonly number[]);
}

function leafFrom(kind: 'host' | 'constant', values: HostData | Nested, shape?: Shape, dtype?: DType): Value {
  let flat: HostData | readonly (number | boolean)[];
  let inferred: Shape;
  let type: DType;
  if (ArrayBuffer.isView(values)) {
    flat = values as HostData;
    inferred = [flat.length];
    type = dtype ?? hostDType(flat);
  } else {
    const nested = fromNested(values as Nested);
    flat = nested.flat;
    inferred = nested.shape;
    type = dtype ?? (typeof flat[0] === 'boolean' ? 'bool' : 'float32');
  }
  const spec = { shape: [...(shape ?? inferred)], dtype: type };
  checkShape(spec.shape, 'tensor');
  if (elementCount(spec.shape) !== flat.length) {
    throw new ShapeError(`tensor: ${flat.length} values do not fill ${formatShape(spec.shape)}`);
  }
  return makeLeaf(spec, { kind, data: hostArray(flat, type) }, null);
}

/**
 * A tensor from host values: a number, nested lists, or a typed array with a shape. Float32Array gives float32,
 * Int32Array int32, Uint8Array and booleans bool.
 */
export function tensor<const S extends Shape = Shape>(values: HostData | Nested, shape?: S, dtype?: DType): Tensor<S> {
  return leafFrom('host', values, shape, dtype) as unknown as Tensor<S>;
}

/** Host values that a compiled function may capture, such as a table of positions. */
export function constant<const S extends Shape = Shape>(values: HostData | Nested, shape?: S, dtype?: DType): Tensor<S> {
  return leafFrom('constant', values, shape, dtype) as unknown as Tensor<S>;
}

export function full<const S extends Shape>(shape: S, value: number, dtype: DType = 'float32'): Tensor<S> {
  return apply1('expand', [literal(value, dtype)], { shape: [...shape] }) as unknown as Tensor<S>;
}

export function zeros<const S extends Shape>(shape: S, dtype: DType = 'float32'): Tensor<S> {
  return full(shape, 0, dtype);
}

export function ones<const S extends Shape>(shape: S, dtype: DType = 'float32'): Tensor<S> {
  return full(shape, 1, dtype);
}

/** 0, 1, …, length−1. */
export function arange(length: number, dtype: 'int32' | 'float32' = 'int32'): Tensor {
  return apply1('iota', [], { length, dtype }) as unknown as Tensor;
}

/** 1/x. */
export function reciprocal(x: Tensor): Tensor {
  return apply1('div', [literal(1, 'float32'), toValue(x, 'float32')]) as unknown as Tensor;
}

/** Where the condition holds a, elsewhere b; all three broadcast. */
export function select(condition: Tensor, a: TensorLike, b: TensorLike): Tensor {
  const dtype = isTensor(a) || isVariable(a) ? a.dtype : isTensor(b) || isVariable(b) ? b.dtype : 'float32';
  return apply1('select', [toValue(condition, 'bool'), toValue(a, dtype), toValue(b, dtype)]) as unknown as Tensor;
}

/** Joins tensors along an existing axis. */
export function concat(tensors: readonly (Tensor | TensorLike)[], axis = 0): Tensor {
  if (tensors.length === 0) throw new ShapeError('concat: needs at least one tensor');
  const values = tensors.map((t) => toValue(t, 'float32'));
  return apply1('concat', values, { axis: normalizeAxis(axis, values[0]!.rank, 'concat') }) as unknown as Tensor;
}

/** Joins tensors of one shape along a new axis. */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  if (tensors.length === 0) throw new ShapeError('stack: needs at least one tensor');
  const first = tensors[0]!;
  for (const t of tensors) {
    if (!sameShape(t.shape, first.shape)) {
      throw new ShapeError(`stack: ${formatShape(t.shape)} does not fit ${formatShape(first.shape)}`);
    }
  }
  const at = normalizeAxis(axis, first.rank + 1, 'stack');
  return concat(tensors.map((t) => t.unsqueeze(at)), at);
}

/** Adds `before[d]` and `after[d]` elements around each dimension. */
export function pad(x: Tensor, before: readonly number[], after: readonly number[], value = 0): Tensor {
  const attributes = { before: [...before], after: [...after], value: numberAs(value, x.dtype) };
  return apply1('pad', [toValue(x, x.dtype)], attributes) as unknown as Tensor;
}

/** ids (…) → (…, depth): 1 where the last index is the id, else 0; ids outside give a row of zeros. */
export function oneHot(ids: Tensor, depth: number, dtype: DType = 'float32'): Tensor {
  return ids.unsqueeze(-1).equal(arange(depth)).cast(dtype);
}

/** Adds updates (ids.shape + rest) to zeros (rows, rest…) at the rows that ids name. */
export function scatterAdd(ids: Tensor, updates: Tensor, rows: number): Tensor {
  return apply1('scatterAdd', [toValue(ids, 'int32'), toValue(updates, 'float32')], { rows }) as unknown as Tensor;
}

/** The same value, through which no gradient flows. */
export function stopGradient<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return apply1('stopGradient', [toValue(x, x.dtype)]) as unknown as Tensor<S>;
}

/** The value of `x`, ready only after `after` are: keeps recomputations from moving before what they wait for. */
export function barrier(x: Tensor, after: readonly Tensor[]): Tensor {
  return apply1('barrier', [x, ...after].map((t) => toValue(t, t.dtype))) as unknown as Tensor;
}

