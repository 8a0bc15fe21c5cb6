/**
 * The element types of tensors. `float32` is the default; `int32` and `bool` carry ids and masks. There is no implicit
 * promotion: mixing them is an error, a JavaScript number takes the type of the tensor beside it.
 */
export type DType = 'float32' | 'int32' | 'bool';

/** What the host holds for each type. `Float64Array` appears only on an engine that computes in float64. */
export type HostData = Float32Array | Float64Array | Int32Array | Uint8Array;

/** Shapes are static: every dimension is a non-negative integer, rank 0 is a scalar. */
export type Shape = readonly number[];

/** What a tensor is, without its value. */
export interface TensorSpec {
  readonly shape: Shape;
  readonly dtype: DType;
}
