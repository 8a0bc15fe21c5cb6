import { Decoder, type InputPositions, TransparentAttention } from '@qkv/attention';
import { Dropout, Embedding, type Linear, expectSize, Module, tap } from '@qkv/nn';
import { ShapeError, stack, type Tensor } from '@qkv/tensor';

import { type AutoregressiveModel, repeatRows } from './decoding/autoregressive-model';
import { createEncoder, type EncoderKind, type SequenceEncoder } from './models/encoder-kinds';
import { addPositions, createOutput, embed, embeddingInitializer, expectIds, expectTokens } from './models/ids';
import { type ModelOptions, modelSizes } from './models/model-options';
import { presentMask, writtenMask } from './models/padding';
import { createInputPositions } from './models/position-kinds';
import { stackOptions } from './models/stack-options';
import { TransformerCache } from './transformer-cache';

/**
 * What each decoder layer attends to: the encoder's `last` layer, as in the paper; the `matching` layer, decoder layer i to
 * encoder layer i (He et al. 2018, "Layer-Wise Coordination"); or `all` layers, by a learned mixture for each decoder layer
 * (transparent attention, Bapna et al. 2018).
 */
export type CrossAttentionWiring = 'last' | 'matching' | 'all';

export interface TransformerOptions extends ModelOptions {
  /** Number of source ids. */
  readonly sourceVocabulary: number;
  /** Number of target ids, V. */
  readonly targetVocabulary: number;
  /** 6. */
  readonly encoderLayers?: number;
  /** 6. */
  readonly decoderLayers?: number;
  /** `attention`, as in the paper. The others tell order by themselves, and take `positions` of the embeddings alone. */
  readonly encoder?: EncoderKind;
  /** Which encoder layers the decoder attends to; `last`, as in the paper. */
  readonly wiring?: CrossAttentionWiring;
  /**
   * One table for source, target and output (section 3.4), or for target and output alone (`target`, Press & Wolf 2017);
   * false, as the vocabularies often differ. An output that is tied has no bias.
   */
  readonly tieEmbeddings?: boolean | 'target';
  /** Whether a target position attends to none after it; true. Without, all positions are decoded at once (non-autoregressive). */
  readonly causal?: boolean;
}

/**
 * The encoder-decoder Transformer (Vaswani et al. 2017).
 *
 * source ids (B, S), target ids (B, T) beginning with START → logits (B, T, V): at position t those of the token after
 * target t. Embeddings are scaled by √D, and added to positions where these are told so. What is padding is not attended to.
 */
export class Transformer extends Module implements AutoregressiveModel<TransformerCache> {
  readonly targetVocabulary: number;
  readonly dimension: number;
  readonly maxLength: number;
  readonly padId: number;
  readonly wiring: CrossAttentionWiring;
  readonly causal: boolean;
  readonly sourceEmbedding: Embedding;
  readonly targetEmbedding: Embedding;
  /** Null where order is told otherwise; learned ones are the target's own. */
  readonly sourcePositions: InputPositions | null;
  readonly targetPositions: InputPositions | null;
  readonly dropout: Dropout;
  readonly encoder: SequenceEncoder;
  /** With the wiring `all` only. */
  readonly mixture: TransparentAttention | null;
  readonly decoder: Decoder;
  /** Null where the target table is also the output's. */
  readonly output: Linear | null;

  constructor(options: TransformerOptions) {
    super();
    const { sourceVocabulary, targetVocabulary, encoderLayers = 6, decoderLayers = 6 } = options;
    const { encoder = 'attention', wiring = 'last', tieEmbeddings = false, positions = 'sinusoidal' } = options;
    const { causal = true } = options;
    const { dimension, dropout, maxLength, padId } = modelSizes(options);
    if (tieEmbeddings === true && sourceVocabulary !== targetVocabulary) {
      throw new RangeError(
        `Transformer: tied embeddings need one vocabulary, got ${sourceVocabulary} source and ${targetVocabulary} target ids; tie the target's alone: 'target'`,
      );
    }
    if (!['last', 'matching', 'all'].includes(wiring)) {
      throw new RangeError(`Transformer: there is no wiring '${String(wiring)}'; choose from last, matching, all`);
    }
    if (wiring === 'matching' && encoderLayers !== decoderLayers) {
      throw new RangeError(
        `Transformer: the wiring 'matching' needs as many encoder as decoder layers, got ${encoderLayers} and ${decoderLayers}`,
      );
    }
    this.targetVocabulary = targetVocabulary;
    this.dimension = dimension;
    this.maxLength = maxLength;
    this.padId = padId;
    this.wiring = wiring;
    this.causal = causal;
    const initializer = embeddingInitializer(dimension);
    this.sourceEmbedding = new Embedding({ vocabulary: sourceVocabulary, dimension, initializer });
    this.targetEmbedding =
      tieEmbeddings === true
        ? this.sourceEmbedding
        : new Embedding({ vocabulary: targetVocabulary, dimension, initializer });
    this.sourcePositions = createInputPositions(options);
    this.targetPositions = positions === 'learned' ? createInputPositions(options) : this.sourcePositions;
    this.dropout = new Dropout({ rate: dropout });
    this.encoder = createEncoder(encoder, stackOptions(options, encoderLayers, { bidirectional: true }));
    this.mixture =
      wiring === 'all' ? new TransparentAttention({ inputs: encoderLayers + 1, outputs: decoderLayers }) : null;
    this.decoder = new Decoder(stackOptions(options, decoderLayers, { bidirectional: !causal }));
    this.output = tieEmbeddings === false ? createOutput(dimension, targetVocabulary) : null;
  }

