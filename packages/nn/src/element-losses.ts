import { full, ShapeError, softplus, type Tensor } from '@qkv/tensor';

import { Loss } from './loss';

function elementwise(name: string, x: Tensor, y: Tensor, term: () => Tensor): Loss {
  if (`${x.shape}` !== `${y.shape}`) {
    throw new ShapeError(`${name}: [${x.shape.join(', ')}] and [${y.shape.join(', ')}] must have the same shape`);
  }
  return new Loss(term().sum(), full([], x.size));
}

/** (x − y)², one element each. x and y (…). */
export function meanSquaredError(x: Tensor, y: Tensor): Loss {
  return elementwise('meanSquaredError', x, y, () => x.sub(y).square());
}

/** −y log σ(x) − (1 − y) log(1 − σ(x)) = log(1 + eˣ) − x·y, one element each. logits x and targets y in [0, 1], both (…). */
export function binaryCrossEntropyWithLogits(logits: Tensor, targets: Tensor): Loss {
  return elementwise('binaryCrossEntropyWithLogits', logits, targets, () => softplus(logits).sub(logits.mul(targets)));
}
