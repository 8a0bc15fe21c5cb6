import {
  arange,
  concat,
  constant,
  full,
  select,
  stack,
  type Tensor,
  topK,
  type Variable,
  writeAt,
  zeros,
} from '@qkv/tensor';

import { pick } from './rows';
import { stateVariable } from './state-variable';

export type StopRule = 'exact' | 'first' | 'never';

export interface BeamGroupOptions {
  readonly name: string;
  /** B. */
  readonly rows: number;
  /** K. */
  readonly beams: number;
  /** L. */
  readonly maxLength: number;
  readonly endId: number;
  readonly padId: number;
  /** α of ((5 + n)/6)^α. */
  readonly lengthPenalty: number;
  readonly stop: StopRule;
  /** How many of the best must be certain for `exact`. */
  readonly wanted: number;
}

/** What one step is given. */
export interface BeamStep {
  /** What each token adds to the score: (B, K, V). */
  readonly scores: Tensor;
  /** log p of each token: (B, K, V). */
  readonly logProbabilities: Tensor;
  /** What each token adds to the value that beams are chosen by, on top of the score: (B, 1, V). */
  readonly bonus?: Tensor;
  /** Tokens before, an int32 scalar. */
  readonly length: Tensor;
}

/** What a step has chosen. */
export interface BeamChoice {
  /** Beam that each beam goes on from, 0 … K−1: int32 (B, K). */
  readonly parents: Tensor;
  /** int32 (B, K). */
  readonly tokens: Tensor;
  /** Which beams there are: bool (B, K). */
  readonly alive: Tensor;
  /** Which sources need no further steps of this group: bool (B, 1). */
  readonly done: Tensor;
}

/** Columns of the totals of a beam. */
const [CHOSEN_BY, SCORE, LOG_PROBABILITY] = [0, 1, 2];
const COLUMNS = 3;

/**
 * Beams that compete with each other, K for each source, and the K best sequences that have ended. A beam that does not
 * exist (yet), or of a source that is done, has totals of −∞.
 */
export class BeamGroup {
  /** (B, K, 3): see the columns. */
  readonly #totals: Variable;
  /** int32 (B, K, L). */
  readonly #tokens: Variable;
  /** Ended: length-penalised score and log-probability, best first, −∞ where there is none: (B, K, 2). */
  readonly #ended: Variable;
  /** int32 (B, K, L), END where nothing is. */
  readonly #endedTokens: Variable;

  constructor(private readonly options: BeamGroupOptions) {
    const { name, rows, beams, maxLength } = options;
    this.#totals = stateVariable(`${name}.totals`, [rows, beams, COLUMNS]);
    this.#tokens = stateVariable(`${name}.tokens`, [rows, beams, maxLength], 'int32');
    this.#ended = stateVariable(`${name}.ended`, [rows, beams, 2]);
    this.#endedTokens = stateVariable(`${name}.endedTokens`, [rows, beams, maxLength], 'int32');
  }

