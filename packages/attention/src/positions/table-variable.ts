import { constant, type Shape, type Tensor, Variable } from '@qkv/tensor';

/**
 * A table on the device once, instead of being sent there with every call. Held in a #private field it is no part of the
 * module's state, as it can be made again.
 */
export function tableVariable(shape: Shape, values: () => Float64Array): Variable {
  return new Variable({ shape, initialize: (): Tensor => constant(values(), shape), name: 'positions' });
}
