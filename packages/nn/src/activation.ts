import { gelu, geluTanh, relu, silu, type Tensor } from '@qkv/tensor';

const ACTIVATIONS = { relu, gelu, geluTanh, silu };

/** `gelu` is the exact one, with erf; `geluTanh` its tanh approximation; `silu` is also called swish. */
export type ActivationName = keyof typeof ACTIVATIONS;

/** The element-wise function of this name. */
export function activation(name: ActivationName): (x: Tensor) => Tensor {
  if (!Object.hasOwn(ACTIVATIONS, name)) {
    throw new RangeError(`activation: there is no '${name}'; choose from ${Object.keys(ACTIVATIONS).join(', ')}`);
  }
  return ACTIVATIONS[name];
}
