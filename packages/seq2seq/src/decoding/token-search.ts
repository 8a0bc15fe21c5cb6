import { full, type HostData, logSoftmax, select, type Tensor, type Variable, writeAt, zeros } from '@qkv/tensor';

import { repeatRows } from './autoregressive-model';
import { type Hypothesis, idsOfRow } from './hypothesis';
import type { LogitProcessor } from './logit-processors';
import { pickOne } from './rows';
import type { DecodeCall, Search } from './sequence-decoder';
import { stateVariable } from './state-variable';

export interface TokenSearchOptions {
  readonly name: string;
  readonly rows: number;
  readonly width: number;
  readonly maxLength: number;
  readonly endId: number;
  readonly padId: number;
  readonly process: LogitProcessor;
}

/** One token after the other for each sequence, none of which is taken back: argmax of what `perturb` makes of the logits. */
export abstract class TokenSearch<Call extends DecodeCall = DecodeCall> implements Search<Call> {
  readonly width: number;
  readonly last: Variable;
  /** Nothing is added any more: bool (N), N = B·n. */
  readonly #done: Variable;
  /** END was reached: bool (N). */
  readonly #ended: Variable;
  /** What was generated, END where nothing is: int32 (N, L). */
  readonly #tokens: Variable;
  /** (N) */
  readonly #score: Variable;
  /** (N) */
  readonly #logProbability: Variable;

  constructor(private readonly options: TokenSearchOptions) {
    const { name, rows, width, maxLength } = options;
    const N = rows * width;
    this.width = width;
    this.last = stateVariable(`${name}.last`, [N], 'int32');
    this.#done = stateVariable(`${name}.done`, [N], 'bool');
    this.#ended = stateVariable(`${name}.ended`, [N], 'bool');
    this.#tokens = stateVariable(`${name}.tokens`, [N, maxLength], 'int32');
    this.#score = stateVariable(`${name}.score`, [N]);
    this.#logProbability = stateVariable(`${name}.logProbability`, [N]);
  }

  /** Logits (N, V), processed, after `length` tokens → what the argmax is taken of. */
  protected abstract perturb(logits: Tensor, length: Tensor): Tensor;
  /** What a choice adds to the score: (N, V), from log p and the logits before and after the processors. */
  protected abstract scores(logProbabilities: Tensor, logits: Tensor, processed: Tensor): Tensor;

  variables(): Variable[] {
    return [this.last, this.#done, this.#ended, this.#tokens, this.#score, this.#logProbability];
  }

  inputs(_call: Call): Tensor[] {
    return [];
  }

  begin(silent: Tensor, ..._inputs: Tensor[]): void {
    const { rows, width, maxLength, endId } = this.options;
    const N = rows * width;
    const done = repeatRows(silent, N);
    this.#done.assign(done);
    this.#ended.assign(done);
    this.#tokens.assign(full([N, maxLength], endId, 'int32'));
    this.#score.assign(zeros([N]));
    this.#logProbability.assign(zeros([N]));
  }

  step(logits: Tensor, length: Tensor): Tensor {
    const { endId, padId, process } = this.options;
    const processed = process(logits, { tokens: this.#tokens.value, length, endId }); // (N, V)
    const best = this.perturb(processed, length).argMax(); // (N)
    const stopped = this.#done.value.or(pickOne(processed, best).equal(-Infinity)); // nothing is allowed
    const ends = best.equal(endId).and(stopped.not());
    const done = stopped.or(ends);
    const logProbabilities = logSoftmax(logits);
    const add = (total: Variable, terms: Tensor): void =>
      total.assign(total.value.add(select(stopped, 0, pickOne(terms, best))));
    add(this.#score, this.scores(logProbabilities, logits, processed));
    add(this.#logProbability, logProbabilities);
    this.#tokens.assign(writeAt(this.#tokens.value, select(stopped, endId, best).unsqueeze(1), length, 1));
    this.#ended.assign(this.#ended.value.or(ends));
    this.#done.assign(done);
    this.last.assign(select(done, padId, best));
    return done.min();
  }

  state(): Tensor[] {
    return [this.#tokens.value, this.#ended.value, this.#score.value, this.#logProbability.value];
  }

  hypotheses([tokens, ended, score, logProbability]: readonly HostData[]): Hypothesis[][] {
    const { rows, width, maxLength, endId } = this.options;
    return Array.from({ length: rows }, (_, row) =>
      Array.from({ length: width }, (_, i) => {
        const n = row * width + i;
        return {
          ids: idsOfRow(tokens, n, maxLength, endId),
          logProbability: logProbability[n],
          score: score[n],
          finished: ended[n] !== 0,
        };
      }),
    );
  }

  settled([tokens]: readonly HostData[], steps: number): Int32Array[] {
    const { rows, width, maxLength, endId } = this.options;
    return Array.from({ length: rows }, (_, row) => idsOfRow(tokens, row * width, maxLength, endId).subarray(0, steps));
  }
}

/**
 * What a search adds to a score for each token: log p, moved by as much as the processors move the logit. Forbidding some
 * tokens so leaves the others' log p as it is.
 */
export function searchScores(logProbabilities: Tensor, logits: Tensor, processed: Tensor): Tensor {
  if (processed === logits) return logProbabilities;
  // −∞ that stays −∞ has not moved.
  return logProbabilities.add(select(processed.equal(logits), 0, processed.sub(logits)));
}
