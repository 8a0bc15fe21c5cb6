import { TokenizerError } from '../error';
import { uniform } from '../random';
import type { Chooser, Segmentation, Unigram } from './unigram';

interface Edge {
  readonly start: number;
  readonly end: number;
  readonly id: number;
  readonly score: number;
}

/**
 * Subword regularisation (Kudo 2018, https://arxiv.org/abs/1804.10959): a way to cut each piece is drawn, with
 * probability ∝ P(way)^alpha, by numbers of a fixed seed unless others are given. For `new Unigram({ …, chooser: sampling(0.1) })`.
 *
 * @throws TokenizerError unless alpha is a number of at least 0; 0 makes all ways equally likely.
 */
export function sampling(alpha: number, random: () => number = uniform(0)): Chooser {
  if (!(alpha >= 0 && alpha < Infinity)) {
    throw new TokenizerError('invalid-option', `sampling: alpha is ${alpha}, expected a number of at least 0`);
  }
  return (model, piece) => latticeOf(model, piece).sample(alpha, random);
}

/**
 * The `n` best ways to cut a piece, the best first: their tokens and log probabilities.
 *
 * @throws TokenizerError unless n is a whole number of at least 1.
 */
export function nBest(model: Unigram, piece: string, n: number): { tokens: readonly string[]; score: number }[] {
  if (!Number.isInteger(n) || n < 1) {
    throw new TokenizerError('invalid-option', `nBest: n is ${n}, expected a whole number of at least 1`);
  }
  const text = piece.toWellFormed();
  if (text === '') return [];
  return latticeOf(model, text)
    .nBest(n)
    .map(({ ends, score }) => ({ tokens: ends.map((end, i) => text.slice(ends[i - 1] ?? 0, end)), score }));
}

function latticeOf(model: Unigram, piece: string): Lattice {
  const lattice = new Lattice(piece.length);
  model.candidates(piece, (start, end, id, score) => lattice.add(start, end, id, score));
  return lattice;
}

/** All tokens of a piece that a segmentation can be made of. */
class Lattice {
  private readonly endingAt: Edge[][];

  constructor(private readonly length: number) {
    this.endingAt = Array.from({ length: length + 1 }, () => []);
  }

  add(start: number, end: number, id: number, score: number): void {
    this.endingAt[end].push({ start, end, id, score });
  }

  /**
   * The `n` best segmentations, the best first: A* from the end, with the best score up to each place as its exact
   * estimate, as SentencePiece does it (Kudo 2018, https://arxiv.org/abs/1804.10959, §3.4).
   */
  nBest(n: number): Segmentation[] {
    interface Path {
      readonly at: number;
      readonly score: number; // of the tokens taken
      readonly total: number; // with the estimate
      readonly edge: Edge | null;
      readonly after: Path | null;
    }
    const best = this.forward((a, b) => Math.max(a, b), 1);
    const heap: Path[] = [{ at: this.length, score: 0, total: best[this.length], edge: null, after: null }];
    const found: Segmentation[] = [];
    while (heap.length > 0 && found.length < n) {
      const path = popLargest(heap);
      if (path.at === 0) {
        const ends: number[] = [];
        const ids: number[] = [];
        for (let step: Path | null = path; step?.edge; step = step.after) {
          ends.push(step.edge.end);
          ids.push(step.edge.id);
        }
        found.push({ ends, ids, score: path.score });
        continue;
      }
      for (const edge of this.endingAt[path.at]) {
        if (best[edge.start] === -Infinity) continue;
        const score = edge.score + path.score;
        pushLargest(heap, { at: edge.start, score, total: best[edge.start] + score, edge, after: path });
      }
    }
    return found;
  }

  /** A segmentation drawn with probability ∝ exp(alpha · score): forward sums, then tokens drawn from the end. */
  sample(alpha: number, random: () => number): Segmentation {
    const sums = this.forward(logAddExp, alpha);
    const ends: number[] = [];
    const ids: number[] = [];
    let score = 0;
    for (let at = this.length; at > 0;) {
      let rest = random();
      const edges = this.endingAt[at];
      // Rounding may leave a little of the last one's share over.
      let chosen = edges[edges.length - 1];
      for (const edge of edges) {
        rest -= Math.exp(sums[edge.start] + alpha * edge.score - sums[at]);
        if (rest < 0) {
          chosen = edge;
          break;
        }
      }
      ends.push(at);
      ids.push(chosen.id);
      score += chosen.score;
      at = chosen.start;
    }
    return { ends: ends.reverse(), ids: ids.reverse(), score };
  }

  /** For each place, the scores times `alpha` of all ways to it, taken together. */
  private forward(combine: (a: number, b: number) => number, alpha: number): Float64Array {
    const totals = new Float64Array(this.length + 1).fill(-Infinity);
    totals[0] = 0;
    for (let at = 1; at <= this.length; at++) {
      for (const { start, score } of this.endingAt[at]) totals[at] = combine(totals[at], totals[start] + alpha * score);
    }
    return totals;
  }
}

function logAddExp(a: number, b: number): number {
  const [low, high] = a < b ? [a, b] : [b, a];
  return low === -Infinity ? high : high + Math.log1p(Math.exp(low - high));
}

function pushLargest<T extends { total: number }>(heap: T[], item: T): void {
  let at = heap.length;
  heap.push(item);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (heap[parent].total >= item.total) break;
    heap[at] = heap[parent];
    at = parent;
  }
  heap[at] = item;
}

function popLargest<T extends { total: number }>(heap: T[]): T {
  const top = heap[0];
  const item = heap.pop()!;
  if (heap.length === 0) return top;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && heap[child + 1].total > heap[child].total) child++;
    if (item.total >= heap[child].total) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = item;
  return top;
}
