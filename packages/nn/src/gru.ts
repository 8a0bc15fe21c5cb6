import { gru, zeros } from '@qkv/tensor';

import { Recurrent, type RecurrentKind, type RecurrentOptions, type RecurrentState } from './recurrent';

export type GRUState = RecurrentState<'hidden'>;

const KIND: RecurrentKind<'hidden'> = {
  name: 'GRU',
  gates: 3,
  states: ['hidden'],
  // b_hh stays apart: in the candidate it is multiplied by the reset gate.
  scan: (projected, weight, bias, [hidden], options) => [
    gru(projected, weight, bias ?? zeros([weight.shape[0]]), hidden, options),
  ],
};

/**
 * Gated recurrent unit (Cho et al. 2014, in the form of cuDNN and torch): with (x_r, x_z, x_n) = W_ih x_t + b_ih and
 * (s_r, s_z, s_n) = W_hh h + b_hh, r = σ(x_r + s_r), z = σ(x_z + s_z), n = tanh(x_n + r·s_n), h ← (1 − z)·n + z·h.
 *
 * x (B, T, inputs) → { output (B, T, directions · H), state: { hidden } }. Parameters are named as LSTM's, with 3H rows.
 */
export class GRU extends Recurrent<'hidden'> {
  constructor(options: RecurrentOptions) {
    super(KIND, options);
  }
}
