import {
  ones as onesTensor,
  randomNormal,
  randomUniform,
  type Shape,
  type Tensor,
  zeros as zerosTensor,
} from '@qkv/tensor';

/**
 * First values of a parameter, as a graph: nothing is drawn before the parameter is used. Weights are stored (out, in)
 * and convolutions (out, in, …); fan-in is in · …, fan-out is out · ….
 */
export type Initializer = (shape: Shape) => Tensor;

function fans(shape: Shape): { fanIn: number; fanOut: number } {
  if (shape.length < 2) throw new RangeError(`a fan needs two dimensions, got [${shape.join(', ')}]`);
  const receptive = shape.slice(2).reduce((product, size) => product * size, 1);
  return { fanIn: shape[1] * receptive, fanOut: shape[0] * receptive };
}

/** U(−a, a) with a = gain · √(6 / (fan-in + fan-out)) (Glorot & Bengio 2010, Eq. 16). */
export function xavierUniform(gain = 1): Initializer {
  return (shape) => {
    const { fanIn, fanOut } = fans(shape);
    const bound = gain * Math.sqrt(6 / (fanIn + fanOut));
    return randomUniform(shape, -bound, bound);
  };
}

/** U(−a, a) with a = gain · √(3 / fan-in) (He et al. 2015); the default gain √2 is for ReLU. */
export function kaimingUniform(gain = Math.SQRT2): Initializer {
  return (shape) => {
    const bound = gain * Math.sqrt(3 / fans(shape).fanIn);
    return randomUniform(shape, -bound, bound);
  };
}

/** N(mean, deviation²). */
export function normal({ mean = 0, deviation = 1 }: { mean?: number; deviation?: number } = {}): Initializer {
  return (shape) => randomNormal(shape, mean, deviation);
}

/** U(low, high). */
export function uniform(low: number, high: number): Initializer {
  return (shape) => randomUniform(shape, low, high);
}

export const zeros: Initializer = (shape) => zerosTensor(shape);
export const ones: Initializer = (shape) => onesTensor(shape);
