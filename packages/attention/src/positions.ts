import { Module } from '@qkv/nn';
import { constant, ShapeError, type Tensor, Variable } from '@qkv/tensor';

/** base^(−1/n) by Newton's iteration on xⁿ = 1/base. */
function inverseRoot(base: number, n: number): number {
  let x = 1;
  for (let i = 0; i < 200; i++) {
    const power = integerPower(x, n - 1);
    const next = x - (power * x - 1 / base) / (n * power);
    if (next === x) break;
    x = next;
  }
  return x;
}

function integerPower(x: number, n: number): number {
  let result = 1;
  for (let square = x, left = n; left > 0; left = Math.floor(left / 2), square *= square) {
    if (left % 2 === 1) result *= square;
  }
  return result;
}

/** Sine and cosine of an angle in [0, 1] by their series, which 20 terms carry below the last digit. */
function sineAndCosine(angle: number): [number, number] {
  let sine = 0;
  let cosine = 0;
  let term = 1; // angleⁿ/n!
  for (let n = 0; n < 20; term *= angle / ++n) {
    const signed = n % 4 < 2 ? term : -term;
    if (n % 2 === 0) cosine += signed;
    else sine += signed;
  }
  return [sine, cosine];
}

/**
 * Sinusoidal positions (Vaswani et al. 2017, section 3.5): PE(p, 2i) = sin(p/10000^(2i/D)), PE(p, 2i+1) = cos of the same.
 * Row-major (length, D) in double precision. Made of + − × ÷ alone, a rotation by the angle of one position at a time:
 * the same bits on every machine, and accurate where an angle of hundreds would lose digits in float32.
 */
export function sinusoidalTable(length: number, dimension: number): Float64Array {
  const table = new Float64Array(length * dimension);
  const root = inverseRoot(10000, dimension); // 10000^(−1/D)
  for (let column = 0; column < dimension; column += 2) {
    const [stepSine, stepCosine] = sineAndCosine(integerPower(root, column));
    let [sine, cosine] = [0, 1];
    for (let p = 0; p < length; p++) {
      table[p * dimension + column] = sine;
      if (column + 1 < dimension) table[p * dimension + column + 1] = cosine;
      [sine, cosine] = [sine * stepCosine + cosine * stepSine, cosine * stepCosine - sine * stepSine];
    }
  }
  return table;
}

export interface SinusoidalPositionsOptions {
  readonly dimension: number;
  /** Longest sequence; 512, beyond which it is an error. */
  readonly maxLength?: number;
}

/** x + PE, see `sinusoidalTable`. x (B, T, D) → (B, T, D). Has no parameters. */
export class SinusoidalPositions extends Module {
  readonly dimension: number;
  readonly maxLength: number;
  /** On the device once, instead of being sent there with every call; no part of the state, as it can be made again. */
  readonly #table: Variable;

  constructor({ dimension, maxLength = 512 }: SinusoidalPositionsOptions) {
    super();
    this.dimension = dimension;
    this.maxLength = maxLength;
    const shape = [maxLength, dimension];
    const initialize = (): Tensor => constant(sinusoidalTable(maxLength, dimension), shape);
    this.#table = new Variable({ shape, initialize, name: 'positions' });
  }

  override forward(x: Tensor): Tensor {
    return x.add(this.first(x.shape.at(-2)!)); // (B, T, D) + (T, D)
  }

  /** The rows of the first `length` positions, (length, D). */
  first(length: number): Tensor {
    if (length > this.maxLength) {
      throw new ShapeError(`SinusoidalPositions: ${length} positions exceed maxLength ${this.maxLength}`);
    }
    return this.scope(() => this.#table.value.slice([0, 0], [length, this.dimension]));
  }

  /** The rows of these positions, int32 (…) → (…, D). */
  at(positions: Tensor): Tensor {
    return this.scope(() => this.#table.value.gather(positions));
  }
}
