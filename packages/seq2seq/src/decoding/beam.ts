import { arange, type HostData, logSoftmax, oneHot, select, stack, type Tensor, type Variable } from '@qkv/tensor';

import type { AutoregressiveModel, DecodingCache } from './autoregressive-model';
import { BeamGroup, type StopRule } from './beam-group';
import { type Hypothesis, idsOfRow } from './hypothesis';
import { compose, constraintsOf, expectCount, type LogitProcessor } from './logit-processors';
import { type DecoderOptions, type Search, SequenceDecoder } from './sequence-decoder';
import { stateVariable } from './state-variable';
import { searchScores } from './token-search';

export interface BeamOptions extends DecoderOptions {
  /** K: sequences that are followed at a time. */
  readonly beams: number;
  /** Sequences that `decodeAll` gives for each source, the n of n-best; K. */
  readonly nBest?: number;
  /** α of the length penalty ((5 + n)/6)^α; 0.6, as in Vaswani et al. 2017, section 6.1. 0 ranks by log-probability. */
  readonly lengthPenalty?: number;
  /**
   * When a source is done: `exact`, the default, when no beam can become better than the n-th best, which changes no
   * result; `first`, when K sequences have ended, in each group its share; `never` before the maximum length.
   */
  readonly stop?: StopRule;
  /** G: the beams are divided into so many groups, each of which avoids what those before it say at this step; 1. */
  readonly groups?: number;
  /** λ: what a token loses for each beam of an earlier group that has just chosen it; 0.5, as in Vijayakumar et al. */
  readonly diversity?: number;
}

interface BeamSearchOptions extends Required<Pick<BeamOptions, 'rows' | 'maxLength' | 'endId' | 'beams' | 'nBest'>> {
  readonly lengthPenalty: number;
  readonly stop: StopRule;
  readonly groups: number;
  readonly diversity: number;
  readonly padId: number;
  readonly process: LogitProcessor;
}

class BeamSearch implements Search {
  readonly width: number;
  readonly last: Variable;
  readonly #groups: readonly BeamGroup[];

  constructor(private readonly options: BeamSearchOptions) {
    const { rows, beams, groups, nBest } = options;
    this.width = beams;
    this.last = stateVariable('beam.last', [rows * beams], 'int32');
    const each = beams / groups;
    const wanted = Math.min(nBest, each);
    this.#groups = Array.from(
      { length: groups },
      (_, g) => new BeamGroup({ ...options, name: `beam.${g}`, beams: each, wanted }),
    );
  }

  variables(): Variable[] {
    return [this.last, ...this.#groups.flatMap((group) => group.variables())];
  }

  inputs(): Tensor[] {
    return [];
  }

  begin(silent: Tensor): void {
    for (const group of this.#groups) group.begin(silent);
  }

  /** Rows are (B, G, K/G). */
  step(logits: Tensor, length: Tensor, cache: DecodingCache): Tensor {
    const { rows: B, beams, groups: G, maxLength: L, endId, padId, process, diversity } = this.options;
    const [, V] = logits.shape;
    const K = beams / G;
    const tokens = this.#gather(this.#groups.map((group) => group.tokens)).reshape([B * beams, L]);
    const logProbabilities = logSoftmax(logits); // (B·G·K, V)
    const scores = searchScores(logProbabilities, logits, process(logits, { tokens, length, endId }));
    const ofGroup = (x: Tensor, g: number): Tensor => x.reshape([B, G, K, V]).slice([0, g], [B, 1]).reshape([B, K, V]);
    let said: Tensor | undefined; // (B, V): how often earlier groups have chosen each token
    const choices = this.#groups.map((group, g) => {
      const choice = group.step({
        scores: ofGroup(scores, g),
        logProbabilities: ofGroup(logProbabilities, g),
        bonus: said?.mul(-diversity).unsqueeze(1),
        length,
      });
      const counts = oneHot(choice.tokens, V).mul(choice.alive.unsqueeze(-1).cast('float32')).sum(1); // (B, V)
      said = said === undefined ? counts : said.add(counts);
      return choice;
    });
    // A group goes on while others do: they listen to it.
    const done = choices.map((choice) => choice.done).reduce((a, b) => a.and(b)); // (B, 1)
    for (const group of this.#groups) group.end(done);
    const alive = this.#gather(choices.map((choice) => choice.alive)).and(done.not().unsqueeze(-1)); // (B, G, K)
    if (beams > 1) {
      const parents = this.#gather(choices.map((choice) => choice.parents));
      const first = arange(B * G)
        .mul(K)
        .reshape([B, G, 1]);
      cache.reorder(parents.add(first).reshape([B * beams]));
    }
    const next = this.#gather(choices.map((choice) => choice.tokens));
    this.last.assign(select(alive, next, padId).reshape([B * beams]));
    return alive.max().not();
  }

  state(): Tensor[] {
    return this.#groups.flatMap((group) => group.state());
  }

  hypotheses(state: readonly HostData[]): Hypothesis[][] {
    const { rows, nBest } = this.options;
    return Array.from({ length: rows }, (_, row) => {
      const ended = this.#groups.flatMap((_, g) => this.#ended(state, g, row));
      if (this.#groups.length > 1) ended.sort((a, b) => b.score - a.score); // stable
      const seen = new Set<string>();
      const distinct = ended.filter(({ ids, finished }) => {
        const text = `${ids.join()},${finished}`;
        return !seen.has(text) && seen.add(text); // groups may come to say the same
      });
      return distinct.slice(0, nBest);
    });
  }

  settled(state: readonly HostData[]): Int32Array[] {
    return this.hypotheses(state).map((ended, row) => {
      const live = this.#groups.flatMap((_, g) => this.#live(state, g, row));
      if (live.length === 0) return ended[0]?.ids ?? new Int32Array();
      return commonStart([...ended.slice(0, 1).map(({ ids }) => ids), ...live]);
    });
  }

  #ended(state: readonly HostData[], g: number, row: number): Hypothesis[] {
    const { beams, groups, maxLength, endId } = this.options;
    const K = beams / groups;
    const [, , values, tokens] = state.slice(4 * g);
    const found: Hypothesis[] = [];
    for (let n = row * K; n < (row + 1) * K && values[2 * n] > -Infinity; n++) {
      const ids = idsOfRow(tokens, n, maxLength, endId);
      const finished = ids.length < maxLength;
      found.push({ ids, logProbability: values[2 * n + 1], score: values[2 * n], finished });
    }
    return found;
  }

  #live(state: readonly HostData[], g: number, row: number): Int32Array[] {
    const { beams, groups, maxLength, endId } = this.options;
    const K = beams / groups;
    const [totals, tokens] = state.slice(4 * g);
    return Array.from({ length: K }, (_, i) => row * K + i)
      .filter((n) => totals[3 * n] > -Infinity)
      .map((n) => idsOfRow(tokens, n, maxLength, endId));
  }

  /** One (B, K, …) for each group → (B, G, K, …). */
  #gather(parts: readonly Tensor[]): Tensor {
    return stack(parts, 1);
  }
}

