import { Encoder, type EncoderOptions } from '@qkv/attention';

import { ConvolutionalEncoder } from './convolutional-encoder';
import { RecurrentEncoder } from './recurrent-encoder';

/** What the layers of an encoder are made of: attention, a bidirectional LSTM or GRU, or a convolution. */
export type EncoderKind = 'attention' | 'lstm' | 'gru' | 'convolutional';

/** Embedded inputs x (B, S, D) → (B, S, D). The mask (B, 1, 1, S) tells what is not padding. */
export type SequenceEncoder = Encoder | RecurrentEncoder | ConvolutionalEncoder;

export function createEncoder(kind: EncoderKind, options: EncoderOptions): SequenceEncoder {
  switch (kind) {
    case 'attention':
      return new Encoder(options);
    case 'lstm':
    case 'gru':
      return new RecurrentEncoder({ ...options, cell: kind });
    case 'convolutional':
      return new ConvolutionalEncoder(options);
    default:
      throw new RangeError(`encoder: there is no '${String(kind)}'; choose from attention, lstm, gru, convolutional`);
  }
}
