import { ShapeError, type Tensor } from '@qkv/tensor';

import type { AttentionWindow } from './local-attention';

/**
 * Who may attend to whom, as a function of query and key indices (in the manner of FlexAttention's mask functions), so that
 * one mask serves whole sequences and cached steps. True means "may attend"; torch's boolean masks say the opposite.
 */
export interface Mask {
  /** Both must allow it. */
  and(other: Mask): Mask;
  /** Either must allow it. */
  or(other: Mask): Mask;
  /** Exactly what this one does not allow. */
  not(): Mask;
  /** queries int32 (T), keys int32 (S) → bool of rank 4, broadcastable to (B, H, T, S). */
  at(queries: Tensor, keys: Tensor): Tensor;
}

/** queries (T, 1), keys (S) → bool of rank 4. */
type Allows = (queries: Tensor, keys: Tensor) => Tensor;

class IndexMask implements Mask {
  readonly #allows: Allows;
  /** What must all hold; a mask that is no conjunction is its own only one. */
  readonly conjuncts: readonly Mask[];

  constructor(allows: Allows, conjuncts?: readonly Mask[]) {
    this.#allows = allows;
    this.conjuncts = conjuncts ?? [this];
  }

  and(other: Mask): Mask {
    return conjunction([...conjunctsOf(this), ...conjunctsOf(other)]);
  }

  or(other: Mask): Mask {
    return mask((queries, keys) => this.at(queries, keys).or(other.at(queries, keys)));
  }

  not(): Mask {
    return mask((queries, keys) => this.at(queries, keys).not());
  }

  at(queries: Tensor, keys: Tensor): Tensor {
    for (const [what, indices] of Object.entries({ queries, keys })) {
      if (indices.rank !== 1 || indices.dtype !== 'int32') {
        throw new ShapeError(
          `Mask.at: expected int32 (length) for the indices of ${what}, got ${indices.dtype} [${indices.shape.join(', ')}]`,
        );
      }
    }
    return this.#allows(queries, keys);
  }
}

/** A mask from a rule for indices; those of queries stand in a column, so that a comparison gives (T, S). */
function mask(allows: Allows): Mask {
  return new IndexMask(allows);
}

function conjunctsOf(of: Mask): readonly Mask[] {
  return of instanceof IndexMask ? of.conjuncts : [of];
}

function conjunction(parts: readonly Mask[]): Mask {
  const allows: Allows = (queries, keys) =>
    parts.map((part) => part.at(queries, keys)).reduce((all, part) => all.and(part));
  return new IndexMask(allows, parts);
}

const column = (queries: Tensor): Tensor => queries.unsqueeze(-1); // (T) → (T, 1)
const over = (table: Tensor): Tensor => table.unsqueeze(0).unsqueeze(0); // (T, S) → (1, 1, T, S)

const CAUSAL = mask((queries, keys) => over(keys.lessEqual(column(queries))));

/** Position i may attend to j ≤ i. Over whole sequences it costs as little as the option `causal`, in conjunctions too. */
export function causalMask(): Mask {
  return CAUSAL;
}

/** Takes causality out of a conjunction: what else must hold, or null for nothing. */
export function splitCausal(of: Mask): { causal: boolean; rest: Mask | null } {
  const parts = conjunctsOf(of);
  const rest = parts.filter((part) => part !== CAUSAL);
  if (rest.length === parts.length) return { causal: false, rest: of };
  return { causal: true, rest: rest.length === 0 ? null : conjunction(rest) };
}

/** ids int32 (B, S): whatever is not padding may be attended to. */
export function paddingMask(ids: Tensor, padId: number): Mask {
  expectRank('paddingMask', 'ids (B, S)', ids, [2], 'int32');
  const present = ids.notEqual(padId);
  return mask((_, keys) => columns('paddingMask', present, keys).unsqueeze(1).unsqueeze(1)); // (B, 1, 1, S)
}

export interface WindowMaskOptions extends AttentionWindow {
  /** So many first positions are seen from however far behind them (StreamingLLM, Xiao et al. 2023); 0. */
  readonly sinks?: number;
}

