import { compile, type Compiled, type Engine, full, select, type Tensor, Variable, writeAt, zeros } from '@qkv/tensor';

import type { Transformer } from '../transformer';
import type { TransformerCache } from '../transformer-cache';

export interface GreedyOptions {
  /** Most tokens that are generated. */
  readonly maxLength: number;
  /** Id of START, which every target begins with. */
  readonly startId: number;
  /** Id of END, after which nothing follows. */
  readonly endId: number;
  /** Where to compute; where the model is, or the default engine. */
  readonly engine?: Engine;
}

export interface GreedyDecoderOptions extends GreedyOptions {
  /** Rows of a batch, B: always the same, filled up with rows of padding. */
  readonly rows: number;
  /** Length of the sources, S: always the same, filled up with padding. */
  readonly sourceLength: number;
}

/**
 * Greedy decoding, y_t = argmax p(y | y_<t, x) until END, with a key-value cache. Every batch runs the same plan, once per
 * token, until all rows have finished, without coming back to the host between: tokens, flags and the position stay on the
 * device.
 */
export class GreedyDecoder {
  readonly #cache: TransformerCache;
  /** The token that each row puts in next, int32 (B). */
  readonly #last: Variable;
  /** bool (B). */
  readonly #finished: Variable;
  /** What was generated, END where nothing is: int32 (B, maxLength). */
  readonly #tokens: Variable;
  readonly #start: (source: Tensor) => Promise<void>;
  /** 1 when all rows have finished. */
  readonly #step: Compiled<[], Tensor>;
  readonly #result: () => Promise<Tensor>;
  /** Settles, and never rejects, when the calls so far are done: they share one cache. */
  #tail: Promise<unknown> = Promise.resolve();
  /** Calls that are not done. */
  #calls = 0;

  constructor(
    model: Transformer,
    readonly options: GreedyDecoderOptions,
  ) {
    const { rows, sourceLength, maxLength, startId, endId, engine } = options;
    if (!Number.isInteger(maxLength) || maxLength < 1)
      throw new RangeError(`GreedyDecoder: maxLength must be a positive integer, got ${maxLength}`);
    const { padId } = model;
    const cache = model.createCache(rows, maxLength, sourceLength);
    const state = (name: string, dtype: 'int32' | 'bool', shape = [rows]): Variable =>
      new Variable({ shape, dtype, initialize: () => zeros(shape, dtype), name: `greedy.${name}` });
    const last = state('last', 'int32');
    const finished = state('finished', 'bool');
    const tokens = state('tokens', 'int32', [rows, maxLength]);

    this.#start = compile(
      (source: Tensor): void => {
        model.start(source, cache);
        last.assign(full([rows], startId, 'int32'));
        tokens.assign(full([rows, maxLength], endId, 'int32'));
        finished.assign(source.notEqual(padId).max(-1).not()); // rows of padding have nothing to say
      },
      { frozen: true, engine },
    );
    this.#step = compile(
      () => {
        const position = cache.position.value;
        const best = model.next(last.value, cache).argMax(); // (B, V) → (B)
        const done = finished.value;
        const next = done.or(best.equal(endId));
        last.assign(select(done, padId, best));
        finished.assign(next);
        tokens.assign(writeAt(tokens.value, select(done, endId, best).unsqueeze(1), position, 1));
        return next.min();
      },
      { frozen: true, engine },
    );
    this.#result = compile(() => tokens.value, { frozen: true, engine });
    this.#cache = cache;
    this.#last = last;
    this.#finished = finished;
    this.#tokens = tokens;
  }

  /**
   * Source ids (B, S) → for each row what was generated before END: no START, no END, at most `maxLength` ids. Calls that
   * overlap run one after the other.
   */
  async decode(source: Tensor): Promise<Int32Array[]> {
    const { rows, sourceLength } = this.options;
    if (source.shape[0] !== rows || source.shape[1] !== sourceLength) {
      throw new RangeError(`GreedyDecoder: expected ids [${rows}, ${sourceLength}], got [${source.shape.join(', ')}]`);
    }
    this.#calls++;
    const result = this.#tail.then(() => this.#decode(source)).finally(() => this.#calls--);
    // What a failed run has left in the cache is uncertain: the next call begins with another.
    this.#tail = result.catch(() => this.#free());
    return result;
  }

  async #decode(source: Tensor): Promise<Int32Array[]> {
    const { rows, maxLength, endId } = this.options;
    await this.#start(source);
    await this.#step.repeat(maxLength);
    const tokens = await (await this.#result()).data(); // (B, maxLength)
    return Array.from({ length: rows }, (_, row) => {
      const ids = Int32Array.from(tokens.subarray(row * maxLength, (row + 1) * maxLength));
      const end = ids.indexOf(endId);
      return end < 0 ? ids : ids.slice(0, end);
    });
  }

  /** Gives the memory of the cache back, once all calls are done; the next call takes new memory. */
  release(): void {
    if (this.#calls === 0) this.#free();
    else this.#tail = this.#tail.then(() => this.#free());
  }

  #free(): void {
    this.#cache.release();
    this.#last.release();
    this.#finished.release();
    this.#tokens.release();
  }
}

/** Decodes one batch, source ids (B, S): see `GreedyDecoder`, which is the one to keep for many batches of equal shape. */
export async function greedyDecode(model: Transformer, source: Tensor, options: GreedyOptions): Promise<Int32Array[]> {
  const [rows, sourceLength] = source.shape;
  const decoder = new GreedyDecoder(model, { ...options, rows, sourceLength });
  try {
    return await decoder.decode(source);
  } finally {
    decoder.release();
  }
}
