import { integerLog } from './integer-log';
import { Lattice } from './lattice';
import type { PieceGraph } from './piece-graph';
import { type Pieces, UNKNOWN } from './unigram-seeds';

/**
 * The pieces to keep, at most `size` unless more cannot do without: those that no other pieces can replace, then those
 * whose loss would make the words least likely (Kudo 2018, section 3.2).
 */
export function pruned(pieces: Pieces, graph: PieceGraph, size: number): number[] {
  const n = pieces.length.length;
  const { text } = graph;
  const lattice = new Lattice(graph, pieces.score);

  const frequency = new Float64Array(n);
  let allWords = 0;
  for (let w = 0; w < text.start.length; w++) {
    lattice.load(text.start[w], text.length[w]);
    const count = text.count[w];
    allWords += count;
    lattice.forEachOfBest((piece) => (frequency[piece] += count));
  }
  const sum = frequency.reduce((a, b) => a + b, 0);
  const logSum = integerLog(sum);

  const kept: number[] = [UNKNOWN];
  const candidates: number[] = [];
  const loss = new Float64Array(n);
  for (let piece = 1; piece < n; piece++) {
    const times = frequency[piece];
    let ways: number[][] = [];
    if (pieces.length[piece] > 1) {
      lattice.load(pieces.start[piece], pieces.length[piece]);
      ways = lattice.twoBest();
    }
    // A piece whose own best way is of several pieces can go if no word needs it.
    if (times === 0 && ways.length === 2 && ways[0].length > 1) continue;
    const alternative = ways.length === 2 && ways[0].length === 1 ? ways[1] : [];
    if (alternative.length === 0) {
      kept.push(piece);
      continue;
    }
    if (times === 0) continue;
    // Without the piece, its occurrences are those of the pieces that replace it. The new sum would be larger by
    // `times` for each of them but one; Rust takes the number of all pieces for theirs, and so do we.
    const newLogSum = integerLog(sum + times * (n - 1));
    let replaced = 0;
    for (const other of alternative) replaced += integerLog(frequency[other] + times) - newLogSum;
    loss[piece] = (times / allWords) * (integerLog(times) - logSum - replaced);
    candidates.push(piece);
  }
  candidates.sort((a, b) => loss[b] - loss[a]);
  return kept.length > size ? [...kept, ...candidates] : [...kept, ...candidates.slice(0, size - kept.length)];
}
