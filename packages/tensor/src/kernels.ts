/**
 * The kernels that every backend implements. Together with element-wise programs they cover all primitives; composites
 * are optional. Dimensions arrive merged where strides allow it. N.B. sums run over fixed-size chunks in index order, so
 * that neither appended zeros, nor other rows, nor the number of threads change a bit.
 *
 * | kernel | inputs → outputs | attributes |
 * | --- | --- | --- |
 * | `elementwise` | strided operands, all of the output's shape → contiguous outputs of one shape | `program` |
 * | `reduce` | x (kept…, reduced…), strided → (kept…) | `op`: sum, max, min (float32, int32; bool: max is any, min is all) · `axes`: number of trailing reduced dimensions. An empty sum is 0, an empty maximum −∞ (int32: −2³¹; bool: 0), an empty minimum the opposite. Of 0 and −0, a maximum or minimum gives either |
 * | `argMax` | x (kept…, n), strided → int32 (kept…): first index of the largest element; NaN counts as largest | |
 * | `topK` | x (R, n) → int32 (R, k), k ≤ n: where the k largest elements are, largest first, of equals the first; NaN counts as largest | |
 * | `matmul` | a (batch…, M, K), b (batch…, K, N), both strided in every dimension → (batch…, M, N). Where `capabilities.epilogues`: further strided inputs with as many elements in the same row-major order, and one or more outputs | `program`, optional: its input 0 is the product, the others the further inputs |
 * | `copy` | x strided → y strided, same shape and type | |
 * | `fill` | → y strided | `value` |
 * | `iota` | → (n), int32 or float32: 0, 1, 2, … | |
 * | `gather` | table (R, C), ids int32 (N) → (N, C); an id outside 0…R−1 is a `KernelError` naming id and R | |
 * | `scatterAdd` | ids int32 (N), updates (N, C) → (R, C): row r is Σ updates[n] over ids[n] = r, in order of n; ids outside 0…R−1 are a `KernelError` | |
 * | `random` | state int32 (4) = seed low, seed high, step, micro-batch → int32 words, Philox 4×32-10: element e is word e mod 4 of the block with counter (⌊e/4⌋, site, step, micro-batch) and key (seed low, seed high) | `site`: uint32 |
 */
export const KERNELS = [
  'elementwise',
  'reduce',
  'argMax',
  'topK',
  'matmul',
  'copy',
  'fill',
  'iota',
  'gather',
  'scatterAdd',
  'random',
] as const;

/**
 * The operations an element-wise program may hold, besides `literal`: argument types and result.
 * `f`: float32, `i`: int32, `b`: bool. Comparisons with NaN are false except `notEqual`; `maximum` and `minimum` propagate
 * NaN, and of 0 and −0 give either; `pow` has the special cases of ECMAScript's `**`; casting float32 to int32 truncates and saturates (NaN gives 0); int32 arithmetic wraps; anything to bool is "≠ 0".
 */
export const ELEMENTWISE = {
  neg: 'f→f i→i',
  abs: 'f→f i→i',
  sign: 'f→f i→i',
  floor: 'f→f',
  ceil: 'f→f',
  sqrt: 'f→f',
  exp: 'f→f',
  log: 'f→f',
  sin: 'f→f',
  cos: 'f→f',
  tanh: 'f→f',
  erf: 'f→f',
  add: 'ff→f ii→i',
  sub: 'ff→f ii→i',
  mul: 'ff→f ii→i',
  div: 'ff→f',
  pow: 'ff→f',
  maximum: 'ff→f ii→i',
  minimum: 'ff→f ii→i',
  equal: 'ff→b ii→b bb→b',
  notEqual: 'ff→b ii→b bb→b',
  less: 'ff→b ii→b',
  lessEqual: 'ff→b ii→b',
  and: 'bb→b',
  or: 'bb→b',
  not: 'b→b',
  select: 'bff→f bii→i bbb→b',
  /** The target type is the instruction's `dtype`. */
  cast: 'f→i f→b i→f i→b b→f b→i f→f i→i b→b',
  /** Unsigned 32-bit word (held as int32) → [0, 1): its upper 24 bits times 2⁻²⁴. */
  unitInterval: 'i→f',
} as const;

export type ElementwiseOp = keyof typeof ELEMENTWISE;
