import type { Shape } from './dtype';
import type { ElementCount, MayHaveSameCount } from './shape-arithmetic';

/**
 * Shapes in the types. A dimension that is a literal is checked while typing, a `number` at run time only, and a plain
 * `Tensor` always fits: what is uncertain is never an error. A mistake demands the sentence that describes it, so the
 * compiler prints that sentence; what it gives is a plain `Tensor`, so one mistake is one error.
 */
export type ShapeMismatch<Message extends string> = Message;

/** `[2, 3]` as text. */
export type ShapeText<S extends Shape> = `[${Join<S>}]`;
type Join<S extends Shape> = S extends readonly [infer First extends number, ...infer Rest extends Shape]
  ? Rest extends readonly []
    ? `${First}`
    : `${First}, ${Join<Rest>}`
  : '';

/** True for a tuple of known rank. */
type Known<S extends Shape> = number extends S['length'] ? false : true;

type OrUnknown<S> = [S] extends [never] ? Shape : S;

/** False where two numbers are certainly different. */
type MayBeSame<A extends number, B extends number> = [A & B] extends [never] ? false : true;

/** `number` (unknown) beside a literal gives `number`; equal literals themselves; 1 yields to the other. */
type BroadcastDimension<A extends number, B extends number> = number extends A
  ? number
  : number extends B
    ? number
    : A extends B
      ? A
      : A extends 1
        ? B
        : B extends 1
          ? A
          : MayBeSame<A, B> extends true
            ? number
            : never;

type BroadcastKnown<A extends Shape, B extends Shape, Out extends Shape = readonly []> = A extends readonly [
  ...infer RestA extends Shape,
  infer LastA extends number,
]
  ? B extends readonly [...infer RestB extends Shape, infer LastB extends number]
    ? [BroadcastDimension<LastA, LastB>] extends [never]
      ? never
      : BroadcastKnown<RestA, RestB, readonly [BroadcastDimension<LastA, LastB>, ...Out]>
    : readonly [...A, ...Out]
  : readonly [...B, ...Out];

/** `never` where the shapes do not fit. */
type BroadcastOrNever<A extends Shape, B extends Shape> = A extends B
  ? B extends A
    ? A
    : BroadcastIfKnown<A, B>
  : BroadcastIfKnown<A, B>;
type BroadcastIfKnown<A extends Shape, B extends Shape> =
  Known<A> extends true ? (Known<B> extends true ? BroadcastKnown<A, B> : Shape) : Shape;

/** The shape of an element-wise operation. */
export type Broadcast<A extends Shape, B extends Shape> = OrUnknown<BroadcastOrNever<A, B>>;

/** Resolves to `unknown` (no further demand) if the shapes broadcast, to a message otherwise. */
export type CheckBroadcast<A extends Shape, B extends Shape> = [BroadcastOrNever<A, B>] extends [never]
  ? ShapeMismatch<`shapes ${ShapeText<A>}, ${ShapeText<B>} do not broadcast; sizes must be equal or 1, aligned at the right`>
  : unknown;

export type CheckExpand<S extends Shape, To extends Shape> = [BroadcastOrNever<S, To>] extends [never]
  ? ShapeMismatch<`expand: ${ShapeText<S>} does not broadcast to ${ShapeText<To>}`>
  : unknown;

/** The shape of the product, or the sentence that says why there is none. */
type MatMulOrMessage<A extends Shape, B extends Shape> =
  Known<A> extends true
    ? Known<B> extends true
      ? A extends readonly [...infer BatchA extends Shape, infer M extends number, infer K extends number]
        ? B extends readonly [...infer BatchB extends Shape, infer L extends number, infer N extends number]
          ? MayBeSame<K, L> extends true
            ? [BroadcastOrNever<BatchA, BatchB>] extends [never]
              ? ShapeMismatch<`matmul: batch dimensions do not broadcast in ${ShapeText<A>} × ${ShapeText<B>}`>
              : readonly [...Broadcast<BatchA, BatchB>, M, N]
            : ShapeMismatch<`matmul: inner dimensions ${K} and ${L} differ in ${ShapeText<A>} × ${ShapeText<B>}`>
          : ShapeMismatch<`matmul: needs two matrices, got ${ShapeText<A>} × ${ShapeText<B>}`>
        : ShapeMismatch<`matmul: needs two matrices, got ${ShapeText<A>} × ${ShapeText<B>}`>
      : Shape
    : Shape;

/** (…, M, K) × (…, K, N) → (…, M, N). */
export type MatMul<A extends Shape, B extends Shape> = OrUnknown<Extract<MatMulOrMessage<A, B>, Shape>>;

export type CheckMatMul<A extends Shape, B extends Shape> = [Extract<MatMulOrMessage<A, B>, Shape>] extends [never]
  ? MatMulOrMessage<A, B>
  : unknown;

export type CheckLastDimension<S extends Shape, Size extends number, Layer extends string> =
  Known<S> extends true
    ? S extends readonly [...Shape, infer Last extends number]
      ? MayBeSame<Last, Size> extends true
        ? unknown
        : ShapeMismatch<`${Layer}: expected last dimension ${Size}, got ${Last}`>
      : ShapeMismatch<`${Layer}: expected last dimension ${Size}, got a scalar`>
    : unknown;

/** Replaces the last dimension. */
export type WithLastDimension<S extends Shape, Size extends number> = S extends readonly [
  ...infer Rest extends Shape,
  number,
]
  ? readonly [...Rest, Size]
  : Shape;

/** A −1 is worked out at run time. */
export type Reshape<To extends Shape> = { readonly [D in keyof To]: To[D] extends -1 ? number : To[D] };

/** Numbers of elements are compared where all dimensions are literals. */
export type CheckReshape<S extends Shape, To extends Shape> =
  Known<S> extends true
    ? Known<To> extends true
      ? true extends MayHaveSameCount<S, To>
        ? unknown
        : ShapeMismatch<`reshape: ${ShapeText<S>} has ${ElementCount<S>} elements, ${ShapeText<To>} has ${ElementCount<To>}`>
      : unknown
    : unknown;
