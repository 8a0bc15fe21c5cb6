import { isTraining, randomUniform, select, type Tensor } from '@qkv/tensor';

/** While training, some ids become that of what is not known, so that it is learned what that may be. Padding (0) stays. */
export function hideSome(ids: Tensor, rate: number, unknown: number): Tensor {
  if (rate === 0 || !isTraining()) return ids;
  return select(randomUniform(ids.shape).less(rate).and(ids.notEqual(0)), unknown, ids);
}
