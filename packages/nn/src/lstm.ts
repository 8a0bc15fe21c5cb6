import { lstm } from '@qkv/tensor';

import { Recurrent, type RecurrentKind, type RecurrentOptions, type RecurrentState } from './recurrent';

export type LSTMState = RecurrentState<'hidden' | 'cell'>;

const KIND: RecurrentKind<'hidden' | 'cell'> = {
  name: 'LSTM',
  gates: 4,
  states: ['hidden', 'cell'],
  scan(projected, weight, bias, [hidden, cell], options) {
    const gates = bias === null ? projected : projected.add(bias);
    const after = lstm(gates, weight, hidden, cell, options);
    return [after.hidden, after.cell];
  },
};

/**
 * Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000):
 * (i, f, g, o) = W_ih x_t + b_ih + W_hh h + b_hh, c ← σ(f)·c + σ(i)·tanh(g), h ← σ(o)·tanh(c).
 *
 * x (B, T, inputs) → { output (B, T, directions · H), state: { hidden, cell } }. Gates and parameters as torch's:
 *
 * | ours | torch.nn.LSTM |
 * | --- | --- |
 * | `forwardLayers.k.inputWeight` (4H, in), `.inputBias` | `weight_ih_l{k}`, `bias_ih_l{k}` |
 * | `forwardLayers.k.stateWeight` (4H, H), `.stateBias` | `weight_hh_l{k}`, `bias_hh_l{k}` |
 * | `backwardLayers.k.…` | `…_l{k}_reverse` |
 */
export class LSTM extends Recurrent<'hidden' | 'cell'> {
  constructor(options: RecurrentOptions) {
    super(KIND, options);
  }
}
