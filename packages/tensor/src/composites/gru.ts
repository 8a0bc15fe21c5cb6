import type { Attributes } from '../backend';
import type { TensorSpec } from '../dtype';
import { concat, select, stack, zeros } from '../create';
import { defineComposite } from '../operation';
import { ShapeError } from '../shape-error';
import { formatShape, sameShape } from '../shape';
import type { Tensor } from '../types';
import { sigmoid } from './activations';
import { atTime, checkRecurrence, gatesOf, type RecurrenceOptions, statesBefore, visits } from './recurrence';

const isReverse = (attributes: Attributes): boolean => attributes['reverse'] as boolean;

/** From x (…, 3H) and W h + b (…, 3H): reset gate, update gate, candidate. */
function gruGates(x: Tensor, s: Tensor): { r: Tensor; z: Tensor; n: Tensor; candidateState: Tensor } {
  const [xr, xz, xn] = gatesOf(x, 3) as [Tensor, Tensor, Tensor];
  const [sr, sz, sn] = gatesOf(s, 3) as [Tensor, Tensor, Tensor];
  const r = sigmoid(xr.add(sr));
  return { r, z: sigmoid(xz.add(sz)), n: xn.add(r.mul(sn)).tanh(), candidateState: sn };
}

/** Backwards through time, by factors that are computed for all steps at once: see `lstmBackward`. */
const gruBackward = defineComposite({
  name: 'gruBackward',
  version: 1,
  // projected, weight, bias, hidden, hiddens, dhiddens, [mask] → dprojected, dweight, dbias, dhidden
  infer: (inputs) => inputs.slice(0, 4).map(({ shape }): TensorSpec => ({ shape, dtype: 'float32' })),
  decompose: ([projected, weight, bias, hidden, hiddens, dHiddens, mask], attributes) => {
    const reverse = isReverse(attributes);
    const [B, T, H] = hiddens!.shape as readonly [number, number, number];
    const before = statesBefore(hiddens!, hidden!, reverse); // (B, T, H)
    const { r, z, n, candidateState } = gruGates(projected!, before.matmul(weight!.transpose()).add(bias!));
    const live = (x: Tensor, otherwise: number): Tensor =>
      mask === undefined ? x : select(mask.unsqueeze(-1), x, otherwise);
    const keep = live(z, 1);
    // What a step's cotangent is multiplied by, to become those of x, and of W h + b.
    const toCandidate = live(z.neg().add(1).mul(n.square().neg().add(1)), 0); // (B, T, H)
    const toUpdate = live(before.sub(n).mul(z).mul(z.neg().add(1)), 0);
    const toReset = toCandidate.mul(candidateState).mul(r).mul(r.neg().add(1));
    const factors = stack([toReset, toUpdate, toCandidate.mul(r)], 2); // (B, T, 3, H)

    let dHidden: Tensor = zeros([B, H]);
    const steps = new Array<Tensor>(T);
    for (const t of visits(T, !reverse)) {
      const dh = dHidden.add(atTime(dHiddens!, t));
      steps[t] = dh;
      const dState = dh
        .unsqueeze(1)
        .mul(atTime(factors, t))
        .reshape([B, 3 * H]);
      dHidden = dState.matmul(weight!).add(dh.mul(atTime(keep, t)));
    }
    const all = stack(steps, 1); // (B, T, H)
    const dState = all.unsqueeze(2).mul(factors); // (B, T, 3, H)
    const dProjected = concat([dState.slice([0, 0, 0], [B, T, 2]), all.mul(toCandidate).unsqueeze(2)], 2);
    const rows = dState.reshape([B * T, 3 * H]);
    const dWeight = rows.transpose().matmul(before.reshape([B * T, H]));
    return [dProjected.reshape([B, T, 3 * H]), dWeight, rows.sum(0), dHidden];
  },
});

const gruNode = defineComposite({
  name: 'gru',
  version: 1,
  // projected, weight, bias, hidden, [mask] → hiddens
  infer: ([projected, weight, bias, hidden, mask]) => {
    checkRecurrence('gru', 3, projected!, weight!, [hidden!], mask);
    if (!sameShape(bias!.shape, [weight!.shape[0]!])) {
      throw new ShapeError(
        `gru: expected a bias of ${formatShape([weight!.shape[0]!])}, got ${formatShape(bias!.shape)}`,
      );
    }
    return [{ shape: [...projected!.shape.slice(0, 2), weight!.shape[1]!], dtype: 'float32' }];
  },
  decompose: ([projected, weight, bias, hidden, mask], attributes) => {
    const recurrent = weight!.transpose(); // (H, 3H)
    const T = projected!.shape[1]!;
    let h: Tensor = hidden!; // (B, H)
    const hiddens = new Array<Tensor>(T);
    for (const t of visits(T, isReverse(attributes))) {
      const { z, n } = gruGates(atTime(projected!, t), h.matmul(recurrent).add(bias!));
      const next = n.add(z.mul(h.sub(n)));
      h = mask === undefined ? next : select(atTime(mask, t).unsqueeze(-1), next, h);
      hiddens[t] = h;
    }
    return [stack(hiddens, 1)]; // (B, T, H)
  },
  backward: ({
    inputs: [projected, weight, bias, hidden, mask],
    outputs: [hiddens],
    cotangents: [dHiddens],
    attributes,
  }) => {
    const masks = mask === undefined ? [] : [mask];
    const operands = [projected!, weight!, bias!, hidden!, hiddens!, dHiddens!, ...masks];
    return [...gruBackward(operands, attributes), ...masks.map(() => null)];
  },
});

/**
 * Gated recurrent unit over a sequence (Cho et al. 2014, in cuDNN's form): at each t, with (x_r, x_z, x_n) = projected_t and
 * (s_r, s_z, s_n) = W h + b, r = σ(x_r + s_r), z = σ(x_z + s_z), n = tanh(x_n + r·s_n), h ← (1 − z)·n + z·h.
 *
 * projected (B, T, 3H) is what inputs and their biases give; weight (3H, H) is W and bias (3H) b, in torch's order; hidden
 * (B, H) is the first state → the state after each step, (B, T, H).
 */
export function gru(
  projected: Tensor,
  weight: Tensor,
  bias: Tensor,
  hidden: Tensor,
  { mask, reverse = false }: RecurrenceOptions = {},
): Tensor {
  const masks = mask === undefined ? [] : [mask];
  return gruNode([projected, weight, bias, hidden, ...masks], { reverse })[0]!;
}
