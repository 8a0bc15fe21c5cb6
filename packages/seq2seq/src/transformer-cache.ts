import type { DecoderCache } from '@qkv/attention';
import { type Tensor, Variable, zeros } from '@qkv/tensor';

import { type DecodingCache, repeatRows } from './decoding/autoregressive-model';
import { advance } from './models/advance';

/** Where decoding is: the position, keys and values of each decoder layer, and what of the source is padding. */
export class TransformerCache implements DecodingCache {
  /** Int32 scalar: how many tokens have been seen. */
  readonly position: Variable;
  /** (B, 1, 1, S) */
  readonly memoryMask: Variable;

  constructor(
    readonly layers: DecoderCache,
    readonly rows: number,
    readonly sourceLength: number,
    /** Most tokens of a sequence. */
    readonly length: number,
  ) {
    const shape = [rows, 1, 1, sourceLength];
    this.position = new Variable({
      shape: [],
      dtype: 'int32',
      initialize: () => zeros([], 'int32'),
      name: 'cache.position',
    });
    this.memoryMask = new Variable({
      shape,
      dtype: 'bool',
      initialize: () => zeros(shape, 'bool'),
      name: 'cache.memoryMask',
    });
  }

  begin(memoryMask: Tensor): void {
    this.position.assign(zeros([], 'int32'));
    this.memoryMask.assign(repeatRows(memoryMask, this.rows));
  }

  /** The current position, and on to the next. Past the end the run fails, before anything is written. */
  advance(): Tensor {
    return advance(this.position, this.length, 'TransformerCache');
  }

  /** See `DecodingCache`. What was made of the source is the same for all rows that have read it, and stays. */
  reorder(parents: Tensor): void {
    for (const { self } of this.layers) self.reorder(parents);
  }

  variables(): Variable[] {
    const caches = this.layers.flatMap(({ self, cross }) => [self, cross]);
    return [this.position, this.memoryMask, ...caches.flatMap((cache) => cache.variables())];
  }

  /** Gives the memory back. */
  release(): void {
    for (const variable of this.variables()) variable.release();
  }
}