  variables(): Variable[] {
    return [this.#totals, this.#tokens, this.#ended, this.#endedTokens];
  }

  /** int32 (B, K, L). */
  get tokens(): Tensor {
    return this.#tokens.value;
  }

  /** One beam for each source, the empty sequence; a silent one has ended with it. */
  begin(silent: Tensor): void {
    const { rows, beams, maxLength, endId } = this.options;
    const first = constant(
      Uint8Array.from({ length: beams }, (_, i) => Number(i === 0)),
      [beams, 1],
    ); // (K, 1)
    const none = silent.reshape([rows, 1, 1]);
    const begun = (where: Tensor, columns: number): Tensor =>
      select(where.and(first), zeros([rows, beams, columns]), -Infinity);
    this.#totals.assign(begun(none.not(), COLUMNS));
    this.#ended.assign(begun(none, 2));
    const blank = full([rows, beams, maxLength], endId, 'int32');
    this.#tokens.assign(blank);
    this.#endedTokens.assign(blank);
  }

  step({ scores, logProbabilities, bonus, length }: BeamStep): BeamChoice {
    const { rows: B, beams: K, maxLength: L, endId } = this.options;
    const V = scores.shape[2];
    const totals = this.#totals.value;
    const before = column(totals, CHOSEN_BY).unsqueeze(-1); // (B, K, 1)
    const values = bonus === undefined ? scores : scores.add(bonus);
    const best = topK(before.add(values).reshape([B, K * V]), 2 * K); // (B, 2K): K go on even if K of them end
    const parents = quotient(best.ids, V, K); // (B, 2K)
    const token = best.ids.sub(parents.mul(V));
    const exists = best.values.greater(-Infinity);
    const total = (which: number, terms: Tensor): Tensor =>
      select(exists, pick(column(totals, which), parents).add(pick(terms.reshape([B, K * V]), best.ids)), -Infinity);
    const score = total(SCORE, scores); // (B, 2K)
    const logProbability = total(LOG_PROBABILITY, logProbabilities);
    const grown = pick(this.#tokens.value, parents); // (B, 2K, L)
    const tokens = writeAt(grown, token.unsqueeze(-1), length, 2);

    const ends = token.equal(endId);
    const { values: chosenBy, ids: kept } = topK(select(ends, -Infinity, best.values), K); // (B, K), in their order
    const alive = chosenBy.greater(-Infinity); // (B, K): where fewer than K can go on, some that ended were kept
    const of = (total: Tensor): Tensor => select(alive, pick(total, kept), -Infinity);
    const next = stack([chosenBy, of(score), of(logProbability)], 2); // (B, K, 3)
    const nextTokens = pick(tokens, kept);

    const steps = length.add(1);
    const penalty = this.#penalty(steps);
    const isLast = steps.equal(L);
    // What has ended before, what ends now, and, at the end, what goes on.
    const ranked = concat(
      [
        column(this.#ended.value, 0),
        select(ends, score, -Infinity).div(penalty),
        select(isLast, column(next, SCORE), -Infinity).div(penalty),
      ],
      1,
    ); // (B, 4K)
    const { values: rank, ids: order } = topK(ranked, K); // of equals those first that ended first
    const logs = concat([column(this.#ended.value, 1), logProbability, column(next, LOG_PROBABILITY)], 1);
    this.#ended.assign(stack([rank, pick(logs, order)], 2));
    this.#endedTokens.assign(pick(concat([this.#endedTokens.value, tokens, nextTokens], 1), order));

    this.#totals.assign(next);
    this.#tokens.assign(nextTokens);
    const done = this.#isDone(rank, column(next, SCORE), steps).or(isLast);
    return { parents: pick(parents, kept), tokens: pick(token, kept), alive, done };
  }

  /** No beam of these sources, bool (B, 1), goes on. */
  end(done: Tensor): void {
    this.#totals.assign(select(done.unsqueeze(-1), -Infinity, this.#totals.value));
  }

  /** (B, K, 3), (B, K, L), (B, K, 2), (B, K, L): totals and tokens of the beams, and of what has ended. */
  state(): Tensor[] {
    return [this.#totals.value, this.#tokens.value, this.#ended.value, this.#endedTokens.value];
  }

  /** Whether the source needs no further steps: bool (B, 1). */
  #isDone(rank: Tensor, live: Tensor, steps: Tensor): Tensor {
    const { stop, wanted, beams, maxLength, lengthPenalty } = this.options;
    const largest = live.max(-1, { keep: true }); // (B, 1)
    const nothing = largest.equal(-Infinity);
    if (stop === 'never') return nothing;
    if (stop === 'first') return nothing.or(rank.slice([0, beams - 1]).greater(-Infinity));
    // A score only falls, and is divided by the penalty of a length that is still to come: the largest, as it is below 0.
    const kindest = lengthPenalty >= 0 ? full([], maxLength, 'int32') : steps.add(1);
    const bound = largest.div(this.#penalty(kindest));
    return nothing.or(rank.slice([0, wanted - 1], [rank.shape[0], 1]).greaterEqual(bound));
  }

  #penalty(length: Tensor): Tensor {
    return length.cast('float32').add(5).div(6).pow(this.options.lengthPenalty);
  }
}

/** (B, K, C) → (B, K). */
function column(x: Tensor, which: number): Tensor {
  return x.slice([0, 0, which], [x.shape[0], x.shape[1], 1]).squeeze(2);
}

/** ⌊x/divisor⌋ for 0 ≤ x < parts · divisor, by comparisons: float32 would not hold it. */
function quotient(x: Tensor, divisor: number, parts: number): Tensor {
  if (parts === 1) return x.mul(0);
  const bounds = arange(parts - 1)
    .add(1)
    .mul(divisor); // (parts − 1)
  return x.unsqueeze(-1).greaterEqual(bounds).cast('int32').sum(-1);
}
