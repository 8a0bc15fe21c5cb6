import type { KeyValueCache } from '@qkv/attention';
import { type Tensor, Variable, zeros } from '@qkv/tensor';

import type { DecodingCache } from '../decoding/autoregressive-model';
import { advance } from './advance';

/** Where decoding with a decoder-only model is: keys and values of the prompt and of what has followed. */
export class CausalCache implements DecodingCache {
  /** Int32 scalar: how many tokens have followed the prompt. */
  readonly position: Variable;
  /** int32 (B): how much padding is before each row's first token. */
  readonly padding: Variable;

  constructor(
    readonly layers: readonly KeyValueCache[],
    readonly rows: number,
    /** P, of the prompt. */
    readonly sourceLength: number,
    /** Most tokens after the prompt. */
    readonly length: number,
  ) {
    const integers = (name: string, shape: number[]): Variable =>
      new Variable({ shape, dtype: 'int32', initialize: () => zeros(shape, 'int32'), name: `cache.${name}` });
    this.position = integers('position', []);
    this.padding = integers('padding', [rows]);
  }

  begin(padding: Tensor): void {
    this.position.assign(zeros([], 'int32'));
    this.padding.assign(padding);
  }

  /** The current position, and on to the next. Past the end the run fails, before anything is written. */
  advance(): Tensor {
    return advance(this.position, this.length, 'CausalCache');
  }

  /** See `DecodingCache`. The padding is the same for all rows that have read one prompt. */
  reorder(parents: Tensor): void {
    for (const layer of this.layers) layer.reorder(parents);
  }

  variables(): Variable[] {
    return [this.position, this.padding, ...this.layers.flatMap((layer) => layer.variables())];
  }

  /** Gives the memory back. */
  release(): void {
    for (const variable of this.variables()) variable.release();
  }
}
