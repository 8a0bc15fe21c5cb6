import { padSequences } from '@qkv/data';
import { GreedyDecoder } from '@qkv/seq2seq';
import { tensor } from '@qkv/tensor';

import { maxTargetFor, type TextModel } from './model';

/** Sources decoded at a time, at most. */
export const ROWS = 200;

/** Source lengths come in multiples of this: few shapes, little padding. */
const LENGTH_STEP = 8;

/** Source ids → target ids, by greedy decoding, in batches of equal shapes. */
export class Translator {
  /** Source length → decoder. */
  readonly #decoders = new Map<number, GreedyDecoder>();

  constructor(
    readonly model: TextModel,
    /** Texts decoded at a time. */
    readonly rows: number,
  ) {}

  /**
   * The target ids of each source, in their order; none is longer than `model.maxSource`. What the signal interrupts gives
   * only the results so far.
   */
  async translate(
    sources: readonly ArrayLike<number>[],
    { onProgress, signal }: { onProgress?: (done: number) => void; signal?: AbortSignal } = {},
  ): Promise<Int32Array[]> {
    const order = sources.map((_, i) => i).sort((a, b) => sources[a].length - sources[b].length || a - b);
    const results: Int32Array[] = [];
    for (let at = 0; at < order.length && !signal?.aborted; at += this.rows) {
      const batch = order.slice(at, at + this.rows);
      const longest = sources[batch.at(-1)!].length;
      const sourceLength = Math.max(LENGTH_STEP, Math.ceil(longest / LENGTH_STEP) * LENGTH_STEP);
      const rows = Array.from({ length: this.rows }, (_, row) => sources[batch[row]] ?? []);
      const source = tensor(padSequences(rows, sourceLength), [this.rows, sourceLength]);
      const decoded = await this.#decoder(sourceLength).decode(source);
      batch.forEach((example, row) => {
        // Its own limit, not that of the longest in its batch: neighbours must not change a result.
        results[example] = decoded[row].ids.subarray(0, maxTargetFor(this.model, sources[example].length));
      });
      onProgress?.(Math.min(at + this.rows, order.length));
    }
    return results;
  }

  /** Gives the memory of the caches back. */
  release(): void {
    for (const decoder of this.#decoders.values()) decoder.release();
    this.#decoders.clear();
  }

  #decoder(sourceLength: number): GreedyDecoder {
    let decoder = this.#decoders.get(sourceLength);
    if (decoder === undefined) {
      const { module, codecs } = this.model;
      decoder = new GreedyDecoder(module, {
        rows: this.rows,
        sourceLength,
        maxLength: maxTargetFor(this.model, sourceLength),
        startId: codecs.target.start,
        endId: codecs.target.end,
      });
      this.#decoders.set(sourceLength, decoder);
    }
    return decoder;
  }
}
