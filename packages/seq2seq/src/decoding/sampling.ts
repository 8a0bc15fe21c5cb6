import { concat, full, logSoftmax, stack, type Tensor, tensor, uniformAt, type Variable } from '@qkv/tensor';

import type { AutoregressiveModel } from './autoregressive-model';
import { compose, constraintsOf, expectCount, type LogitProcessor } from './logit-processors';
import { keepMinP, keepTopK, keepTopP, temperature } from './sampling-filters';
import { type DecodeCall, type DecoderOptions, SequenceDecoder } from './sequence-decoder';
import { stateVariable } from './state-variable';
import { TokenSearch, type TokenSearchOptions } from './token-search';

export interface SamplingOptions extends DecoderOptions {
  /** Sequences drawn for each source; 1. */
  readonly samples?: number;
  /** Together with `streams` it fixes every draw; 0. */
  readonly seed?: number;
  /** See `temperature`; 1, the model's own distribution. */
  readonly temperature?: number;
  /** See `keepTopK`; off by default, as are the next two: each cuts a tail that the model may not mean, or may. */
  readonly topK?: number;
  /** See `keepTopP`. */
  readonly topP?: number;
  /** See `keepMinP`. */
  readonly minP?: number;
}

export interface SamplingCall extends DecodeCall {
  /**
   * A number for each row, int32: rows with equal sources and equal numbers draw alike, wherever they stand in whichever
   * batch. 0 … B−1 by default; give texts of a larger set their own.
   */
  readonly streams?: ArrayLike<number>;
}

/** Of the generator's stream of the first sample; the others' follow. An arbitrary number, never to change. */
const SITE = 0x5eed0000;

class Sampler extends TokenSearch<SamplingCall> {
  /** Seed low, seed high. */
  readonly #seed: readonly [number, number];
  /** int32 (B) */
  readonly #streams: Variable;

  constructor(private readonly sampler: TokenSearchOptions & { readonly seed: number }) {
    super(sampler);
    const { seed, rows } = sampler;
    this.#seed = [seed | 0, Math.floor(seed / 2 ** 32)];
    this.#streams = stateVariable('sampling.streams', [rows], 'int32');
  }

  override variables(): Variable[] {
    return [...super.variables(), this.#streams];
  }

  override inputs({ streams }: SamplingCall): Tensor[] {
    const { rows } = this.sampler;
    if (streams !== undefined && streams.length !== rows) {
      throw new RangeError(`SamplingDecoder: expected a stream for each of ${rows} rows, got ${streams.length}`);
    }
    return [tensor(Int32Array.from({ length: rows }, (_, row) => streams?.[row] ?? row))];
  }

  override begin(silent: Tensor, streams: Tensor): void {
    super.begin(silent);
    this.#streams.assign(streams);
  }

  /**
   * Gumbel-max (Gumbel 1954): argmax_v x_v − log(−log u_v) falls on v with probability softmax(x)_v. Each row has a
   * counter of its own. u has 24 bits: what is less likely than about 2⁻²⁴ is not drawn.
   */
  protected override perturb(logits: Tensor, length: Tensor): Tensor {
    const { rows, width } = this.sampler;
    const [low, high] = this.#seed;
    const V = logits.shape[1];
    const seed = [full([1], low, 'int32'), full([1], high, 'int32')];
    const noise = Array.from({ length: rows * width }, (_, n) => {
      const stream = this.#streams.value.slice([Math.floor(n / width)], [1]);
      return uniformAt([V], SITE + (n % width), concat([...seed, length.reshape([1]), stream]));
    });
    const u = stack(noise).maximum(2 ** -25); // (N, V); log 0 would forbid a token
    return logits.sub(u.log().neg().log());
  }

  protected override scores(_: Tensor, __: Tensor, processed: Tensor): Tensor {
    return logSoftmax(processed);
  }
}

/**
 * Sampling: y_t is drawn from softmax of the processed logits until END. A hypothesis' score is the log-probability with
 * which it was drawn, its `logProbability` the model's own.
 */
export class SamplingDecoder extends SequenceDecoder<SamplingCall> {
  constructor(model: AutoregressiveModel, options: SamplingOptions) {
    const { samples = 1, seed = 0 } = options;
    expectCount('SamplingDecoder: samples', samples, 1);
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new RangeError(`SamplingDecoder: seed must be an integer from 0 to 2⁵³−1, got ${seed}`);
    }
    const process = compose([...constraintsOf(options), ...filtersOf(options)]);
    const { padId } = model;
    super(
      'SamplingDecoder',
      model,
      options,
      new Sampler({ ...options, name: 'sampling', width: samples, padId, process, seed }),
    );
  }
}

function filtersOf({ temperature: T = 1, topK, topP, minP }: SamplingOptions): LogitProcessor[] {
  return [
    ...(T === 1 ? [] : [temperature(T)]),
    ...(topK === undefined ? [] : [keepTopK(topK)]),
    ...(topP === undefined ? [] : [keepTopP(topP)]),
    ...(minP === undefined ? [] : [keepMinP(minP)]),
  ];
}
