import type { Attributes } from '../backend';
import { asTensor } from '../tensor';
import { applyTensors, defineComposite } from '../operation';
import { requireDType } from '../shape-error';
import { select } from '../create';
import { isTraining, nextSite, randomState } from '../trace';
import type { Tensor } from '../types';

/**
 * Uniform numbers in [0, 1), multiples of 2⁻²⁴, from a state that the caller keeps, int32 (4) = seed low, seed high, step,
 * stream, and a 32-bit number of where they are drawn. Equal arguments give equal numbers, anywhere.
 */
export function uniformAt(shape: readonly number[], site: number, state: Tensor): Tensor {
  return applyTensors('unitInterval', applyTensors('random', [state], { shape, site }))[0]!;
}

const dropoutNode: (inputs: readonly Tensor[], attributes?: Attributes) => readonly Tensor[] = defineComposite({
  name: 'dropout',
  version: 1,
  infer: ([x, state]) => {
    requireDType(x!, 'float32', 'dropout');
    requireDType(state!, 'int32', 'dropout: state');
    return [{ shape: x!.shape, dtype: x!.dtype }];
  },
  decompose: ([x, state], attributes) => {
    const keep = 1 - (attributes['rate'] as number);
    const kept = uniformAt(x!.shape, attributes['site'] as number, state!).less(keep);
    return [select(kept, x!.mul(1 / keep), 0)];
  },
  // Linear in x with a mask that the counter makes again: nothing is stored for the gradient.
  backward: ({ inputs: [, state], cotangents: [dy], attributes }) => [dropoutNode([dy!, state!], attributes)[0]!, null],
});

/**
 * While training, sets each element to 0 with probability `rate` and scales the others by 1/(1−rate) (Srivastava et al.
 * 2014); otherwise returns x itself. The mask is a function of seed, step, module path and element alone.
 */
export function dropout(x: Tensor, rate: number): Tensor {
  if (!(rate >= 0 && rate < 1)) throw new RangeError(`dropout: rate must be in [0, 1), got ${rate}`);
  if (rate === 0 || !isTraining()) return x;
  return dropoutNode([x, asTensor(randomState())], { rate, site: nextSite() })[0]!;
}
