import { type DType, Variable, zeros } from '@qkv/tensor';

/** What a decoder keeps on the device between steps; 0 until it begins. */
export function stateVariable(name: string, shape: readonly number[], dtype: DType = 'float32'): Variable {
  return new Variable({ shape, dtype, initialize: () => zeros(shape, dtype), name });
}
