import { capture, Module } from '@qkv/nn';
import { concat, select, type Tensor, Variable, zeros } from '@qkv/tensor';

import { type AutoregressiveModel, type DecodingCache, repeatRows } from '../decoding/autoregressive-model';
import type { Transformer } from '../transformer';
import type { TransformerCache } from '../transformer-cache';
import { CopyMechanism } from './copy-mechanism';

export interface CopyTransformerOptions {
  /** X: how many ids there are for tokens that only a source has. */
  readonly extra: number;
  /** What the model reads in place of those. */
  readonly unknownId: number;
}

/** The model's cache, and the source ids that may be copied. */
export class CopyCache implements DecodingCache {
  constructor(
    readonly inner: TransformerCache,
    /** int32 (rows, S) */
    readonly source: Variable,
  ) {}

  get position(): Variable {
    return this.inner.position;
  }

  variables(): Variable[] {
    return [this.source, ...this.inner.variables()];
  }

  /** Rows go on from rows that have read the same source. */
  reorder(parents: Tensor): void {
    this.inner.reorder(parents);
  }

  release(): void {
    for (const variable of this.variables()) variable.release();
  }
}

/**
 * A Transformer that can write what only stands in its source, such as names: see `CopyMechanism`, whose α is the mean over
 * the heads of the last decoder layer's attention to the source, divided by its sum (which sinks and ReLU leave open), and
 * whose gate sees that layer's context, the decoder's state and the token that is put in. One space of ids for both sides:
 * V of the vocabulary, and X for each source's own.
 *
 * source ids (B, S), target ids (B, T), both below V + X → log-probabilities (B, T, V + X), for `sequenceLoss` with
 * targets from the same space. Every decoder decodes it.
 *
 * Throws a RangeError if source and target have not one vocabulary.
 */
export class CopyTransformer extends Module implements AutoregressiveModel<CopyCache> {
  /** V + X. */
  readonly targetVocabulary: number;
  readonly padId: number;
  readonly maxLength: number;
  readonly copy: CopyMechanism;

  constructor(
    readonly model: Transformer,
    private readonly options: CopyTransformerOptions,
  ) {
    super();
    const { extra, unknownId } = options;
    const { targetVocabulary: vocabulary, sourceEmbedding, dimension } = model;
    if (sourceEmbedding.vocabulary !== vocabulary) {
      throw new RangeError(
        `CopyTransformer: copying needs one vocabulary, got ${sourceEmbedding.vocabulary} source and ${vocabulary} target ids`,
      );
    }
    if (!(Number.isInteger(unknownId) && unknownId >= 0 && unknownId < vocabulary)) {
      throw new RangeError(`CopyTransformer: unknownId ${unknownId} is outside a vocabulary of ${vocabulary}`);
    }
    this.copy = new CopyMechanism({ features: 3 * dimension, vocabulary, extra });
    this.targetVocabulary = vocabulary + extra;
    this.padId = model.padId;
    this.maxLength = model.maxLength;
  }

  override forward(source: Tensor, target: Tensor): Tensor {
    return this.mix(source, this.known(target), (ids) => this.model.forward(this.known(source), ids)); // (B, T, V + X)
  }

  createCache(rows: number, length: number, sourceLength: number): CopyCache {
    const shape = [rows, sourceLength];
    const initialize = (): Tensor => zeros(shape, 'int32');
    const source = new Variable({ shape, dtype: 'int32', initialize, name: 'cache.source' });
    return new CopyCache(this.model.createCache(rows, length, sourceLength), source);
  }

  start(source: Tensor, cache: CopyCache): void {
    this.scope(() => {
      cache.source.assign(repeatRows(source, cache.source.shape[0]));
      this.model.start(this.known(source), cache.inner);
    });
  }

  next(ids: Tensor, cache: CopyCache): Tensor {
    return this.scope(() => {
      const step = (known: Tensor): Tensor => this.model.next(known.squeeze(1), cache.inner).unsqueeze(1); // (B, 1, V)
      return this.mix(cache.source.value, this.known(ids).unsqueeze(1), step).squeeze(1); // (B, V + X)
    });
  }

  /** `compute` gives the model's logits (B, T, V) for target ids (B, T). */
  private mix(source: Tensor, target: Tensor, compute: (target: Tensor) => Tensor): Tensor {
    const last = `decoder.layers.${this.model.decoder.layers.length - 1}.crossAttention`;
    const { output: logits, captured } = capture(
      this.model,
      { state: 'state', context: `${last}.output`, attention: `${last}.attention` } as const,
      () => compute(target),
    );
    const input = this.model.targetEmbedding.forward(target); // (B, T, D)
    const features = concat([captured.context, captured.state, input], -1); // (B, T, 3D)
    const attention = captured.attention.mean(1); // (B, T, S)
    const total = attention.sum(-1, { keep: true });
    return this.copy.forward(features, logits, attention.div(select(total.equal(0), 1, total)), source);
  }

  /** Ids that the model knows. */
  private known(ids: Tensor): Tensor {
    return select(ids.less(this.model.targetVocabulary), ids, this.options.unknownId);
  }
}
