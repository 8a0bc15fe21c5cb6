import { Encoder, type InputPositions } from '@qkv/attention';
import { Dropout, Embedding, expectSize, type Linear, Module } from '@qkv/nn';
import { arange, select, ShapeError, type Tensor, withPath, zeros } from '@qkv/tensor';

import { type AutoregressiveModel, repeatRows } from '../decoding/autoregressive-model';
import { CausalCache } from './causal-cache';
import { addPositions, createOutput, embed, embeddingInitializer, expectIds, expectTokens } from './ids';
import { type ModelOptions, modelSizes } from './model-options';
import { writtenMask } from './padding';
import { createInputPositions } from './position-kinds';
import { stackOptions } from './stack-options';

export interface CausalTransformerOptions extends ModelOptions {
  /** Number of ids, V. */
  readonly vocabulary: number;
  /** 6. */
  readonly layers?: number;
  /** Whether the table is also the output's, which then has no bias (Press & Wolf 2017); true, as in GPT-2. */
  readonly tieEmbeddings?: boolean;
}

export interface CausalForwardOptions {
  /** On which side rows are padded; `right`, as in training. With `left`, positions count from each row's first token. */
  readonly padding?: 'left' | 'right';
}

/**
 * A decoder-only Transformer (Liu et al. 2018, "Generating Wikipedia by summarizing long sequences", section 4.2.3; GPT):
 * layers of causal self-attention and feed-forward. ids (B, T) → logits (B, T, V): at position t those of the token after
 * token t. What is padding is not attended to.
 */
export class CausalTransformer extends Module implements AutoregressiveModel<CausalCache> {
  readonly targetVocabulary: number;
  readonly dimension: number;
  readonly maxLength: number;
  readonly padId: number;
  readonly embedding: Embedding;
  /** Null where order is told otherwise. */
  readonly positions: InputPositions | null;
  readonly dropout: Dropout;
  readonly decoder: Encoder;
  /** Null where the table is also the output's. */
  readonly output: Linear | null;

  constructor(options: CausalTransformerOptions) {
    super();
    const { vocabulary, layers = 6, tieEmbeddings = true } = options;
    const { dimension, dropout, maxLength, padId } = modelSizes(options);
    this.targetVocabulary = vocabulary;
    this.dimension = dimension;
    this.maxLength = maxLength;
    this.padId = padId;
    this.embedding = new Embedding({ vocabulary, dimension, initializer: embeddingInitializer(dimension) });
    this.positions = createInputPositions(options);
    this.dropout = new Dropout({ rate: dropout });
    this.decoder = new Encoder(stackOptions(options, layers, { bidirectional: false }));
    this.output = tieEmbeddings ? null : createOutput(dimension, vocabulary);
  }

  override forward(ids: Tensor, { padding = 'right' }: CausalForwardOptions = {}): Tensor {
    expectIds('CausalTransformer', ids, this.maxLength);
    const places = arange(ids.shape[1]);
    const before = padding === 'left' ? this.leftPadding(ids) : null;
    const positions = before === null ? undefined : this.positionsAfter(before, places);
    const mask = before === null ? writtenMask(ids, this.padId) : this.maskAfter(before, places);
    const x = this.embed(ids, positions);
    return this.project(this.decoder.forward(x, { mask, positions, keyPositions: positions, causal: true })); // (B, T, V)
  }

  /**
   * What decoding token by token needs: for a fixed number of rows, prompts (B, `sourceLength`), which may be 0, and at most
   * `length` tokens after them.
   */
  createCache(rows: number, length: number, sourceLength: number): CausalCache {
    expectSize('CausalTransformer', 'length', length);
    if (sourceLength + length > this.maxLength) {
      throw new RangeError(
        `CausalTransformer: cannot decode ${length} tokens after a prompt of ${sourceLength}, maxLength is ${this.maxLength}`,
      );
    }
    return new CausalCache(this.decoder.createCache(rows, sourceLength + length), rows, sourceLength, length);
  }

