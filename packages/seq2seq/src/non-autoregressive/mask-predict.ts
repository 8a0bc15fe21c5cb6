import {
  arange,
  compile,
  type Compiled,
  constant,
  type Engine,
  full,
  type HostData,
  logSoftmax,
  select,
  type Tensor,
  topK,
  type Variable,
  zeros,
} from '@qkv/tensor';

import { repeatRows } from '../decoding/autoregressive-model';
import type { Hypothesis } from '../decoding/hypothesis';
import { expectCount } from '../decoding/logit-processors';
import type { DecodeCall } from '../decoding/sequence-decoder';
import { stateVariable } from '../decoding/state-variable';
import { Turns } from '../decoding/turns';
import { smallest } from './mask-targets';
import type { NonAutoregressiveTransformer } from './non-autoregressive-transformer';

export interface MaskPredictOptions {
  /** Rows of a batch, B: always the same, filled up with rows of padding. */
  readonly rows: number;
  /** Length of the sources, S: always the same, filled up with padding. */
  readonly sourceLength: number;
  /** Longest target, L. */
  readonly maxLength: number;
  /** T: passes of the decoder; 10, as in the paper. 1 predicts everything at once and leaves it at that. */
  readonly iterations?: number;
  /** Lengths that are tried for each source, the likeliest; 1. The paper takes up to 5. */
  readonly lengthBeams?: number;
  /** Ids that are never said; MASK and padding never are. */
  readonly forbidden?: readonly number[];
  /** Where to compute; where the model is, or the default engine. */
  readonly engine?: Engine;
}

/**
 * Mask-predict (Ghazvininejad et al. 2019, section 4): all tokens are masked at first; T times all masked ones are
 * predicted at once, y_i = argmax p(y_i | the others, x), and before pass t = 1 … T − 1 the n = ⌊N (T − t)/T⌋ least probable
 * are masked again, of equals the first. Of several lengths that with the highest mean of log p_i wins, which is a
 * hypothesis' score; its `logProbability` is their sum, each under the pass that has predicted it.
 */
export class MaskPredictDecoder {
  readonly #turns = new Turns(() => this.#free());
  readonly #variables: readonly Variable[];
  readonly #begin: (source: Tensor) => Promise<void>;
  readonly #pass: Compiled<[], Tensor>;
  readonly #state: () => Promise<Tensor[]>;
  readonly #endId: number | undefined;
  /** Whether lengths are. */
  readonly #isPredicted: boolean;
  readonly #width: number;
  readonly #iterations: number;

