import type { PieceGraph } from './piece-graph';
import { type Pieces, UNKNOWN } from './unigram-seeds';

// A piece that is expected to occur less often than this is dropped.
const MIN_EXPECTED = 0.5;
// How much worse than the worst piece an unknown character is.
const UNKNOWN_PENALTY = 10;

/** The score of a character that no piece covers. */
export function unknownScore(score: Float64Array): number {
  let least = Infinity;
  for (let piece = 1; piece < score.length; piece++) if (score[piece] < least) least = score[piece];
  return least - UNKNOWN_PENALTY;
}

/** How often each piece is expected to occur, over all ways to cut up the words: the E step, forward-backward. */
export function expectedCounts(graph: PieceGraph, score: Float64Array): Float64Array {
  const { text, first, piece, length } = graph;
  const unknown = unknownScore(score);
  const expected = new Float64Array(score.length);
  const longest = text.length.reduce((a, b) => Math.max(a, b), 0);
  const forward = new Float64Array(longest + 1);
  const backward = new Float64Array(longest + 1);

  for (let w = 0; w < text.start.length; w++) {
    const start = text.start[w];
    const n = text.length[w];
    forward.fill(-Infinity, 1, n + 1);
    forward[0] = 0;
    for (let i = 0; i < n; i++) {
      const begin = first[start + i];
      const end = first[start + i + 1];
      for (let arc = begin; arc < end; arc++) {
        const to = i + length[arc];
        forward[to] = logSumExp(forward[to], score[piece[arc]] + forward[i]);
      }
      if (begin === end || length[begin] > 1) forward[i + 1] = logSumExp(forward[i + 1], unknown + forward[i]);
    }
    const z = forward[n];

    backward[n] = 0;
    for (let i = n - 1; i >= 0; i--) {
      const begin = first[start + i];
      const end = first[start + i + 1];
      let sum = -Infinity;
      for (let arc = begin; arc < end; arc++) {
        const after = backward[i + length[arc]];
        const own = score[piece[arc]];
        sum = logSumExp(sum, own + after);
        expected[piece[arc]] += text.count[w] * Math.exp(forward[i] + own + after - z);
      }
      if (begin === end || length[begin] > 1) sum = logSumExp(sum, unknown + backward[i + 1]);
      backward[i] = sum;
    }
  }
  return expected;
}

/**
 * New scores from expected counts: the M step. The digamma function in place of the logarithm favours few pieces
 * (Liang & Klein 2007). Gives undefined for the pieces to drop; the others keep their order.
 */
export function maximized(expected: Float64Array): (number | undefined)[] {
  let sum = 0;
  for (let piece = 1; piece < expected.length; piece++) if (expected[piece] >= MIN_EXPECTED) sum += expected[piece];
  const logSum = digamma(sum);
  return Array.from(expected, (count, piece) => {
    if (piece === UNKNOWN) return NaN;
    return count >= MIN_EXPECTED ? digamma(count) - logSum : undefined;
  });
}

/** The pieces that are listed, in the order of the list; the graph follows. */
export function select(pieces: Pieces, score: ArrayLike<number>, kept: readonly number[], graph: PieceGraph): Pieces {
  const numbers = new Int32Array(pieces.length.length).fill(-1);
  for (const [number, piece] of kept.entries()) numbers[piece] = number;
  graph.renumber(numbers);
  return {
    start: Int32Array.from(kept, (piece) => pieces.start[piece]),
    length: Int32Array.from(kept, (piece) => pieces.length[piece]),
    score: Float64Array.from(kept, (piece) => score[piece]),
  };
}

/** log(eˣ + eʸ) */
function logSumExp(x: number, y: number): number {
  const least = x > y ? y : x;
  const most = x > y ? x : y;
  return most > least + 50 ? most : most + Math.log(Math.exp(least - most) + 1);
}

/** The derivative of log Γ, by its asymptotic series around x - ½. */
function digamma(x: number): number {
  let result = 0;
  for (; x < 7; x++) result -= 1 / x;
  x -= 0.5;
  const square = (1 / x) * (1 / x);
  const fourth = square * square;
  return (
    result +
    (Math.log(x) +
      (1 / 24) * square -
      (7 / 960) * fourth +
      (31 / 8064) * fourth * square -
      (127 / 30720) * fourth * fourth)
  );
}