  /**
   * Reads a prompt (B, P), padded on the left, in one pass into the cache, whose rows are B or a multiple. What follows the
   * prompt comes from `next`, which needs a first token of its own: the prompt's last, or one that says START. Inside `run`
   * or `compile`; the run fails where padding follows a token.
   */
  start(prompt: Tensor, cache: CausalCache): void {
    this.scope(() => {
      expectIds('CausalTransformer', prompt, this.maxLength);
      const P = cache.sourceLength;
      if (prompt.shape[1] !== P) {
        throw new ShapeError(`CausalTransformer: the cache is for prompts (B, ${P}), got [${prompt.shape.join(', ')}]`);
      }
      const ids = repeatRows(prompt, cache.rows);
      cache.begin(this.leftPadding(ids).add(this.expectLeft(ids)));
      if (P > 0) this.read(ids, cache, zeros([], 'int32'));
    });
  }

  /** The token of this position, ids (B) → logits (B, V) of the next; goes to the next position. Inside `run` or `compile`. */
  next(ids: Tensor, cache: CausalCache): Tensor {
    return this.scope(() => {
      expectTokens('CausalTransformer', ids);
      const slot = cache.advance().add(cache.sourceLength);
      return this.project(this.read(ids.unsqueeze(1), cache, slot)).squeeze(1); // (B, V)
    });
  }

  /** ids (B, T) at these places of the cache and after → (B, T, D) */
  private read(ids: Tensor, cache: CausalCache, slot: Tensor): Tensor {
    const padding = cache.padding.value;
    const all = arange(cache.sourceLength + cache.length);
    const positions = this.positionsAfter(padding, arange(ids.shape[1]).add(slot)); // (B, T)
    const keyPositions = this.positionsAfter(padding, all); // (B, L)
    const mask = this.maskAfter(padding, all); // (B, 1, 1, L)
    return this.decoder.step(this.embed(ids, positions), cache.layers, slot, { mask, positions, keyPositions });
  }

  /** ids (B, T) → how many paddings are before the first token, (B). */
  private leftPadding(ids: Tensor): Tensor {
    const [B, T] = ids.shape;
    if (T === 0) return zeros([B], 'int32');
    const present = ids.notEqual(this.padId).cast('int32'); // (B, T)
    return select(present.max(-1).equal(1), present.argMax(-1), T);
  }

  /** 0 for each row, (B). Ids are data, which only a kernel can check: a row with padding elsewhere asks for place 1 of one. */
  private expectLeft(ids: Tensor): Tensor {
    const [B, T] = ids.shape;
    if (T < 2) return zeros([B], 'int32');
    const present = ids.notEqual(this.padId);
    const ended = present.slice([0, 0], [B, T - 1]).and(present.slice([0, 1]).not()); // (B, T − 1)
    const rule = 'CausalTransformer: a prompt with padding after its first token; padding belongs on the left';
    return withPath(rule, () => arange(1).gather(ended.cast('int32').max(-1)));
  }

  /** Of places (T), in rows with so much padding before their tokens, (B): which may be attended to, (B, 1, 1, T). */
  private maskAfter(padding: Tensor, places: Tensor): Tensor {
    return places.greaterEqual(padding.unsqueeze(-1)).unsqueeze(1).unsqueeze(1);
  }

  /** Places (T) in rows with so much padding before them, (B) → positions (B, T); 0 for the padding itself. */
  private positionsAfter(padding: Tensor, places: Tensor): Tensor {
    return places.sub(padding.unsqueeze(-1)).maximum(0);
  }

  /** ids (B, T) → (B, T, D) */
  private embed(ids: Tensor, positions?: Tensor): Tensor {
    return this.dropout.forward(addPositions(embed(ids, this.embedding), this.positions, positions));
  }

  private project(y: Tensor): Tensor {
    if (this.output !== null) return this.output.forward(y);
    return y.matmul(this.embedding.weight.value.transpose()); // (B, T, V)
  }
}
