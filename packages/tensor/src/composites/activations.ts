import { reciprocal } from '../create';
import { defineComposite } from '../operation';
import { requireDType } from '../shape-error';
import type { Tensor } from '../types';

/** An element-wise composite with the gradient `derivative(x)`, itself a composite `<name>Backward(x, dy)`. */
function activation(name: string, value: (x: Tensor) => Tensor, derivative: (x: Tensor) => Tensor): (x: Tensor) => Tensor {
  const infer = ([x]: readonly { shape: readonly number[]; dtype: 'float32' | 'int32' | 'bool' }[]) => {
    requireDType(x!, 'float32', name);
    return [{ shape: x!.shape, dtype: x!.dtype }];
  };
  const backward = defineComposite({
    name: `${name}Backward`,
    version: 1,
    elementwise: true,
    infer,
    decompose: ([x, dy]) => [dy!.mul(derivative(x!))],
  });
  const forward = defineComposite({
    name,
    version: 1,
    elementwise: true,
    infer,
    decompose: ([x]) => [value(x!)],
    backward: ({ inputs: [x], cotangents: [dy] }) => backward([x!, dy!]),
  });
  return (x) => forward([x])[0]!;
}

const SQRT_HALF = Math.SQRT1_2;
const INVERSE_SQRT_TAU = 0.3989422804014327; // 1/√(2π)
const SQRT_TWO_OVER_PI = 0.7978845608028654;
const CUBIC = 0.044715;

const logistic = (x: Tensor): Tensor => reciprocal(x.neg().exp().add(1));

/** σ(x) = 1 / (1 + e^−x). */
export const sigmoid = activation(
  'sigmoid',
  (x) => logistic(x),
  (x) => logistic(x).mul(logistic(x.neg())),
);

/** x · Φ(x), Φ the normal distribution function (Hendrycks & Gimpel 2016). */
export const gelu = activation(
  'gelu',
  (x) => x.mul(normalCdf(x)),
  (x) => normalCdf(x).add(x.mul(x.square().mul(-0.5).exp()).mul(INVERSE_SQRT_TAU)),
);
const normalCdf = (x: Tensor): Tensor => x.mul(SQRT_HALF).erf().add(1).mul(0.5);

/** The tanh approximation of GELU: ½x(1 + tanh(√(2/π)(x + 0.044715x³))). */
export const geluTanh = activation(
  'geluTanh',
  (x) => x.mul(0.5).mul(geluTanhArgument(x).tanh().add(1)),
  (x) => {
    const t = geluTanhArgument(x).tanh();
    const inner = x.square().mul(3 * CUBIC).add(1).mul(SQRT_TWO_OVER_PI);
    return t.add(1).mul(0.5).add(x.mul(0.5).mul(t.square().neg().add(1)).mul(inner));
  },
);
const geluTanhArgument = (x: Tensor): Tensor => x.add(x.square().mul(x).mul(CUBIC)).mul(SQRT_TWO_OVER_PI);

/** x · σ(x), also called swish. */
export const silu = activation(
  'silu',
  (x) => x.mul(logistic(x)),
  (x) => logistic(x).mul(x.mul(logistic(x.neg())).add(1)),
);

/** max(x, 0). */
export function relu(x: Tensor): Tensor {
  return x.maximum(0);
}

/** log(1 + e^x), stable on both sides. Its derivative is σ(x), also at 0, where the formula has two kinks. */
export const softplus = activation(
  'softplus',
  (x) => x.maximum(0).add(x.abs().neg().exp().add(1).log()),
  (x) => logistic(x),
);

