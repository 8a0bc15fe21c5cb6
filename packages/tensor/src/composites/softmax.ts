import type { TensorSpec } from '../dtype';
import { defineComposite } from '../operation';
import { requireDType, ShapeError } from '../shape-error';
import { normalizeAxis } from '../shape';
import { select } from '../create';
import type { Tensor } from '../types';

const sameAsFirst = (name: string) => ([x]: readonly TensorSpec[]) => {
  requireDType(x!, 'float32', name);
  if (x!.shape.length === 0) throw new ShapeError(`${name}: needs at least one dimension`);
  return [{ shape: x!.shape, dtype: x!.dtype }];
};

/** The largest element of each row, where that is finite; else 0, so that rows of −∞ do not become NaN. */
function finiteRowMax(x: Tensor): Tensor {
  const largest = x.max(-1, { keep: true });
  return select(largest.abs().less(Infinity), largest, select(largest.greater(0), largest, 0));
}

const softmaxBackward = defineComposite({
  name: 'softmaxBackward',
  version: 1,
  infer: sameAsFirst('softmaxBackward'),
  decompose: ([y, dy]) => [y!.mul(dy!.sub(dy!.mul(y!).sum(-1, { keep: true })))],
});

const softmaxLast = defineComposite({
  name: 'softmax',
  version: 1,
  infer: sameAsFirst('softmax'),
  decompose: ([x]) => {
    const e = x!.sub(finiteRowMax(x!)).exp();
    const total = e.sum(-1, { keep: true });
    return [e.div(select(total.equal(0), 1, total))];
  },
  backward: ({ outputs: [y], cotangents: [dy] }) => softmaxBackward([y!, dy!]),
});

const logSoftmaxBackward = defineComposite({
  name: 'logSoftmaxBackward',
  version: 1,
  infer: sameAsFirst('logSoftmaxBackward'),
  decompose: ([y, dy]) => [dy!.sub(y!.exp().mul(dy!.sum(-1, { keep: true })))],
});

const logSoftmaxLast = defineComposite({
  name: 'logSoftmax',
  version: 1,
  infer: sameAsFirst('logSoftmax'),
  decompose: ([x]) => {
    const shifted = x!.sub(finiteRowMax(x!));
    return [shifted.sub(shifted.exp().sum(-1, { keep: true }).log())];
  },
  backward: ({ outputs: [y], cotangents: [dy] }) => logSoftmaxBackward([y!, dy!]),
});

/** Kernels work on the last axis; another is moved there and back. */
function alongAxis(fn: (x: Tensor) => Tensor, x: Tensor, axis: number, what: string): Tensor {
  const at = normalizeAxis(axis, x.rank, what);
  return at === x.rank - 1 ? fn(x) : fn(x.transpose(at, -1)).transpose(at, -1);
}

/** softmax(x)_i = exp(x_i) / Σ_j exp(x_j) along an axis. A row that is all −∞ gives zeros. */
export function softmax(x: Tensor, axis = -1): Tensor {
  return alongAxis((t) => softmaxLast([t])[0]!, x, axis, 'softmax');
}

/** log softmax(x), without forming the softmax. */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  return alongAxis((t) => logSoftmaxLast([t])[0]!, x, axis, 'logSoftmax');
}

/** log Σ exp(x) along an axis, which is dropped. */
export function logSumExp(x: Tensor, axis = -1): Tensor {
  const at = normalizeAxis(axis, x.rank, 'logSumExp');
  const last = at === x.rank - 1 ? x : x.transpose(at, -1);
  const largest = finiteRowMax(last);
  const out = last.sub(largest).exp().sum(-1, { keep: true }).log().add(largest);
  return (at === x.rank - 1 ? out : out.transpose(at, -1)).squeeze(at);
}
