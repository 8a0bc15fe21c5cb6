import { alignmentOf, EditTable } from './edit-table';

// Limits of Tercom, and the last one of sacrebleu.
const MAX_SHIFT_SIZE = 10;
const MAX_SHIFT_DISTANCE = 50;
const MAX_CANDIDATES = 1000;

type Words = readonly string[];

/** A move of the words `start` to `start + length` to before the place `target`, and the edits that it saves. */
interface Shift {
  readonly start: number;
  readonly length: number;
  readonly target: number;
  readonly saved: number;
}

/**
 * The fewest edits that a greedy search finds to turn `hypothesis` into `reference`: as long as that saves edits, the best
 * move of a run of words that stands elsewhere in the reference, at the price of one; then insertions, deletions and
 * substitutions. (The true minimum is NP-hard.)
 */
export function translationEdits(hypothesis: Words, reference: Words): number {
  if (reference.length === 0) return hypothesis.length;
  const table = new EditTable(hypothesis, reference);
  let tried = 0;
  for (let shifts = 0; ; shifts++) {
    const { best, candidates } = bestShift(table, tried);
    tried += candidates;
    if (tried >= MAX_CANDIDATES || best === null || best.saved <= 0) return shifts + table.distance;
    table.replace(shifted(table.hypothesis, best));
  }
}

function bestShift(table: EditTable, tried: number): { best: Shift | null; candidates: number } {
  const { hypothesis, reference } = table;
  const { placeOf, wrongInHypothesis, wrongInReference } = alignmentOf(table.operations());
  let best: Shift | null = null;
  let candidates = 0;
  for (const { start, at, length } of commonRuns(hypothesis, reference)) {
    // Nothing is gained where either side is right already, nor by a move within the run itself.
    if (!wrongInHypothesis.slice(start, start + length).includes(true)) continue;
    if (!wrongInReference.slice(at, at + length).includes(true)) continue;
    if (start <= placeOf[at] && placeOf[at] < start + length) continue;
    let before = -1;
    for (let offset = -1; offset < length; offset++) {
      const target = at + offset < 0 ? 0 : placeOf[at + offset] + 1;
      if (target === before) continue;
      before = target;
      const move = { start, length, target };
      const saved = table.distance - table.distanceOf(shifted(hypothesis, move));
      candidates++;
      const shift = { ...move, saved };
      if (best === null || isBetter(shift, best)) best = shift;
    }
    if (tried + candidates >= MAX_CANDIDATES) break;
  }
  return { best, candidates };
}

/** Tercom's order: what saves most, then the longest run, the earliest, and the earliest target. */
function isBetter(a: Shift, b: Shift): boolean {
  if (a.saved !== b.saved) return a.saved > b.saved;
  if (a.length !== b.length) return a.length > b.length;
  return a.start === b.start ? a.target < b.target : a.start < b.start;
}

/** Equal runs of words in both, with all of their beginnings. */
function* commonRuns(hypothesis: Words, reference: Words): Generator<{ start: number; at: number; length: number }> {
  for (let start = 0; start < hypothesis.length; start++) {
    const first = Math.max(0, start - MAX_SHIFT_DISTANCE);
    const last = Math.min(reference.length - 1, start + MAX_SHIFT_DISTANCE);
    for (let at = first; at <= last; at++) {
      const longest = Math.min(MAX_SHIFT_SIZE, hypothesis.length - start, reference.length - at);
      for (let i = 0; i < longest && hypothesis[start + i] === reference[at + i]; i++)
        yield { start, at, length: i + 1 };
    }
  }
}

function shifted(words: Words, { start, length, target }: Omit<Shift, 'saved'>): Words {
  const run = words.slice(start, start + length);
  const rest = [...words.slice(0, start), ...words.slice(start + length)];
  // A target behind the run counts the places that it has left; one within it is a move by so many places.
  const to = target < start || target <= start + length ? target : target - length;
  return [...rest.slice(0, to), ...run, ...rest.slice(to)];
}
