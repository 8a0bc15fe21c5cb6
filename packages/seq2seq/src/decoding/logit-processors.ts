import { arange, constant, scatterAdd, select, type Tensor } from '@qkv/tensor';

/** What a processor may know about the sequences whose next token is chosen. */
export interface DecodingContext {
  /** What was generated, int32 (N, L); what stands at `length` and after it means nothing. */
  readonly tokens: Tensor;
  /** Int32 scalar: tokens generated so far. */
  readonly length: Tensor;
  readonly endId: number;
}

/**
 * Logits (N, V) → logits (N, V), as a graph: what is −∞ is not chosen. All decoders apply their processors in this order:
 * repetition penalty, the user's own, forbidden tokens, minimum length, n-grams; sampling then temperature, top-k, top-p
 * and min-p.
 */
export type LogitProcessor = (logits: Tensor, context: DecodingContext) => Tensor;

export interface ConstraintOptions {
  /** Fewest tokens before END; 0. */
  readonly minLength?: number;
  /**
   * Ids that are never generated; none. Padding belongs here unless it is END: a model that has hardly learnt may say it,
   * and would read it afterwards, where `forward` hides it.
   */
  readonly forbidden?: readonly number[];
  /** No n-gram of this size is generated twice; off by default, as it also forbids rightful repetitions. */
  readonly noRepeatNgram?: number;
  /** See `repetitionPenalty`; 1, which is none. */
  readonly repetitionPenalty?: number;
  /** The user's own. */
  readonly processors?: readonly LogitProcessor[];
}

/** What these options ask for, in the order that `LogitProcessor` documents. */
export function constraintsOf(options: ConstraintOptions): LogitProcessor[] {
  const { minLength = 0, forbidden = [], noRepeatNgram, repetitionPenalty: penalty = 1, processors = [] } = options;
  return [
    ...(penalty === 1 ? [] : [repetitionPenalty(penalty)]),
    ...processors,
    ...(forbidden.length === 0 ? [] : [forbidTokens(forbidden)]),
    ...(minLength === 0 ? [] : [minimumLength(minLength)]),
    ...(noRepeatNgram === undefined ? [] : [forbidRepeatedNgrams(noRepeatNgram)]),
  ];
}

/** One after the other. */
export function compose(processors: readonly LogitProcessor[]): LogitProcessor {
  return (logits, context) => processors.reduce((x, process) => process(x, context), logits);
}

/** These ids get −∞. */
export function forbidTokens(ids: readonly number[]): LogitProcessor {
  const bad = ids.find((id) => !Number.isInteger(id) || id < 0);
  if (bad !== undefined) throw new RangeError(`forbidTokens: expected ids, got ${bad}`);
  return (logits) => {
    const V = logits.shape.at(-1)!;
    const outside = ids.find((id) => id >= V);
    if (outside !== undefined) throw new RangeError(`forbidTokens: id ${outside} is outside a vocabulary of ${V}`);
    const allowed = new Uint8Array(V).fill(1);
    for (const id of ids) allowed[id] = 0;
    return select(constant(allowed, [V]), logits, -Infinity);
  };
}

/** END gets −∞ while fewer than `length` tokens were generated. */
export function minimumLength(length: number): LogitProcessor {
  expectCount('minimumLength', length, 0);
  return (logits, context) => {
    const isEnd = arange(logits.shape.at(-1)!).equal(context.endId); // (V)
    return select(isEnd.and(context.length.less(length)), -Infinity, logits);
  };
}

/**
 * Makes what was generated before less likely: x/θ where x > 0, else x·θ (Keskar et al. 2019, section 4.1, which divides
 * both; a negative logit would rise by that). θ = 1.2 in the paper; the source, or prompt, does not count.
 */
export function repetitionPenalty(theta: number): LogitProcessor {
  if (!(theta > 0 && theta < Infinity))
    throw new RangeError(`repetitionPenalty: expected a positive factor, got ${theta}`);
  return (logits, { tokens, length }) => {
    const before = arange(tokens.shape[1]).less(length).expand(tokens.shape); // (N, L)
    const penalized = select(logits.greater(0), logits.div(theta), logits.mul(theta));
    return select(marked(tokens, before, logits.shape[1]), penalized, logits);
  };
}

/** What would make an n-gram a second time gets −∞ (Paulus et al. 2018, section 2.5, for n = 3). */
export function forbidRepeatedNgrams(n: number): LogitProcessor {
  expectCount('forbidRepeatedNgrams', n, 1);
  return (logits, { tokens, length }) => {
    const [N, L] = tokens.shape;
    const starts = L - n + 1; // n-grams that fit
    if (starts < 1) return logits;
    let repeats: Tensor = arange(starts)
      .add(n - 1)
      .less(length)
      .expand([N, starts]); // its last token is there
    const columns = tokens.transpose(); // (L, N)
    for (let i = 0; i < n - 1; i++) {
      // Token i of an n-gram is that which stands n−1−i before the next one.
      const recent = columns.gather(length.sub(n - 1 - i).maximum(0)); // (N)
      repeats = repeats.and(tokens.slice([0, i], [N, starts]).equal(recent.unsqueeze(1)));
    }
    return select(marked(tokens.slice([0, n - 1], [N, starts]), repeats, logits.shape[1]), -Infinity, logits);
  };
}

/** bool (N, V): which ids stand in a row of `ids` (N, J) where `where` holds. */
function marked(ids: Tensor, where: Tensor, vocabulary: number): Tensor {
  const [N] = ids.shape;
  const cells = select(where, ids, 0).add(arange(N).mul(vocabulary).unsqueeze(1)); // (N, J), of N·V
  return scatterAdd(cells, where.cast('float32'), N * vocabulary)
    .greater(0)
    .reshape([N, vocabulary]);
}

export function expectCount(what: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) {
    throw new RangeError(`${what}: expected an integer of at least ${least}, got ${value}`);
  }
}