/** Position i may attend to i − before ≤ j ≤ i + after (Infinity: no limit), and with `sinks` to j < sinks too where j ≤ i + after. */
export function windowMask({ before, after, sinks = 0 }: WindowMaskOptions): Mask {
  checkWindow('windowMask', { before, after });
  expectCount('windowMask', 'sinks', sinks);
  return mask((queries, keys) => {
    const back = column(queries).sub(keys); // (T, S): i − j
    const near = back.lessEqual(Math.min(before, FARTHEST));
    const seen = sinks === 0 ? near : near.or(keys.less(sinks));
    return over(seen.and(back.greaterEqual(-Math.min(after, FARTHEST))));
  });
}

/** No int32 distance is longer. */
const FARTHEST = 0x7fffffff;

/** Throws unless both reaches of a window are whole numbers, 0 or more, or Infinity. */
export function checkWindow(name: string, { before, after }: AttentionWindow): void {
  for (const [side, value] of Object.entries({ before, after })) {
    if (value === Infinity || (Number.isSafeInteger(value) && value >= 0)) continue;
    throw new RangeError(`${name}: ${side} must be a whole number, 0 or more, or Infinity, got ${value}`);
  }
}

/** adjacency bool (N, N) or (B, N, N): node i may attend to j where [i, j] is true; whether to itself, too. */
export function graphMask(adjacency: Tensor): Mask {
  expectRank('graphMask', 'adjacency (N, N) or (B, N, N)', adjacency, [2, 3], 'bool');
  if (adjacency.shape.at(-1) !== adjacency.shape.at(-2)) {
    throw new ShapeError(`graphMask: expected as many rows as columns, got [${adjacency.shape.join(', ')}]`);
  }
  const edges = adjacency.rank === 2 ? adjacency.unsqueeze(0) : adjacency; // (B, N, N)
  return mask((queries, keys) => {
    const rows = columns('graphMask', edges.permute([0, 2, 1]), queries); // (B, N, T)
    return columns('graphMask', rows.permute([0, 2, 1]), keys).unsqueeze(1); // (B, 1, T, S)
  });
}

/**
 * A prefix that sees all of itself, and causal order after it (Raffel et al. 2020, Figure 4, "causal with prefix"): i may
 * attend to j where j ≤ i or j < length. lengths: int32 (B), or one number for all.
 */
export function prefixMask(lengths: Tensor | number): Mask {
  if (typeof lengths === 'number') {
    expectCount('prefixMask', 'the length', lengths);
    return causalMask().or(mask((_, keys) => over(keys.less(lengths).unsqueeze(0)))); // (1, 1, 1, S)
  }
  expectRank('prefixMask', 'lengths (B)', lengths, [1], 'int32');
  return causalMask().or(mask((_, keys) => keys.less(column(lengths)).unsqueeze(1).unsqueeze(1))); // (B, 1, 1, S)
}

/** Packed documents: ids int32 (B, S) of the document that each position belongs to; only within one it is attended. */
export function documentMask(ids: Tensor): Mask {
  expectRank('documentMask', 'ids (B, S)', ids, [2], 'int32');
  return mask((queries, keys) => {
    const from = columns('documentMask', ids, queries).unsqueeze(-1); // (B, T, 1)
    return from.equal(columns('documentMask', ids, keys).unsqueeze(1)).unsqueeze(1); // (B, 1, T, S)
  });
}

/** Of a table (…, N) the columns with these indices, (…, S). */
function columns(name: string, table: Tensor, indices: Tensor): Tensor {
  const [size, wanted] = [table.shape.at(-1)!, indices.shape[0]];
  if (wanted > size) {
    throw new ShapeError(`${name}: it tells of ${size} positions and attention has ${wanted}; make it for all of them`);
  }
  const axes = Array.from({ length: table.rank }, (_, d) => d);
  const toFront = [axes.at(-1)!, ...axes.slice(0, -1)];
  const toBack = [...axes.slice(1), 0];
  return table.permute(toFront).gather(indices).permute(toBack);
}

function expectRank(name: string, what: string, x: Tensor, ranks: readonly number[], dtype: string): void {
  if (ranks.includes(x.rank) && x.dtype === dtype) return;
  throw new ShapeError(`${name}: expected ${dtype} ${what}, got ${x.dtype} [${x.shape.join(', ')}]`);
}

function expectCount(name: string, what: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) return;
  throw new RangeError(`${name}: ${what} must be a whole number, 0 or more, got ${value}`);
}
