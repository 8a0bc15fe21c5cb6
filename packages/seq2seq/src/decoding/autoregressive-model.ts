import { ShapeError, type Tensor, type Variable } from '@qkv/tensor';

/** What a model keeps while it decodes token by token; all of it lives on the device. */
export interface DecodingCache {
  /** Int32 scalar: the next position. */
  readonly position: Variable;
  variables(): Variable[];
  /** Row r goes on from row `parents[r]`, int32 (rows), which has read the same source: what beam search needs. */
  reorder(parents: Tensor): void;
  /** Gives the memory back. */
  release(): void;
}

/**
 * p(y_t | y_<t, x), one token at a time: what every decoder needs of a model. `start` and `next` make graphs, inside `run`
 * or `compile`, and are pure but for the cache.
 */
export interface AutoregressiveModel<C extends DecodingCache = DecodingCache> {
  /** V. */
  readonly targetVocabulary: number;
  /** Id of padding in sources, and what is put in for rows that have finished. */
  readonly padId: number;
  /** Most positions on either side. */
  readonly maxLength: number;
  /** A cache for `rows` sequences of up to `length` tokens, for sources (B, `sourceLength`). */
  createCache(rows: number, length: number, sourceLength: number): C;
  /**
   * Encodes the source, int32 (B, S), or reads it as a left-padded prompt. The cache has n rows for each source: row r is
   * about source ⌊r/n⌋, so that a source with n beams is read once (`repeatRows`).
   */
  start(source: Tensor, cache: C): void;
  /** The token of this position, int32 (rows) → logits (rows, V) of the next; goes to the next position. */
  next(ids: Tensor, cache: C): Tensor;
}

/** Each row of x (B, …) n times in succession: (rows, …), where n = rows/B. */
export function repeatRows(x: Tensor, rows: number): Tensor {
  const [B, ...rest] = x.shape;
  if (rows === B) return x;
  if (B === 0 || rows % B !== 0)
    throw new ShapeError(`repeatRows: ${B} rows cannot become ${rows}, which is no multiple`);
  return x
    .unsqueeze(1)
    .expand([B, rows / B, ...rest])
    .reshape([rows, ...rest]);
}
