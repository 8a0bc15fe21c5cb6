/** One sequence that a decoder gives. */
export interface Hypothesis {
  /** Without START and END. */
  readonly ids: Int32Array;
  /** log p(ids, END | source) under the model, in nats; without END where that was not reached. */
  readonly logProbability: number;
  /** What the decoder ranks by, or has drawn by: see each of them. */
  readonly score: number;
  /** Whether END was reached; else it ends at the maximum length, or where nothing was allowed any more. */
  readonly finished: boolean;
}

/** The ids of row `row` of `tokens` (rows, length), up to END. */
export function idsOfRow(tokens: ArrayLike<number>, row: number, length: number, endId: number): Int32Array {
  const ids = Int32Array.from({ length }, (_, i) => tokens[row * length + i]);
  const end = ids.indexOf(endId);
  return end < 0 ? ids : ids.slice(0, end);
}
