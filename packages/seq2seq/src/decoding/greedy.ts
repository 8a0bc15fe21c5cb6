import type { Tensor } from '@qkv/tensor';

import type { AutoregressiveModel } from './autoregressive-model';
import { compose, constraintsOf } from './logit-processors';
import { type DecodeCall, type DecoderOptions, SequenceDecoder } from './sequence-decoder';
import { searchScores, TokenSearch } from './token-search';

class GreedySearch extends TokenSearch {
  protected override perturb(logits: Tensor): Tensor {
    return logits;
  }

  protected override scores(logProbabilities: Tensor, logits: Tensor, processed: Tensor): Tensor {
    return searchScores(logProbabilities, logits, processed);
  }
}

/**
 * Greedy decoding: y_t = argmax p(y | y_<t, x) until END, the first of equals. A hypothesis' score is its log-probability,
 * moved by as much as processors have moved logits.
 */
export class GreedyDecoder extends SequenceDecoder {
  constructor(model: AutoregressiveModel, options: DecoderOptions) {
    const { padId } = model;
    const process = compose(constraintsOf(options));
    super('GreedyDecoder', model, options, new GreedySearch({ ...options, name: 'greedy', width: 1, padId, process }));
  }
}

/** What `greedyDecode` is told: the shape is the source's. */
export type GreedyOptions = Omit<DecoderOptions, 'rows' | 'sourceLength'>;

/** The ids for one batch, source ids (B, S): see `GreedyDecoder`, which is the one to keep for many batches of equal shape. */
export async function greedyDecode(
  model: AutoregressiveModel,
  source: Tensor,
  { signal, ...options }: GreedyOptions & DecodeCall,
): Promise<Int32Array[]> {
  const [rows, sourceLength] = source.shape;
  const decoder = new GreedyDecoder(model, { ...options, rows, sourceLength });
  try {
    return (await decoder.decode(source, { signal })).map(({ ids }) => ids);
  } finally {
    decoder.release();
  }
}