function commonStart([first, ...others]: readonly Int32Array[]): Int32Array {
  let length = 0;
  while (length < first.length && others.every((ids) => ids[length] === first[length])) length++;
  return first.slice(0, length);
}

/**
 * Beam search: of all continuations of K sequences the K likeliest go on, and those that end are ranked by
 * log p/((5 + n)/6)^α, n their tokens with END (Wu et al. 2016, section 7, Eq. 14, without its coverage). Of the 2K best
 * continuations of a step, those with END have ended, and the first K others go on; what has not ended at the maximum
 * length is ranked with the others. With `groups` it is diverse beam search (Vijayakumar et al. 2016, Algorithm 1, Hamming
 * diversity): λ guides the search alone, scores are without it.
 *
 * A hypothesis' score is that rank; log p in it is moved by as much as processors have moved logits, so that what they
 * forbid leaves the others as likely as they were. `exact` needs processors that raise no logit.
 */
export class BeamDecoder extends SequenceDecoder {
  constructor(model: AutoregressiveModel, options: BeamOptions) {
    const { beams, nBest = beams, groups = 1, diversity = 0.5, lengthPenalty = 0.6, stop = 'exact' } = options;
    checkBeams(model, { ...options, nBest, groups, diversity, lengthPenalty, stop });
    const process = compose(constraintsOf(options));
    const { padId } = model;
    super(
      'BeamDecoder',
      model,
      options,
      new BeamSearch({ ...options, nBest, groups, diversity, lengthPenalty, stop, padId, process }),
    );
  }
}

function checkBeams(
  model: AutoregressiveModel,
  options: BeamOptions & Omit<BeamSearchOptions, 'padId' | 'process'>,
): void {
  const {
    beams,
    nBest,
    groups,
    diversity,
    lengthPenalty,
    stop,
    forbidden = [],
    endId,
    minLength = 0,
    maxLength,
  } = options;
  expectCount('BeamDecoder: beams', beams, 1);
  expectCount('BeamDecoder: groups', groups, 1);
  expectCount('BeamDecoder: nBest', nBest, 1);
  if (nBest > beams)
    throw new RangeError(`BeamDecoder: the ${nBest} best of ${beams} beams; nBest must be ${beams} at most`);
  if (beams % groups !== 0)
    throw new RangeError(`BeamDecoder: ${beams} beams cannot be divided into ${groups} equal groups`);
  if (!(diversity >= 0 && diversity < Infinity)) {
    throw new RangeError(`BeamDecoder: diversity must be at least 0, got ${diversity}`);
  }
  if (!Number.isFinite(lengthPenalty))
    throw new RangeError(`BeamDecoder: lengthPenalty must be a number, got ${lengthPenalty}`);
  if (!['exact', 'first', 'never'].includes(stop)) {
    throw new RangeError(`BeamDecoder: stop must be exact, first or never, got ${String(stop)}`);
  }
  const V = model.targetVocabulary;
  if (V < 2) throw new RangeError(`BeamDecoder: a search needs a vocabulary of at least 2 ids, got ${V}`);
  const canEnd = endId >= 0 && endId < V && !forbidden.includes(endId);
  const choices = V - new Set([...forbidden, ...(endId >= 0 && endId < V ? [endId] : [])]).size;
  // choices^n sequences end after n other tokens.
  let exist = 0;
  for (let n = 0, ways = 1; n <= maxLength && exist < beams; n++, ways *= choices) {
    if (n === maxLength || (canEnd && n >= minLength)) exist += ways;
  }
  if (beams / groups > exist) {
    throw new RangeError(
      `BeamDecoder: ${beams / groups} beams are more than the ${exist} sequences that exist of at most ${maxLength} of ${V} ids; take ${exist} at most`,
    );
  }
}
