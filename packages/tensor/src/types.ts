import type { DType, HostData, Shape } from './dtype';
import type {
  Broadcast,
  CheckBroadcast,
  CheckExpand,
  CheckMatMul,
  CheckReshape,
  MatMul,
  Reshape,
} from './shape-types';
import type { Brand, TENSOR_BRAND } from './state';
import type { Variable } from './variable';

/** What operations accept beside a tensor: a JavaScript number or boolean takes the tensor's type. */
export type TensorLike<S extends Shape = Shape> = Tensor<S> | Variable | number | boolean;

type ShapeOf<T> = T extends Tensor<infer S> ? S : T extends number | boolean ? readonly [] : Shape;
type Binary<A extends Shape, B> = B extends number | boolean ? Tensor<A> : Tensor<Broadcast<A, ShapeOf<B>>>;

/**
 * An immutable value that may not be computed yet: which output of which node of the graph, its shape and its type.
 * Making one infers the shape and throws at once if it cannot be; nothing is computed before `data()` or `item()`, or
 * the run of the compiled function it belongs to. Nobody frees tensors.
 */
export interface Tensor<out S extends Shape = Shape> {
  /** Structural brand: tensors of two copies of the package are compatible. */
  readonly '~shape': S;
  readonly [TENSOR_BRAND]: Brand;
  readonly shape: S;
  readonly dtype: DType;
  readonly rank: number;
  /** Number of elements. */
  readonly size: number;

  /** The values, row-major. Reads made in the same microtask are computed together. */
  data(): Promise<HostData>;
  /** The value of a one-element tensor; booleans are 0 and 1. */
  item(): Promise<number>;

  add<A extends Shape, B extends TensorLike>(this: Tensor<A>, other: B & CheckBroadcast<A, ShapeOf<B>>): Binary<A, B>;
  sub<A extends Shape, B extends TensorLike>(this: Tensor<A>, other: B & CheckBroadcast<A, ShapeOf<B>>): Binary<A, B>;
  mul<A extends Shape, B extends TensorLike>(this: Tensor<A>, other: B & CheckBroadcast<A, ShapeOf<B>>): Binary<A, B>;
  div<A extends Shape, B extends TensorLike>(this: Tensor<A>, other: B & CheckBroadcast<A, ShapeOf<B>>): Binary<A, B>;
  pow<A extends Shape, B extends TensorLike>(this: Tensor<A>, other: B & CheckBroadcast<A, ShapeOf<B>>): Binary<A, B>;
  maximum<A extends Shape, B extends TensorLike>(this: Tensor<A>, other: B & CheckBroadcast<A, ShapeOf<B>>): Binary<A, B>;
  minimum<A extends Shape, B extends TensorLike>(this: Tensor<A>, other: B & CheckBroadcast<A, ShapeOf<B>>): Binary<A, B>;
  equal<A extends Shape, B extends TensorLike>(this: Tensor<A>, other: B & CheckBroadcast<A, ShapeOf<B>>): Binary<A, B>;
  notEqual<A extends Shape, B extends TensorLike>(this: Tensor<A>, other: B & CheckBroadcast<A, ShapeOf<B>>): Binary<A, B>;
  less<A extends Shape, B extends TensorLike>(this: Tensor<A>, other: B & CheckBroadcast<A, ShapeOf<B>>): Binary<A, B>;
  lessEqual<A extends Shape, B extends TensorLike>(this: Tensor<A>, other: B & CheckBroadcast<A, ShapeOf<B>>): Binary<A, B>;
  greater<A extends Shape, B extends TensorLike>(this: Tensor<A>, other: B & CheckBroadcast<A, ShapeOf<B>>): Binary<A, B>;
  greaterEqual<A extends Shape, B extends TensorLike>(this: Tensor<A>, other: B & CheckBroadcast<A, ShapeOf<B>>): Binary<A, B>;
  and<A extends Shape, B extends TensorLike>(this: Tensor<A>, other: B & CheckBroadcast<A, ShapeOf<B>>): Binary<A, B>;
  or<A extends Shape, B extends TensorLike>(this: Tensor<A>, other: B & CheckBroadcast<A, ShapeOf<B>>): Binary<A, B>;

  neg<A extends Shape>(this: Tensor<A>): Tensor<A>;
  abs<A extends Shape>(this: Tensor<A>): Tensor<A>;
  /** −1, 0 or 1. */
  sign<A extends Shape>(this: Tensor<A>): Tensor<A>;
  floor<A extends Shape>(this: Tensor<A>): Tensor<A>;
  ceil<A extends Shape>(this: Tensor<A>): Tensor<A>;
  sqrt<A extends Shape>(this: Tensor<A>): Tensor<A>;
  exp<A extends Shape>(this: Tensor<A>): Tensor<A>;
  log<A extends Shape>(this: Tensor<A>): Tensor<A>;
  sin<A extends Shape>(this: Tensor<A>): Tensor<A>;
  cos<A extends Shape>(this: Tensor<A>): Tensor<A>;
  tanh<A extends Shape>(this: Tensor<A>): Tensor<A>;
  erf<A extends Shape>(this: Tensor<A>): Tensor<A>;
  square<A extends Shape>(this: Tensor<A>): Tensor<A>;
  not<A extends Shape>(this: Tensor<A>): Tensor<A>;
  cast<A extends Shape>(this: Tensor<A>, dtype: DType): Tensor<A>;

  /** Over the given axes (all by default), which are dropped unless `keep`. */
  sum(axes?: number | readonly number[], options?: ReduceOptions): Tensor;
  mean(axes?: number | readonly number[], options?: ReduceOptions): Tensor;
  max(axes?: number | readonly number[], options?: ReduceOptions): Tensor;
  min(axes?: number | readonly number[], options?: ReduceOptions): Tensor;
  /** Index of the largest element along an axis (the last by default); the first of equals. */
  argMax(axis?: number): Tensor;

  /** (…, M, K) × (…, K, N) → (…, M, N), batch dimensions broadcast. For transposed operands see `transpose`. */
  matmul<A extends Shape, B extends Tensor | Variable>(
    this: Tensor<A>,
    other: B & CheckMatMul<A, ShapeOf<B>>,
  ): Tensor<MatMul<A, ShapeOf<B>>>;

  /** Same elements in another shape; one dimension may be −1. */
  reshape<A extends Shape, const T extends Shape>(this: Tensor<A>, shape: T & CheckReshape<A, T>): Tensor<Reshape<T>>;
  /** Output dimension i is dimension axes[i]. */
  permute(axes: readonly number[]): Tensor;
  /** Exchanges two axes, the last two by default. */
  transpose(a?: number, b?: number): Tensor;
  /** `size[d]` elements from `start[d]` in each dimension; left-out trailing dimensions stay whole. */
  slice(start: readonly number[], size?: readonly number[]): Tensor;
  /** Repeats dimensions of size 1, and adds dimensions in front. */
  expand<A extends Shape, const T extends Shape>(this: Tensor<A>, shape: T & CheckExpand<A, T>): Tensor<T>;
  /** Adds a dimension of size 1. */
  unsqueeze(axis: number): Tensor;
  /** Drops a dimension of size 1. */
  squeeze(axis: number): Tensor;
  /** Rows of this table by int32 ids: ids.shape + shape[1…]. An id outside the table fails the run. */
  gather(ids: Tensor): Tensor;
}

export interface ReduceOptions {
  /** Keep the reduced dimensions, with size 1. */
  readonly keep?: boolean;
}
