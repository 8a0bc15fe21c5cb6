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

/** Below 100: [ones, tens]. */
type Split<C extends Count> = `${C['length']}` extends `${infer Tens extends Digit}${infer Ones extends Digit}`
  ? [Ones, Tens]
  : [`${C['length']}`, '0'];

type TimesDigit<A extends string, D extends Digit, Carry extends Count = [], Out extends string = ''> =
  A extends `${infer X extends Digit}${infer Rest}`
    ? Split<[...Repeated<Units[X]>[D], ...Carry]> extends [infer Ones extends Digit, infer Tens extends Digit]
      ? TimesDigit<Rest, D, Units[Tens], `${Out}${Ones}`>
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
  ? Add<TimesDigit<A, D>, `0${Times<A, Rest>}`>
  : '';

type Reverse<S extends string, Out extends string = ''> = S extends `${infer First extends Digit}${infer Rest}`
  ? Reverse<Rest, `${First}${Out}`>
  : S extends ''
    ? Out
    : never;

/** As text, the highest digit first; `string` where a dimension is not a literal natural number. */
export type ElementCount<S extends Shape, Product extends string = '1'> = S extends readonly [
  infer First extends number,
  ...infer Rest extends Shape,
]
  ? First extends 0
    ? '0'
    : First extends 1
      ? ElementCount<Rest, Product>
      : [Reverse<`${First}`>] extends [never]
        ? string
        : ElementCount<Rest, Times<Product, Reverse<`${First}`>>>
  : Reverse<Product>;
