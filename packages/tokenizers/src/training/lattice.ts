import type { PieceGraph } from './piece-graph';
import { UNKNOWN } from './unigram-seeds';
import { unknownScore } from './unigram-em';

// The arcs before the first character and behind the last.
const BEGIN = 0;
const END = 1;
const NONE = -1;

const MAX_AGENDA = 100_000;
const KEPT_AGENDA = 20;

/** The ways to cut up one stretch of the text, a word or a piece. */
export class Lattice {
  private readonly unknown: number;
  private size = 0;
  private arcs = 0;
  // Of each arc: where it begins, its piece and score, the score of the best way to and over it, and what precedes.
  private begin = new Int32Array(0);
  private piece = new Int32Array(0);
  private own = new Float64Array(0);
  private best = new Float64Array(0);
  private previous = new Int32Array(0);
  /** The next arc that ends where this one ends. */
  private sameEnd = new Int32Array(0);
  /** The first and the last arc that end at a place. */
  private firstEnd = new Int32Array(0);
  private lastEnd = new Int32Array(0);
  private readonly agenda = new Agenda();

  constructor(
    private readonly graph: PieceGraph,
    private readonly score: Float64Array,
  ) {
    this.unknown = unknownScore(score);
  }

  /** Takes up a stretch of the text and finds the best way through it. */
  load(start: number, size: number): void {
    const { first, length, piece } = this.graph;
    this.reserve(size, first[start + size] - first[start] + size + 2);
    this.size = size;
    this.firstEnd.fill(NONE, 0, size + 1);
    this.arcs = 0;
    this.add(0, 0, NONE, 0); // BEGIN
    this.begin[BEGIN] = NONE;
    this.arcs++; // END comes last
    for (let i = 0; i < size; i++) {
      const from = this.arcs;
      const begin = first[start + i];
      const end = first[start + i + 1];
      for (let arc = begin; arc < end && i + length[arc] <= size; arc++) {
        this.add(i, i + length[arc], piece[arc], this.score[piece[arc]]);
      }
      if (begin === end || length[begin] > 1) this.add(i, i + 1, UNKNOWN, this.unknown);
      for (let arc = from; arc < this.arcs; arc++) this.connect(arc);
    }
    this.begin[END] = size;
    this.own[END] = 0;
    this.connect(END);
  }

  /** Calls back for the pieces of the best way, the last first. */
  forEachOfBest(visit: (piece: number) => void): void {
    for (let arc = this.previous[END]; arc !== BEGIN; arc = this.previous[arc]) visit(this.piece[arc]);
  }

  /** The pieces of the two best ways, by A* from the end; one way if there is no other. */
  twoBest(): number[][] {
    const { agenda } = this;
    agenda.clear();
    agenda.push(END, NONE, 0, 0);
    const ways: number[][] = [];
    while (agenda.size > 0) {
      const top = agenda.pop();
      const arc = agenda.arc[top];
      if (arc === BEGIN) {
        const way: number[] = [];
        for (let next = agenda.next[top]; agenda.next[next] !== NONE; next = agenda.next[next]) {
          way.push(this.piece[agenda.arc[next]]);
        }
        if (ways.push(way) === 2) break;
        continue;
      }
      const behind = agenda.behind[top];
      for (let before = this.firstEnd[this.begin[arc]]; before !== NONE; before = this.sameEnd[before]) {
        agenda.push(before, top, this.best[before] + behind, this.own[before] + behind);
      }
      if (agenda.size > MAX_AGENDA) agenda.shrink(KEPT_AGENDA);
    }
    return ways;
  }

  private add(begin: number, end: number, piece: number, own: number): void {
    const arc = this.arcs++;
    this.begin[arc] = begin;
    this.piece[arc] = piece;
    this.own[arc] = own;
    this.best[arc] = 0;
    this.previous[arc] = NONE;
    this.sameEnd[arc] = NONE;
    if (this.firstEnd[end] === NONE) this.firstEnd[end] = arc;
    else this.sameEnd[this.lastEnd[end]] = arc;
    this.lastEnd[end] = arc;
  }

  /** Finds the best way up to an arc; of equals that whose last piece is the longest. */
  private connect(arc: number): void {
    const own = this.own[arc];
    let previous = this.firstEnd[this.begin[arc]];
    let best = this.best[previous] + own;
    for (let before = this.sameEnd[previous]; before !== NONE; before = this.sameEnd[before]) {
      const score = this.best[before] + own;
      if (score <= best) continue;
      best = score;
      previous = before;
    }
    this.best[arc] = best;
    this.previous[arc] = previous;
  }

  private reserve(size: number, arcs: number): void {
    if (this.firstEnd.length <= size) {
      this.firstEnd = new Int32Array(2 * size + 1);
      this.lastEnd = new Int32Array(2 * size + 1);
    }
    if (this.begin.length >= arcs) return;
    this.begin = new Int32Array(2 * arcs);
    this.piece = new Int32Array(2 * arcs);
    this.own = new Float64Array(2 * arcs);
    this.best = new Float64Array(2 * arcs);
    this.previous = new Int32Array(2 * arcs);
    this.sameEnd = new Int32Array(2 * arcs);
  }
}

/** Ways from some arc to the end, the most promising first: a heap of four children, which decides between equals as Rust's. */
class Agenda {
  // Of each way: its first arc, the way without it, the score of the best whole way with it, and its own.
  readonly arc: number[] = [];
  readonly next: number[] = [];
  readonly promise: number[] = [];
  readonly behind: number[] = [];
  private readonly heap: number[] = [];

  get size(): number {
    return this.heap.length;
  }

  clear(): void {
    this.heap.length = 0;
    this.arc.length = 0;
    this.next.length = 0;
    this.promise.length = 0;
    this.behind.length = 0;
  }

  push(arc: number, next: number, promise: number, behind: number): void {
    const way = this.arc.push(arc) - 1;
    this.next.push(next);
    this.promise.push(promise);
    this.behind.push(behind);
    this.heap.push(way);
    this.rise(this.heap.length - 1, way);
  }

  pop(): number {
    const { heap, promise } = this;
    const top = heap[0];
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    // The hole goes down to a leaf, and from there the last element rises.
    let hole = 0;
    for (let child = 1; child < heap.length; child = 4 * hole + 1) {
      const end = Math.min(child + 4, heap.length);
      let most = child;
      for (let other = child + 1; other < end; other++) if (promise[heap[most]] < promise[heap[other]]) most = other;
      heap[hole] = heap[most];
      hole = most;
    }
    this.rise(hole, last);
    return top;
  }

  /** Keeps only the most promising ways. */
  shrink(size: number): void {
    const kept = Array.from({ length: size }, () => this.pop());
    this.heap.length = 0;
    for (const way of kept) {
      this.heap.push(way);
      this.rise(this.heap.length - 1, way);
    }
  }

  private rise(hole: number, way: number): void {
    const { heap, promise } = this;
    while (hole > 0) {
      const parent = (hole - 1) >> 2;
      if (promise[way] < promise[heap[parent]]) break; // an equal one passes
      heap[hole] = heap[parent];
      hole = parent;
    }
    heap[hole] = way;
  }
}
