import type { Attributes } from '../backend';
import type { TensorSpec } from '../dtype';
import { select, stack, zeros } from '../create';
import { defineComposite } from '../operation';
import type { Tensor } from '../types';
import { sigmoid } from './activations';
import { atTime, checkRecurrence, gatesOf, type RecurrenceOptions, statesBefore, visits } from './recurrence';

const isReverse = (attributes: Attributes): boolean => attributes['reverse'] as boolean;

/** y(1 − y), the slope of the logistic function at its value y. */
const slope = (y: Tensor): Tensor => y.mul(y.neg().add(1));

/**
 * Backwards through time. What does not depend on a later step is computed for all steps at once: the gates again, instead
 * of keeping them, and from them the factors by which the cotangents of a step's hidden and cell state become those of its
 * gates. A step is then a sum of products and one matrix product.
 */
const lstmBackward = defineComposite({
  name: 'lstmBackward',
  version: 1,
  // projected, weight, hidden, cell, hiddens, cells, dhiddens, dcells, [mask] → dprojected, dweight, dhidden, dcell
  infer: (inputs) => inputs.slice(0, 4).map(({ shape }): TensorSpec => ({ shape, dtype: 'float32' })),
  decompose: ([projected, weight, hidden, cell, hiddens, cells, dHiddens, dCells, mask], attributes) => {
    const reverse = isReverse(attributes);
    const [B, T, H] = hiddens!.shape as readonly [number, number, number];
    const before = statesBefore(hiddens!, hidden!, reverse); // (B, T, H)
    const cellBefore = statesBefore(cells!, cell!, reverse);
    const gates = projected!.add(before.matmul(weight!.transpose())); // (B, T, 4H)
    const parts = gatesOf(gates, 4);
    const [i, f, o] = [parts[0]!, parts[1]!, parts[3]!].map((gate) => sigmoid(gate)) as [Tensor, Tensor, Tensor];
    const g = parts[2]!.tanh();
    const squashed = cells!.tanh();
    const none = zeros([B, T, H]);
    const live = (x: Tensor, otherwise: number): Tensor =>
      mask === undefined ? x : select(mask.reshape([B, T, ...x.shape.slice(2).map(() => 1)]), x, otherwise);
    const cellToGates = live(
      stack([g.mul(slope(i)), cellBefore.mul(slope(f)), i.mul(g.square().neg().add(1)), none], 2),
      0,
    );
    const hiddenToGates = live(stack([none, none, none, squashed.mul(slope(o))], 2), 0); // (B, T, 4, H)
    const hiddenToCell = live(o.mul(squashed.square().neg().add(1)), 0); // (B, T, H)
    const cellToCell = live(f, 1);

    let dHidden: Tensor = zeros([B, H]);
    let dCell: Tensor = zeros([B, H]);
    const dGates = new Array<Tensor>(T);
    for (const t of visits(T, !reverse)) {
      const dh = dHidden.add(atTime(dHiddens!, t));
      const dc = dCell.add(atTime(dCells!, t)).add(dh.mul(atTime(hiddenToCell, t)));
      const fromCell = dc.unsqueeze(1).mul(atTime(cellToGates, t));
      const step = fromCell.add(dh.unsqueeze(1).mul(atTime(hiddenToGates, t))).reshape([B, 4 * H]);
      dGates[t] = step;
      dCell = dc.mul(atTime(cellToCell, t));
      dHidden = step.matmul(weight!);
      if (mask !== undefined) dHidden = dHidden.add(select(atTime(mask, t).unsqueeze(-1), 0, dh));
    }
    const all = stack(dGates, 1); // (B, T, 4H)
    const dWeight = all
      .reshape([B * T, 4 * H])
      .transpose()
      .matmul(before.reshape([B * T, H]));
    return [all, dWeight, dHidden, dCell];
  },
});

const lstmNode = defineComposite({
  name: 'lstm',
  version: 1,
  // projected, weight, hidden, cell, [mask] → hiddens, cells
  infer: ([projected, weight, hidden, cell, mask]) => {
    checkRecurrence('lstm', 4, projected!, weight!, [hidden!, cell!], mask);
    const shape = [...projected!.shape.slice(0, 2), weight!.shape[1]!];
    return [
      { shape, dtype: 'float32' },
      { shape, dtype: 'float32' },
    ];
  },
  decompose: ([projected, weight, hidden, cell, mask], attributes) => {
    const recurrent = weight!.transpose(); // (H, 4H)
    const T = projected!.shape[1]!;
    let h: Tensor = hidden!; // (B, H)
    let c: Tensor = cell!;
    const hiddens = new Array<Tensor>(T);
    const cells = new Array<Tensor>(T);
    for (const t of visits(T, isReverse(attributes))) {
      const gates = h.matmul(recurrent).add(atTime(projected!, t)); // (B, 4H)
      const [input, forget, candidate, output] = gatesOf(gates, 4) as [Tensor, Tensor, Tensor, Tensor];
      const nextCell = sigmoid(forget).mul(c).add(sigmoid(input).mul(candidate.tanh()));
      const nextHidden = sigmoid(output).mul(nextCell.tanh());
      const live = mask === undefined ? null : atTime(mask, t).unsqueeze(-1);
      h = live === null ? nextHidden : select(live, nextHidden, h);
      c = live === null ? nextCell : select(live, nextCell, c);
      hiddens[t] = h;
      cells[t] = c;
    }
    return [stack(hiddens, 1), stack(cells, 1)]; // (B, T, H)
  },
  backward: ({
    inputs: [projected, weight, hidden, cell, mask],
    outputs: [hiddens, cells],
    cotangents,
    attributes,
  }) => {
    const [dHiddens, dCells] = cotangents.map((dy) => dy ?? zeros(hiddens!.shape)) as [Tensor, Tensor];
    const masks = mask === undefined ? [] : [mask];
    const operands = [projected!, weight!, hidden!, cell!, hiddens!, cells!, dHiddens, dCells, ...masks];
    return [...lstmBackward(operands, attributes), ...masks.map(() => null)];
  },
});

/**
 * Long short-term memory over a sequence (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000): at each t
 * (i, f, g, o) = projected_t + W h, c ← σ(f)·c + σ(i)·tanh(g), h ← σ(o)·tanh(c).
 *
 * projected (B, T, 4H) is what inputs and biases give to the gates; weight (4H, H) is W, in torch's order; hidden and cell
 * (B, H) are the first states → both states after each step, (B, T, H).
 */
export function lstm(
  projected: Tensor,
  weight: Tensor,
  hidden: Tensor,
  cell: Tensor,
  { mask, reverse = false }: RecurrenceOptions = {},
): { hidden: Tensor; cell: Tensor } {
  const masks = mask === undefined ? [] : [mask];
  const [hiddens, cells] = lstmNode([projected, weight, hidden, cell, ...masks], { reverse });
  return { hidden: hiddens!, cell: cells! };
}
