import type { Attributes } from '../backend';
import type { TensorSpec } from '../dtype';
import { defineComposite } from '../operation';
import { requireDType, ShapeError } from '../shape-error';
import { formatShape } from '../shape';
import { reciprocal } from '../create';
import type { Tensor } from '../types';

function checkNorm(name: string, x: TensorSpec, ...vectors: readonly TensorSpec[]): void {
  requireDType(x, 'float32', name);
  const size = x.shape.at(-1);
  for (const vector of vectors) {
    if (vector.shape.length !== 1 || vector.shape[0] !== size) {
      throw new ShapeError(`${name}: expected a last dimension of ${vector.shape[0]}, got ${formatShape(x.shape)}`);
    }
  }
}

const rowsOf = (x: TensorSpec): TensorSpec => ({ shape: x.shape.slice(0, -1), dtype: 'float32' });
const like = (x: TensorSpec): TensorSpec => ({ shape: x.shape, dtype: 'float32' });
const leadingAxes = (x: Tensor): number[] => Array.from({ length: x.rank - 1 }, (_, i) => i);
const epsilonOf = (attributes: Attributes): number => attributes['epsilon'] as number;

const layerNormBackward = defineComposite({
  name: 'layerNormBackward',
  version: 1,
  // x, gain, mean, rstd, dy → dx, dgain, dbias
  infer: ([x, gain]) => [like(x!), like(gain!), like(gain!)],
  decompose: ([x, gain, mean, rstd, dy]) => {
    const normalized = x!.sub(mean!.unsqueeze(-1)).mul(rstd!.unsqueeze(-1));
    const g = dy!.mul(gain!);
    const dx = g
      .sub(g.mean(-1, { keep: true }))
      .sub(normalized.mul(g.mul(normalized).mean(-1, { keep: true })))
      .mul(rstd!.unsqueeze(-1));
    return [dx, dy!.mul(normalized).sum(leadingAxes(x!)), dy!.sum(leadingAxes(x!))];
  },
});

const layerNormNode = defineComposite({
  name: 'layerNorm',
  version: 1,
  infer: ([x, gain, bias]) => {
    checkNorm('layerNorm', x!, gain!, bias!);
    return [like(x!), rowsOf(x!), rowsOf(x!)];
  },
  decompose: ([x, gain, bias], attributes) => {
    const mean = x!.mean(-1, { keep: true });
    const centred = x!.sub(mean);
    const rstd = reciprocal(centred.square().mean(-1, { keep: true }).add(epsilonOf(attributes)).sqrt());
    return [centred.mul(rstd).mul(gain!).add(bias!), mean.squeeze(-1), rstd.squeeze(-1)];
  },
  backward: ({ inputs: [x, gain], outputs: [, mean, rstd], cotangents: [dy, dmean, drstd], attributes }) => {
    if (dy === null || dmean !== null || drstd !== null) return null;
    return layerNormBackward([x!, gain!, mean!, rstd!, dy], attributes);
  },
});

/**
 * Layer normalisation over the last dimension: (x − μ)/√(σ² + ε) · gain + bias, σ² biased (Ba et al. 2016).
 * x (…, C), gain (C), bias (C) → (…, C).
 */
export function layerNorm(x: Tensor, gain: Tensor, bias: Tensor, epsilon = 1e-5): Tensor {
  return layerNormNode([x, gain, bias], { epsilon })[0]!;
}

const rmsNormBackward = defineComposite({
  name: 'rmsNormBackward',
  version: 1,
  // x, gain, rstd, dy → dx, dgain
  infer: ([x, gain]) => [like(x!), like(gain!)],
  decompose: ([x, gain, rstd, dy]) => {
    const normalized = x!.mul(rstd!.unsqueeze(-1));
    const g = dy!.mul(gain!);
    const dx = g.sub(normalized.mul(g.mul(normalized).mean(-1, { keep: true }))).mul(rstd!.unsqueeze(-1));
    return [dx, dy!.mul(normalized).sum(leadingAxes(x!))];
  },
});

const rmsNormNode = defineComposite({
  name: 'rmsNorm',
  version: 1,
  infer: ([x, gain]) => {
    checkNorm('rmsNorm', x!, gain!);
    return [like(x!), rowsOf(x!)];
  },
  decompose: ([x, gain], attributes) => {
    const rstd = reciprocal(x!.square().mean(-1, { keep: true }).add(epsilonOf(attributes)).sqrt());
    return [x!.mul(rstd).mul(gain!), rstd.squeeze(-1)];
  },
  backward: ({ inputs: [x, gain], outputs: [, rstd], cotangents: [dy, drstd], attributes }) => {
    if (dy === null || drstd !== null) return null;
    return rmsNormBackward([x!, gain!, rstd!, dy], attributes);
  },
});

/** Root-mean-square normalisation: x/√(mean(x²) + ε) · gain (Zhang & Sennrich 2019). x (…, C), gain (C). */
export function rmsNorm(x: Tensor, gain: Tensor, epsilon = 1e-5): Tensor {
  return rmsNormNode([x, gain], { epsilon })[0]!;
}
