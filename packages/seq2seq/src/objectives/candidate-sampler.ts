import { tensor, type Tensor } from '@qkv/tensor';

import type { AutoregressiveModel } from '../decoding/autoregressive-model';
import { GreedyDecoder } from '../decoding/greedy';
import { SamplingDecoder, type SamplingOptions } from '../decoding/sampling';

export interface CandidateSamplerOptions extends SamplingOptions {
  /** Sequences drawn for each source. */
  readonly samples: number;
  readonly startId: number;
}

/** Sequences to be scored by the model, N = B·K of them: row b·K + k is candidate k of source b. */
export interface Candidates {
  /** int32 (N, T): START and what is before each target. */
  readonly inputs: Tensor;
  /** int32 (N, T): the ids and END, then padding. */
  readonly targets: Tensor;
  /** bool (B, K): which there are. Rows of padding have none. */
  readonly counts: Tensor;
  /** float32 (B, K): what the judge said. */
  readonly scores: Tensor;
}

/** Cost or reward of a sequence, without START and END, for the source of a row. */
export type Judge = (ids: Int32Array, row: number) => number;

/**
 * Draws sequences from a model and has them judged on the host, for objectives that no gradient reaches: what it gives
 * are arguments of the training step. T is `maxLength`. Filtered sampling (`topK` and its like) is for looking at, not for
 * these: they take the samples for the model's own.
 */
export class CandidateSampler {
  /** Counts calls, which every draw depends on. Set it when resuming. */
  step = 0;
  readonly #padId: number;
  readonly #sampling: SamplingDecoder;
  readonly #greedy: GreedyDecoder;

  constructor(
    model: AutoregressiveModel,
    readonly options: CandidateSamplerOptions,
  ) {
    const { padId } = model;
    // Padding in a target would not count.
    const own = { ...options, forbidden: [...(options.forbidden ?? []), padId] };
    this.#padId = padId;
    this.#sampling = new SamplingDecoder(model, own);
    this.#greedy = new GreedyDecoder(model, own);
  }

  /**
   * For `minimumRiskLoss`: of each source the reference and what is distinct of the samples, K = samples + 1, judged by
   * cost. Throws a RangeError if a reference has no room for END.
   */
  async candidates(source: Tensor, references: readonly ArrayLike<number>[], cost: Judge): Promise<Candidates> {
    const { rows, maxLength, samples } = this.options;
    if (references.length !== rows) {
      throw new RangeError(`CandidateSampler: expected a reference for each of ${rows} rows, got ${references.length}`);
    }
    const long = references.findIndex((reference) => reference.length >= maxLength);
    if (long >= 0) {
      throw new RangeError(
        `CandidateSampler: reference ${long} has ${references[long].length} ids, and END makes more than maxLength ${maxLength}; raise it, or leave the pair out`,
      );
    }
    const [drawn, present] = [await this.#draw(source), await this.#present(source)];
    const lists = drawn.map((list, row) => {
      if (!present[row]) return [];
      const distinct = new Map<string, Drawn>();
      for (const one of [{ ids: Int32Array.from(references[row]), finished: true }, ...list]) {
        const text = `${one.ids.join()} ${one.finished}`;
        if (!distinct.has(text)) distinct.set(text, one);
      }
      return [...distinct.values()];
    });
    return this.#lay(lists, samples + 1, cost);
  }

  /** For `selfCriticalLoss`: of each source K = samples sequences, judged by reward, and the rewards of greedy decoding, (B). */
  async samples(source: Tensor, reward: Judge): Promise<Candidates & { readonly baselines: Tensor }> {
    const [drawn, greedy] = [await this.#draw(source), await this.#greedy.decode(source)];
    const present = await this.#present(source);
    const lists = drawn.map((list, row) => (present[row] ? list : []));
    const baselines = greedy.map(({ ids }, row) => (present[row] ? checked(reward(ids, row), row) : 0));
    return { ...this.#lay(lists, this.options.samples, reward), baselines: tensor(Float32Array.from(baselines)) };
  }

  /** Gives the memory of the decoders back. */
  release(): void {
    this.#sampling.release();
    this.#greedy.release();
  }

  #draw(source: Tensor): Promise<readonly (readonly Drawn[])[]> {
    const { rows } = this.options;
    const first = this.step++ * rows;
    return this.#sampling.decodeAll(source, { streams: Int32Array.from({ length: rows }, (_, row) => first + row) });
  }

  /** Which rows are not padding from end to end. */
  async #present(source: Tensor): Promise<boolean[]> {
    const { rows, sourceLength } = this.options;
    const ids = await source.data();
    return Array.from({ length: rows }, (_, row) =>
      ids.subarray(row * sourceLength, (row + 1) * sourceLength).some((id) => id !== this.#padId),
    );
  }

  #lay(lists: readonly (readonly Drawn[])[], K: number, judge: Judge): Candidates {
    const { rows, maxLength: T, startId, endId } = this.options;
    const N = rows * K;
    const [inputs, targets] = [new Int32Array(N * T).fill(this.#padId), new Int32Array(N * T).fill(this.#padId)];
    const [counts, scores] = [new Uint8Array(N), new Float32Array(N)];
    lists.forEach((list, row) =>
      list.forEach(({ ids, finished }, k) => {
        const n = row * K + k;
        inputs[n * T] = startId;
        inputs.set(ids.subarray(0, T - 1), n * T + 1);
        targets.set(ids, n * T);
        if (finished) targets[n * T + ids.length] = endId;
        counts[n] = 1;
        scores[n] = checked(judge(ids, row), row);
      }),
    );
    return {
      inputs: tensor(inputs, [N, T]),
      targets: tensor(targets, [N, T]),
      counts: tensor(counts, [rows, K], 'bool'),
      scores: tensor(scores, [rows, K]),
    };
  }
}

interface Drawn {
  readonly ids: Int32Array;
  /** Whether END follows. */
  readonly finished: boolean;
}

/** One number that is none would spoil all weights. */
function checked(score: number, row: number): number {
  if (Number.isFinite(score)) return score;
  throw new RangeError(
    `CandidateSampler: the judge says ${score} of a sequence of row ${row}; expected a finite number`,
  );
}