  override forward(source: Tensor, target: Tensor): Tensor {
    if (source.shape[0] !== target.shape[0]) {
      throw new ShapeError(
        `Transformer: expected a source for each of ${target.shape[0]} targets, got ${source.shape[0]}`,
      );
    }
    const memory = this.encode(source); // (B, S, D)
    return this.decode(target, memory, this.sourceMask(source)); // (B, T, V)
  }

  /**
   * Source ids (B, S) → memory (B, S, D); with the wirings `matching` and `all` (M, B, S, D), one for each of M decoder
   * layers.
   */
  encode(source: Tensor): Tensor {
    return this.scope(() => {
      const x = this.embed(source, this.sourceEmbedding, this.sourcePositions);
      const options = { mask: this.sourceMask(source) };
      if (this.wiring === 'last') return this.encoder.forward(x, options);
      const [first, ...others] = this.encoder.outputs(x, options);
      return stack(this.mixture === null ? others : this.mixture.forward([first, ...others])); // (M, B, S, D)
    });
  }

  /** Target ids (B, T), memory as of `encode` and the source's mask → logits (B, T, V). */
  decode(target: Tensor, memory: Tensor, memoryMask?: Tensor): Tensor {
    return this.scope(() => {
      const x = this.embed(target, this.targetEmbedding, this.targetPositions);
      const mask = writtenMask(target, this.padId);
      const y = this.decoder.forward(x, this.memories(memory), { mask, memoryMask, causal: this.causal });
      return this.project(y);
    });
  }

  /** Source ids (B, S) → (B, 1, 1, S): which positions of memory may be attended to. */
  sourceMask(source: Tensor): Tensor {
    return this.scope(() => presentMask(source, this.padId));
  }

  /** How the target attends to the source: for each decoder layer (B, H, T, S). Computed anew, for looking at. */
  crossAttentionWeights(source: Tensor, target: Tensor): Tensor[] {
    return this.scope(() => {
      const x = this.embed(target, this.targetEmbedding, this.targetPositions);
      const masks = { mask: writtenMask(target, this.padId), memoryMask: this.sourceMask(source), causal: this.causal };
      return this.decoder.crossAttentionWeights(x, this.memories(this.encode(source)), masks);
    });
  }

  /** What decoding token by token needs, for a fixed number of rows, source length S and at most `length` tokens. */
  createCache(rows: number, length: number, sourceLength: number): TransformerCache {
    if (!this.causal) {
      throw new Error('Transformer: a decoder that is not causal reads all targets at once, not token by token');
    }
    expectSize('Transformer', 'length', length);
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
      expectIds('Transformer', source, this.maxLength);
      if (source.shape[1] !== cache.sourceLength) {
        throw new ShapeError(
          `Transformer: the cache is for sources (B, ${cache.sourceLength}), got [${source.shape.join(', ')}]`,
        );
      }
      cache.begin(this.sourceMask(source));
      const memories = this.memories(this.encode(source)).map((memory) => repeatRows(memory, cache.rows));
      this.decoder.remember(cache.layers, memories);
    });
  }

  /** The token of this position, ids (B) → logits (B, V) of the next; goes to the next position. Inside `run` or `compile`. */
  next(ids: Tensor, cache: TransformerCache): Tensor {
    return this.scope(() => {
      expectTokens('Transformer', ids);
      const position = cache.advance();
      const embedded = embed(ids, this.targetEmbedding); // (B, D)
      const placed = this.targetPositions === null ? embedded : embedded.add(this.targetPositions.at(position));
      const x = placed.unsqueeze(1); // (B, 1, D)
      const y = this.decoder.step(x, cache.layers, position, cache.memoryMask.value); // (B, 1, D)
      return this.project(y).squeeze(1); // (B, V)
    });
  }

  /** ids (B, T) → (B, T, D) */
  private embed(ids: Tensor, table: Embedding, positions: InputPositions | null): Tensor {
    expectIds('Transformer', ids, this.maxLength);
    return this.dropout.forward(addPositions(embed(ids, table), positions));
  }

  /** What each decoder layer attends to, (B, S, D) each. */
  private memories(memory: Tensor): Tensor[] {
    const M = this.decoder.layers.length;
    if (this.wiring === 'last') return Array.from({ length: M }, () => memory);
    if (memory.rank !== 4 || memory.shape[0] !== M) {
      throw new ShapeError(
        `Transformer: with the wiring '${this.wiring}' memory is (${M}, B, S, D), as encode gives it, got [${memory.shape.join(', ')}]`,
      );
    }
    return Array.from({ length: M }, (_, m) => memory.slice([m], [1]).squeeze(0));
  }

  private project(y: Tensor): Tensor {
    const state = tap('state', y); // (B, T, D), for `capture`: what a copy gate sees
    if (this.output !== null) return this.output.forward(state);
    return state.matmul(this.targetEmbedding.weight.value.transpose()); // (B, T, V)
  }
}
