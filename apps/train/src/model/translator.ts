import { padSequences } from '@qkv/data';
import { BeamDecoder, GreedyDecoder, type Hypothesis, type SequenceDecoder } from '@qkv/seq2seq';
import { tensor } from '@qkv/tensor';

import type { Decoding } from '../run/kind';
import { maxTargetFor, type TextModel } from './model';

/** Sources decoded at a time, at most. */
export const ROWS = 200;

/** Source lengths come in multiples of this: few shapes, little padding. */
const LENGTH_STEP = 8;

/** Source ids → target ids, in batches of equal shapes. */
export class Translator {
  /** Source length → decoder. */
  readonly #decoders = new Map<number, SequenceDecoder>();

  constructor(
    readonly model: TextModel,
    /** Texts decoded at a time. */
    readonly rows: number,
    /** Greedy by default. */
    readonly decoding: Decoding = { beams: 1 },
  ) {}

  /**
   * The target ids of each source, in their order; none is longer than `model.maxSource`. What the signal interrupts gives
   * only the results so far.
   */
  async translate(
    sources: readonly ArrayLike<number>[],
    options: { onProgress?: (done: number) => void; signal?: AbortSignal } = {},
  ): Promise<Int32Array[]> {
    const all = await this.translateAll(sources, options);
    return all.map(([best]) => best?.ids ?? new Int32Array());
  }

  /** For each source what its beams have found, best first: as many as there are beams, or fewer. */
  async translateAll(
    sources: readonly ArrayLike<number>[],
    { onProgress, signal }: { onProgress?: (done: number) => void; signal?: AbortSignal } = {},
  ): Promise<Hypothesis[][]> {
    const order = sources.map((_, i) => i).sort((a, b) => sources[a].length - sources[b].length || a - b);
    const results: Hypothesis[][] = [];
    for (let at = 0; at < order.length && !signal?.aborted; at += this.rows) {
      const batch = order.slice(at, at + this.rows);
      const longest = sources[batch.at(-1)!].length;
      const sourceLength = Math.max(LENGTH_STEP, Math.ceil(longest / LENGTH_STEP) * LENGTH_STEP);
      const rows = Array.from({ length: this.rows }, (_, row) => sources[batch[row]] ?? []);
      const source = tensor(padSequences(rows, sourceLength), [this.rows, sourceLength]);
      const decoded = await this.#decoder(sourceLength).decodeAll(source);
      batch.forEach((example, row) => {
        // Its own limit, not that of the longest in its batch: neighbours must not change a result.
        const longest = maxTargetFor(this.model, sources[example].length);
        results[example] = decoded[row].map(({ ids, finished, ...found }) => ({
          ...found,
          ids: ids.subarray(0, longest),
          finished: finished && ids.length <= longest,
        }));
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

  #decoder(sourceLength: number): SequenceDecoder {
    let decoder = this.#decoders.get(sourceLength);
    if (decoder === undefined) {
      const { module, codecs } = this.model;
      const options = {
        rows: this.rows,
        sourceLength,
        maxLength: maxTargetFor(this.model, sourceLength),
        startId: codecs.target.start,
        endId: codecs.target.end,
      };
      const { beams, lengthPenalty } = this.decoding;
      decoder =
        beams === 1
          ? new GreedyDecoder(module, options)
          : new BeamDecoder(module, { ...options, beams, lengthPenalty });
      this.#decoders.set(sourceLength, decoder);
    }
    return decoder;
  }
}
