import { Parameter, type Shape, type Tensor } from '@qkv/tensor';

import { expectSize } from './check';
import { type Initializer, normal } from './initializers';
import { Module } from './module';

export interface EmbeddingOptions<D extends number> {
  /** Number of rows: ids run from 0 to vocabulary − 1. */
  readonly vocabulary: number;
  /** Size of a row. */
  readonly dimension: D;
  /** First rows; N(0, 1) by default, as torch's. */
  readonly initializer?: Initializer;
}

/**
 * Row `id` of a table, which is onehot(id) · E.
 *
 * ids int32 (…) → (…, dimension). An id outside the table fails the run, naming it.
 */
export class Embedding<const D extends number = number> extends Module {
  readonly vocabulary: number;
  readonly dimension: D;
  readonly weight: Parameter;

  constructor(options: EmbeddingOptions<D>) {
    super();
    const { vocabulary, dimension, initializer = normal() } = options;
    expectSize('Embedding', 'vocabulary', vocabulary);
    expectSize('Embedding', 'dimension', dimension);
    this.vocabulary = vocabulary;
    this.dimension = dimension;
    this.weight = new Parameter({
      shape: [vocabulary, dimension],
      initialize: () => initializer([vocabulary, dimension]),
    });
  }

  override forward<S extends Shape>(ids: Tensor<S>): Tensor<readonly [...S, D]> {
    return this.weight.value.gather(ids) as unknown as Tensor<readonly [...S, D]>; // (…, D)
  }
}
