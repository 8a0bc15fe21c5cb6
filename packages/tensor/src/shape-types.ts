import type { Shape } from './dtype';

/**
 * Shapes in the types. A dimension that is a literal is checked while typing; a `number` is checked at run time only.
 * A mistake becomes an `ShapeMismatch` whose text the compiler prints.
 */
export interface ShapeMismatch<Message extends string> {
  readonly '~error': Message;
}

/** True for a tuple of known rank; a plain `readonly number[]` is always accepted. */
type Known<S extends Shape> = number extends S['length'] ? false : true;

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

/** The shape of an element-wise operation, or `never` where the shapes do not fit. */
export type Broadcast<A extends Shape, B extends Shape> = A extends B
  ? B extends A
    ? A
    : BroadcastOrUnknown<A, B>
  : BroadcastOrUnknown<A, B>;
type BroadcastOrUnknown<A extends Shape, B extends Shape> =
  Known<A> extends true ? (Known<B> extends true ? BroadcastKnown<A, B> : readonly number[]) : readonly number[];

/** Resolves to `unknown` (no further demand) if the shapes broadcast, to a message otherwise. */
export type CheckBroadcast<A extends Shape, B extends Shape> = [Broadcast<A, B>] extends [never]
  ? ShapeMismatch<`cannot broadcast ${ShapeText<A>} with ${ShapeText<B>}`>
  : unknown;

/** `[2, 3]` as text. */
export type ShapeText<S extends Shape> = `[${Join<S>}]`;
type Join<S extends Shape> = S extends readonly [infer First extends number, ...infer Rest extends Shape]
  ? Rest extends readonly []
    ? `${First}`
    : `${First}, ${Join<Rest>}`
  : '';

type SameDimension<A extends number, B extends number> = number extends A
  ? true
  : number extends B
    ? true
    : A extends B
      ? true
      : false;

type SplitMatrix<S extends Shape> = S extends readonly [
  ...infer Batch extends Shape,
  infer Rows extends number,
  infer Columns extends number,
]
  ? [Batch, Rows, Columns]
  : never;

/** (…, M, K) × (…, K, N) → (…, M, N). */
export type MatMul<A extends Shape, B extends Shape> =
  Known<A> extends true
    ? Known<B> extends true
      ? [SplitMatrix<A>, SplitMatrix<B>] extends [
          [infer BatchA extends Shape, infer M extends number, infer K extends number],
          [infer BatchB extends Shape, infer L extends number, infer N extends number],
        ]
        ? SameDimension<K, L> extends true
          ? [Broadcast<BatchA, BatchB>] extends [never]
            ? never
            : readonly [...Broadcast<BatchA, BatchB>, M, N]
          : never
        : never
      : readonly number[]
    : readonly number[];

export type CheckMatMul<A extends Shape, B extends Shape> = [MatMul<A, B>] extends [never]
  ? ShapeMismatch<`matmul: inner dimensions of ${ShapeText<A>} and ${ShapeText<B>} do not agree`>
  : unknown;

/** Product of literal dimensions as a tuple length would be too slow; sizes are compared only where both are equal lists of factors. */
export type CheckLastDimension<S extends Shape, Size extends number, Layer extends string> =
  Known<S> extends true
    ? S extends readonly [...Shape, infer Last extends number]
      ? SameDimension<Last, Size> extends true
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
  : readonly number[];

type DigitsProduct<S extends Shape, Out extends number[] = []> = S extends readonly [
  infer First extends number,
  ...infer Rest extends Shape,
]
  ? number extends First
    ? number
    : First extends 1
      ? DigitsProduct<Rest, Out>
      : DigitsProduct<Rest, [...Out, First]>
  : Out;

/** Reshapes are compared by their factors without ones; other regroupings are left to the run-time check. */
export type CheckReshape<S extends Shape, To extends Shape> =
  Known<S> extends true
    ? Known<To> extends true
      ? DigitsProduct<S> extends infer A
        ? DigitsProduct<To> extends infer B
          ? [A, B] extends [[infer X extends number], [infer Y extends number]]
            ? X extends Y
              ? unknown
              : ShapeMismatch<`reshape: ${ShapeText<S>} does not have the elements of ${ShapeText<To>}`>
            : unknown
          : unknown
        : unknown
      : unknown
    : unknown;
