import { Decoder, Encoder, type Normalization, paddingMask, SinusoidalPositions } from '@qkv/attention';
import { type ActivationName, Dropout, Embedding, Linear, Module, normal, tap, xavierUniform, zeros } from '@qkv/nn';
import { ShapeError, type Tensor } from '@qkv/tensor';

import { type AutoregressiveModel, repeatRows } from './decoding/autoregressive-model';
import { TransformerCache } from './transformer-cache';

export interface TransformerOptions {
  /** Number of source ids. */
  readonly sourceVocabulary: number;
  /** Number of target ids, V. */
  readonly targetVocabulary: number;
  /** Model size D; 512, the paper's base model, as all sizes here. */
  readonly dimension?: number;
  /** Attention heads H; 8. */
  readonly heads?: number;
  /** Size of the feed-forward's inner layer; 2048. */
  readonly feedForward?: number;
  /** 6. */
  readonly encoderLayers?: number;
  /** 6. */
  readonly decoderLayers?: number;
  /** Of every sublayer's result, and of embeddings with positions; 0.1, as in the paper. */
  readonly dropout?: number;
  /** `post`, as in the paper; `pre` trains without warm-up. */
  readonly normalization?: Normalization;
  /** `relu`, as in the paper. */
  readonly activation?: ActivationName;
  /** Norms after the last layers of encoder and decoder. By default with pre-norm only, as in the paper; torch's nn.Transformer always has them. */
  readonly finalNorms?: boolean;
  /** One table for source, target and output (section 3.4), which then has no bias; false, as the vocabularies often differ. */
  readonly tieEmbeddings?: boolean;
  /** Longest sequence on either side; 512. Sinusoidal positions cost nothing, the limit catches mistakes. */
  readonly maxLength?: number;
  /** Id of padding on both sides; 0. */
  readonly padId?: number;
}

/**
 * The encoder-decoder Transformer (Vaswani et al. 2017).
 *
 * source ids (B, S), target ids (B, T) beginning with START → logits (B, T, V): at position t those of the token after
 * target t. Embeddings are scaled by √D and added to sinusoidal positions. What is padding is not attended to.
 */
export class Transformer extends Module implements AutoregressiveModel<TransformerCache> {
  readonly targetVocabulary: number;
  readonly dimension: number;
  readonly maxLength: number;
  readonly padId: number;
  readonly sourceEmbedding: Embedding;
  readonly targetEmbedding: Embedding;
  readonly positions: SinusoidalPositions;
  readonly dropout: Dropout;
  readonly encoder: Encoder;
  readonly decoder: Decoder;
  /** Null where the target table is also the output's. */
  readonly output: Linear | null;

  constructor(options: TransformerOptions) {
    super();
    const { sourceVocabulary, targetVocabulary, dimension = 512, maxLength = 512, padId = 0 } = options;
    const { heads = 8, feedForward = 2048, encoderLayers = 6, decoderLayers = 6 } = options;
    const { dropout = 0.1, normalization = 'post', activation, finalNorms, tieEmbeddings = false } = options;
    if (tieEmbeddings && sourceVocabulary !== targetVocabulary) {
      throw new RangeError(
        `Transformer: tied embeddings need one vocabulary, got ${sourceVocabulary} source and ${targetVocabulary} target ids`,
      );
    }
    this.targetVocabulary = targetVocabulary;
    this.dimension = dimension;
    this.maxLength = maxLength;
    this.padId = padId;
    // N(0, 1/D), so that rows have unit variance after the factor √D.
    const initializer = normal({ deviation: 1 / Math.sqrt(dimension) });
    this.sourceEmbedding = new Embedding({ vocabulary: sourceVocabulary, dimension, initializer });
    this.targetEmbedding = tieEmbeddings
      ? this.sourceEmbedding
      : new Embedding({ vocabulary: targetVocabulary, dimension, initializer });
    this.positions = new SinusoidalPositions({ dimension, maxLength });
    this.dropout = new Dropout({ rate: dropout });
    const layer = { dimension, heads, feedForward, dropout, normalization, activation, finalNorm: finalNorms };
    this.encoder = new Encoder({ ...layer, layers: encoderLayers });
    this.decoder = new Decoder({ ...layer, layers: decoderLayers });
    this.output = tieEmbeddings
      ? null
      : new Linear({
          inputs: dimension,
          outputs: targetVocabulary,
          weightInitializer: xavierUniform(),
          biasInitializer: zeros,
        });
  }

