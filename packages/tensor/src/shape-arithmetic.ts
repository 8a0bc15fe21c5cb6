import type { Shape } from './dtype';

/**
 * Numbers of elements in the types: schoolbook multiplication on decimal digits, the lowest first ('215' is 512). Counting
 * with tuples as long as the number would stop at 10,000.
 */
interface Units {
  '0': [];
  '1': [0];
  '2': [0, 0];
  '3': [0, 0, 0];
  '4': [0, 0, 0, 0];
  '5': [0, 0, 0, 0, 0];
  '6': [0, 0, 0, 0, 0, 0];
  '7': [0, 0, 0, 0, 0, 0, 0];
  '8': [0, 0, 0, 0, 0, 0, 0, 0];
  '9': [0, 0, 0, 0, 0, 0, 0, 0, 0];
}
type Digit = keyof Units;
type Count = readonly 0[];

interface Repeated<C extends Count> {
  '0': [];
  '1': C;
  '2': [...C, ...C];
  '3': [...C, ...C, ...C];
  '4': [...C, ...C, ...C, ...C];
  '5': [...C, ...C, ...C, ...C, ...C];
  '6': [...C, ...C, ...C, ...C, ...C, ...C];
  '7': [...C, ...C, ...C, ...C, ...C, ...C, ...C];
  '8': [...C, ...C, ...C, ...C, ...C, ...C, ...C, ...C];
  '9': [...C, ...C, ...C, ...C, ...C, ...C, ...C, ...C, ...C];
}

/** Of a count below 100: ones, tens. */
type Split<C extends Count> = `${C['length']}` extends `${infer Tens extends Digit}${infer Ones extends Digit}`
  ? [Ones, Tens]
  : [`${C['length']}`, '0'];

type TimesDigit<A extends string, D extends Digit> = D extends '1' ? A : CarryOn<A, D>;
type CarryOn<A extends string, D extends Digit, Carry extends Count = [], Out extends string = ''> =
  A extends `${infer X extends Digit}${infer Rest}`
    ? Split<[...Repeated<Units[X]>[D], ...Carry]> extends [infer Ones extends Digit, infer Tens extends Digit]
      ? CarryOn<Rest, D, Units[Tens], `${Out}${Ones}`>
      : never
    : Carry extends []
      ? Out
      : `${Out}${Carry['length']}`;

type Add<A extends string, B extends string, Carry extends Count = [], Out extends string = ''> =
  A extends `${infer X extends Digit}${infer RestA}`
    ? B extends `${infer Y extends Digit}${infer RestB}`
      ? Split<[...Units[X], ...Units[Y], ...Carry]> extends [infer Ones extends Digit, infer Tens extends Digit]
        ? Add<RestA, RestB, Units[Tens], `${Out}${Ones}`>
        : never
      : Carry extends []
        ? `${Out}${A}`
        : Add<A, '1', [], Out>
    : Carry extends []
      ? `${Out}${B}`
      : B extends ''
        ? `${Out}1`
        : Add<B, '1', [], Out>;

type Times<A extends string, B extends string> = B extends `${infer D extends Digit}${infer Rest}`
  ? Rest extends ''
    ? TimesDigit<A, D>
    : Add<D extends '0' ? '0' : TimesDigit<A, D>, `0${Times<A, Rest>}`>
  : '';

type Reverse<S extends string, Out extends string = ''> = S extends `${infer First extends Digit}${infer Rest}`
  ? Reverse<Rest, `${First}${Out}`>
  : S extends ''
    ? Out
    : never;

/** `never` for what is not one literal natural number. */
type Digits<N extends number, All = N> = N extends unknown ? ([All] extends [N] ? Reverse<`${N}`> : never) : never;

/** As text, the highest digit first; `string` where a dimension is not a literal natural number. */
export type ElementCount<S extends Shape, Product extends string = '1'> = S extends readonly [
  infer First extends number,
  ...infer Rest extends Shape,
]
  ? [Digits<First>] extends [never]
    ? string
    : First extends 0
      ? '0'
      : First extends 1
        ? ElementCount<Rest, Product>
        : ElementCount<Rest, Times<Product, Digits<First>>>
  : Reverse<Product>;

/**
 * False where two shapes certainly have different numbers of elements. Dimensions that stay where they are cancel first, and
 * neighbours that become one: small products are cheaper than large ones.
 */
export type MayHaveSameCount<A extends Shape, B extends Shape> = A extends readonly [
  infer First extends number,
  ...infer RestA extends Shape,
]
  ? B extends readonly [First, ...infer RestB extends Shape]
    ? Cancels<First> extends true
      ? MayHaveSameCount<RestA, RestB>
      : true
    : FromTheEnd<A, B>
  : FromTheEnd<A, B>;

type FromTheEnd<A extends Shape, B extends Shape> = A extends readonly [
  ...infer RestA extends Shape,
  infer Last extends number,
]
  ? B extends readonly [...infer RestB extends Shape, Last]
    ? Cancels<Last> extends true
      ? FromTheEnd<RestA, RestB>
      : true
    : Neighbours<A, B>
  : Neighbours<A, B>;

type Neighbours<A extends Shape, B extends Shape> =
  IsLonger<A, B> extends true
    ? MergeTwo<A> extends infer Merged extends Shape
      ? MayHaveSameCount<Merged, B>
      : true
    : IsLonger<B, A> extends true
      ? MergeTwo<B> extends infer Merged extends Shape
        ? MayHaveSameCount<A, Merged>
        : true
      : [ElementCount<A> & ElementCount<B>] extends [never]
        ? false
        : true;

/** Not where all products are 0, or where two equal types may be different numbers. */
type Cancels<N extends number> = [Digits<N>] extends [never] ? false : N extends 0 ? false : true;

/** One dimension beside a scalar does not count: there is nothing to merge. */
type IsLonger<A extends Shape, B extends Shape> = A extends readonly [number, ...infer RestA extends Shape]
  ? B extends readonly [number, ...infer RestB extends Shape]
    ? RestB extends readonly []
      ? RestA extends readonly []
        ? false
        : true
      : IsLonger<RestA, RestB>
    : A extends readonly [number, number, ...Shape]
      ? true
      : false
  : false;

/** The first two dimensions as one; `null` where that is unknown. */
type MergeTwo<S extends Shape> = S extends readonly [infer First extends number, infer Second extends number, ...infer Rest extends Shape]
  ? ElementCount<[First, Second]> extends `${infer N extends number}`
    ? readonly [N, ...Rest]
    : null
  : null;
