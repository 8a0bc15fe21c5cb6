import { LayerNorm, type Module, RMSNorm } from '@qkv/nn';
import type { Parameter, Tensor } from '@qkv/tensor';

/** `layer` is LayerNorm, `rms` RMSNorm, which neither centres nor adds a bias and so costs less. */
export type NormName = 'layer' | 'rms';

/** What blocks need of a norm: (…, D) → (…, D). */
export interface Norm extends Module {
  readonly epsilon: number;
  readonly gain: Parameter;
  /** Of LayerNorm only. */
  readonly bias?: Parameter;
  forward(x: Tensor): Tensor;
}

const NORMS: Record<NormName, (dimension: number) => Norm> = {
  layer: (dimension) => new LayerNorm({ dimension }),
  rms: (dimension) => new RMSNorm({ dimension }),
};

/** A norm of this kind over D features. */
export function createNorm(name: NormName, dimension: number): Norm {
  if (!Object.hasOwn(NORMS, name)) {
    throw new RangeError(`norm: there is no '${name}'; choose from ${Object.keys(NORMS).join(', ')}`);
  }
  return NORMS[name](dimension);
}