  override forward(source: Tensor, target: Tensor): Tensor {
    const memory = this.encode(source); // (B, S, D)
    return this.decode(target, memory, this.sourceMask(source)); // (B, T, V)
  }

  /** Source ids (B, S) → memory (B, S, D). */
  encode(source: Tensor): Tensor {
    return this.scope(() => {
      const x = this.embed(source, this.sourceEmbedding);
      return this.encoder.forward(x, { mask: this.sourceMask(source) });
    });
  }

  /** Target ids (B, T), memory (B, S, D) and the source's mask → logits (B, T, V). */
  decode(target: Tensor, memory: Tensor, memoryMask?: Tensor): Tensor {
    return this.scope(() => {
      const x = this.embed(target, this.targetEmbedding);
      const mask = paddingMask(target, this.padId);
      return this.project(this.decoder.forward(x, memory, { mask, memoryMask }));
    });
  }

  /** Source ids (B, S) → (B, 1, 1, S): which positions of memory may be attended to. */
  sourceMask(source: Tensor): Tensor {
    return this.scope(() => source.notEqual(this.padId).unsqueeze(1).unsqueeze(1));
  }

  /** How the target attends to the source: for each decoder layer (B, H, T, S). Computed anew, for looking at. */
  crossAttentionWeights(source: Tensor, target: Tensor): Tensor[] {
    return this.scope(() => {
      const x = this.embed(target, this.targetEmbedding);
      const masks = { mask: paddingMask(target, this.padId), memoryMask: this.sourceMask(source) };
      return this.decoder.crossAttentionWeights(x, this.encode(source), masks);
    });
  }

  /** What decoding token by token needs, for a fixed number of rows, source length S and at most `length` tokens. */
  createCache(rows: number, length: number, sourceLength: number): TransformerCache {
    if (length > this.maxLength) {
      throw new RangeError(`Transformer: cannot decode ${length} tokens, maxLength is ${this.maxLength}`);
    }
    return new TransformerCache(this.decoder.createCache(rows, length, sourceLength), rows, sourceLength, length);
  }

  /**
   * Encodes the source (B, S) into the cache, whose rows are B or a multiple, and goes to position 0. Inside `run` or
   * `compile`.
   */
  start(source: Tensor, cache: TransformerCache): void {
    this.scope(() => {
      cache.begin(this.sourceMask(source));
      this.decoder.remember(cache.layers, repeatRows(this.encode(source), cache.rows));
    });
  }

  /** The token of this position, ids (B) → logits (B, V) of the next; goes to the next position. Inside `run` or `compile`. */
  next(ids: Tensor, cache: TransformerCache): Tensor {
    return this.scope(() => {
      const position = cache.advance();
      const row = this.positions.at(position); // (D)
      const scaled = this.targetEmbedding.forward(ids).mul(Math.sqrt(this.dimension)); // (B, D)
      const x = scaled.add(row).unsqueeze(1); // (B, 1, D)
      const y = this.decoder.step(x, cache.layers, position, cache.memoryMask.value); // (B, 1, D)
      return this.project(y).squeeze(1); // (B, V)
    });
  }

  private embed(ids: Tensor, table: Embedding): Tensor {
    if (ids.rank !== 2) {
      throw new ShapeError(`Transformer: expected ids (B, T), got ${ids.dtype} [${ids.shape.join(', ')}]`);
    }
    const x = table.forward(ids).mul(Math.sqrt(this.dimension)); // (B, T, D)
    return this.dropout.forward(this.positions.forward(x));
  }

  private project(y: Tensor): Tensor {
    const state = tap('state', y); // (B, T, D)
    if (this.output !== null) return this.output.forward(state);
    return state.matmul(this.targetEmbedding.weight.value.transpose()); // (B, T, V)
  }
}