  constructor(
    model: NonAutoregressiveTransformer,
    readonly options: MaskPredictOptions,
  ) {
    const { rows: B, sourceLength: S, maxLength: L, engine } = options;
    const { iterations = 10, lengthBeams: width = 1, forbidden = [] } = options;
    const { transformer, maskId, padId } = model;
    const { dimension, targetVocabulary: V } = transformer;
    checkOptions(model, options);
    this.#endId = model.endId;
    this.#isPredicted = model.lengthPredictor !== null;
    this.#width = width;
    this.#iterations = iterations;
    const R = B * width;
    const memory = stateVariable('maskPredict.memory', [R, S, dimension]);
    const memoryMask = stateVariable('maskPredict.memoryMask', [R, 1, 1, S], 'bool');
    /** How long each sequence is; 0 for sources of padding. */
    const lengths = stateVariable('maskPredict.lengths', [R], 'int32');
    /** int32 (R, L), padding after the length. */
    const tokens = stateVariable('maskPredict.tokens', [R, L], 'int32');
    /** log p of each token, (R, L). */
    const logs = stateVariable('maskPredict.logProbabilities', [R, L]);
    /** t, an int32 scalar. */
    const passes = stateVariable('maskPredict.passes', [], 'int32');
    this.#variables = [memory, memoryMask, lengths, tokens, logs, passes];
    const silenced = new Set([...forbidden, maskId, padId]);
    const allowed = constant(
      Uint8Array.from({ length: V }, (_, id) => Number(!silenced.has(id))),
      [V],
    );
    const presence = (): Tensor => arange(L).less(lengths.value.unsqueeze(1)); // (R, L)

    this.#begin = compile(
      (source: Tensor): void => {
        const encoded = transformer.encode(source);
        const mask = transformer.sourceMask(source);
        const silent = repeatRows(source.notEqual(padId).max(-1).not(), R);
        const chosen =
          model.lengthPredictor === null
            ? full([R], L, 'int32')
            : topK(model.lengthLogits(encoded, mask).slice([0, 0], [B, L]), width)
                .ids.add(1)
                .reshape([R]);
        memory.assign(repeatRows(encoded, R));
        memoryMask.assign(repeatRows(mask, R));
        lengths.assign(select(silent, 0, chosen));
        tokens.assign(full([R, L], padId, 'int32'));
        logs.assign(zeros([R, L]));
        passes.assign(zeros([], 'int32'));
      },
      { frozen: true, engine },
    );
    this.#pass = compile(
      () => {
        const t = passes.value;
        const present = presence();
        // N (T − t)/T: a quotient of integers, which float32 gives exactly where it is one.
        const n = lengths.value
          .mul(full([], iterations, 'int32').sub(t))
          .cast('float32')
          .div(iterations)
          .floor();
        const masked = smallest(logs.value, present, n.cast('int32').unsqueeze(1)); // (R, L)
        const input = select(present, select(masked, maskId, tokens.value), padId);
        const log = logSoftmax(model.predict(input, memory.value, memoryMask.value)); // (R, L, V)
        const possible = select(allowed, log, -Infinity);
        tokens.assign(select(masked, possible.argMax(), tokens.value));
        logs.assign(select(masked, possible.max(-1), logs.value));
        passes.assign(t.add(1));
        return zeros([], 'bool');
      },
      { frozen: true, engine },
    );
    this.#state = compile(() => [tokens.value, logs.value, lengths.value], { frozen: true, engine });
  }

  /** Source ids (B, S) → the best sequence for each row; what a row of padding gives is empty. */
  async decode(source: Tensor, call: DecodeCall = {}): Promise<Hypothesis[]> {
    return (await this.decodeAll(source, call)).map(([best]) => best);
  }

  /** Source ids (B, S) → for each row its sequences of all lengths that were tried, best first. */
  async decodeAll(source: Tensor, { signal }: DecodeCall = {}): Promise<Hypothesis[][]> {
    this.#check(source);
    return this.#turns.run(async () => {
      signal?.throwIfAborted();
      await this.#begin(source);
      // A signal may come between passes; without one nothing comes back before the last.
      if (signal === undefined) await this.#pass.repeat(this.#iterations);
      else await this.#passByPass(signal);
      return this.#hypotheses();
    });
  }

  /** Gives the best sequence of each row after each pass, as it then stands: later passes may change any of its ids. */
  async *stream(source: Tensor, { signal }: DecodeCall = {}): AsyncGenerator<readonly Int32Array[], void, undefined> {
    this.#check(source);
    const passByPass = async function* (
      this: MaskPredictDecoder,
    ): AsyncGenerator<readonly Int32Array[], void, undefined> {
      signal?.throwIfAborted();
      await this.#begin(source);
      for (let t = 0; t < this.#iterations; t++) {
        signal?.throwIfAborted();
        await this.#pass();
        yield (await this.#hypotheses()).map(([{ ids }]) => ids);
      }
    };
    yield* this.#turns.stream(() => passByPass.call(this));
  }

  /** Gives the memory back, once all calls are done; the next call takes new memory. */
  release(): void {
    this.#turns.release();
  }

  async #passByPass(signal: AbortSignal): Promise<void> {
    for (let t = 0; t < this.#iterations; t++) {
      signal.throwIfAborted();
      await this.#pass();
    }
  }

  async #hypotheses(): Promise<Hypothesis[][]> {
    const { rows } = this.options;
    const [tokens, logs, lengths] = await Promise.all((await this.#state()).map((part) => part.data()));
    return Array.from({ length: rows }, (_, row) => {
      const found = Array.from({ length: this.#width }, (__, i) =>
        this.#hypothesis(tokens, logs, lengths, row * this.#width + i),
      );
      return found.sort((a, b) => b.score - a.score); // stable: of equals the likelier length
    });
  }

  #hypothesis(tokens: HostData, logs: HostData, lengths: HostData, n: number): Hypothesis {
    const { maxLength: L } = this.options;
    const said = Int32Array.from(tokens.subarray(n * L, n * L + lengths[n]));
    const end = this.#endId === undefined ? -1 : said.indexOf(this.#endId);
    const counted = end < 0 ? said.length : end + 1;
    let logProbability = 0;
    for (let i = 0; i < counted; i++) logProbability += logs[n * L + i];
    return {
      ids: end < 0 ? said : said.slice(0, end),
      logProbability,
      score: counted === 0 ? 0 : logProbability / counted,
      finished: end >= 0 || this.#isPredicted || said.length === 0,
    };
  }

  #check(source: Tensor): void {
    const { rows, sourceLength } = this.options;
    if (source.rank !== 2 || source.shape[0] !== rows || source.shape[1] !== sourceLength) {
      throw new RangeError(
        `MaskPredictDecoder: expected ids [${rows}, ${sourceLength}], got [${source.shape.join(', ')}]`,
      );
    }
  }

  #free(): void {
    for (const variable of this.#variables) variable.release();
  }
}

function checkOptions(model: NonAutoregressiveTransformer, options: MaskPredictOptions): void {
  const { rows, sourceLength, maxLength, iterations = 10, lengthBeams = 1, forbidden = [] } = options;
  const what = 'MaskPredictDecoder';
  for (const [option, value] of Object.entries({ rows, sourceLength, maxLength, iterations, lengthBeams })) {
    expectCount(`${what}: ${option}`, value, 1);
  }
  const { transformer, maxTargetLength, lengthPredictor } = model;
  if (sourceLength > transformer.maxLength) {
    throw new RangeError(
      `${what}: sources of ${sourceLength} ids exceed the model's maxLength ${transformer.maxLength}`,
    );
  }
  if (maxLength > maxTargetLength) {
    throw new RangeError(`${what}: maxLength ${maxLength} exceeds the model's maxTargetLength ${maxTargetLength}`);
  }
  const most = lengthPredictor === null ? 1 : maxLength;
  if (lengthBeams > most) {
    throw new RangeError(
      `${what}: ${lengthBeams} lengthBeams, but there are ${lengthPredictor === null ? 'no lengths to choose from: the result is cut at END' : `${most} lengths`}`,
    );
  }
  const V = transformer.targetVocabulary;
  const outside = forbidden.find((id) => !Number.isInteger(id) || id < 0 || id >= V);
  if (outside !== undefined) throw new RangeError(`${what}: forbidden id ${outside} is outside a vocabulary of ${V}`);
  if (new Set([...forbidden, model.maskId, model.padId]).size >= V) {
    throw new RangeError(`${what}: all ${V} ids are forbidden, so that nothing can be said; leave at least one`);
  }
}
