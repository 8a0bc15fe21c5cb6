import type { LayerAttentionOptions, Normalization, NormName } from '@qkv/attention';
import { type ActivationName, expectSize } from '@qkv/nn';

/**
 * How a model tells order. Added to the embeddings: `sinusoidal` (Vaswani et al. 2017, section 3.5), `learned` (Gehring et
 * al. 2017). Inside of self-attention, one instance for all layers of a stack: `rotary` (Su et al. 2021), `alibi` (Press et
 * al. 2022), `relative` (biases of distances up to 16, after Shaw et al. 2018), `t5` (the biases of Raffel et al. 2020, whose
 * scores are unscaled besides: `attention: { score: 'dotProduct' }`). `none`: a set.
 */
export type PositionKind = 'sinusoidal' | 'learned' | 'rotary' | 'alibi' | 'relative' | 't5' | 'none';

/** What all models here have in common. Sizes are those of the paper's base model unless given. */
export interface ModelOptions {
  /** Model size D; 512. */
  readonly dimension?: number;
  /** Attention heads H; 8. */
  readonly heads?: number;
  /** Size of the feed-forward's inner layer; 2048. */
  readonly feedForward?: number;
  /** Of every sublayer's result, and of embeddings with positions; 0.1, as in the paper. */
  readonly dropout?: number;
  /** `post`, as in the paper; `pre` trains without warm-up. */
  readonly normalization?: Normalization;
  /** `layer`, as in the paper. */
  readonly norm?: NormName;
  /** `relu`, as in the paper. */
  readonly activation?: ActivationName;
  /** Whether the feed-forward is gated; false, as in the paper. SwiGLU is `gated` with the activation `silu`. */
  readonly gated?: boolean;
  /** Whether attention and feed-forward add biases; true, as in torch. */
  readonly bias?: boolean;
  /** First value of CaiT's layer scale; none, as in the paper. */
  readonly layerScale?: number;
  /** Stochastic depth: the rate of the last layer, to which it rises from 0 in the first; 0, as in the paper. */
  readonly dropPath?: number;
  /** Further options of the attentions; see `MultiHeadAttention`. */
  readonly attention?: LayerAttentionOptions;
  /** Norms after the last layers. By default with pre-norm only, as in the paper; torch's nn.Transformer always has them. */
  readonly finalNorms?: boolean;
  /** How order is told; `sinusoidal`, as in the paper. */
  readonly positions?: PositionKind;
  /** Longest sequence on either side; 512. Sinusoidal positions cost nothing, the limit catches mistakes. */
  readonly maxLength?: number;
  /** Id of padding; 0. */
  readonly padId?: number;
}

/** The sizes of a model, with defaults. */
export function modelSizes(options: ModelOptions): {
  dimension: number;
  heads: number;
  dropout: number;
  maxLength: number;
  padId: number;
} {
  const { dimension = 512, heads = 8, dropout = 0.1, maxLength = 512, padId = 0 } = options;
  expectSize('model', 'maxLength', maxLength);
  return { dimension, heads, dropout, maxLength, padId };
}
