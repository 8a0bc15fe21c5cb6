import type { InputPositions } from '@qkv/attention';
import { type Embedding, type Initializer, Linear, normal, xavierUniform, zeros } from '@qkv/nn';
import { ShapeError, type Tensor } from '@qkv/tensor';

/** Throws unless ids are int32 (B, T) with T ≤ maxLength. */
export function expectIds(model: string, ids: Tensor, maxLength: number): void {
  if (ids.rank !== 2 || ids.dtype !== 'int32') {
    throw new ShapeError(`${model}: expected ids (B, T), got ${ids.dtype} [${ids.shape.join(', ')}]`);
  }
  expectLength(model, ids.shape[1], maxLength);
}

export function expectLength(model: string, length: number, maxLength: number): void {
  if (length > maxLength) {
    throw new ShapeError(`${model}: ${length} positions exceed maxLength ${maxLength}; raise it, or cut the sequence`);
  }
}

/** Throws unless ids are int32 (B), a token of each row. */
export function expectTokens(model: string, ids: Tensor): void {
  if (ids.rank === 1 && ids.dtype === 'int32') return;
  throw new ShapeError(`${model}: next takes ids (B), got ${ids.dtype} [${ids.shape.join(', ')}]`);
}

/** First rows of embeddings: N(0, 1/D), so that they have unit variance after the factor √D. */
export const embeddingInitializer = (dimension: number): Initializer => normal({ deviation: 1 / Math.sqrt(dimension) });

/** √D · E[id], as in Vaswani et al. 2017, section 3.4. ids (…) → (…, D) */
export function embed(ids: Tensor, table: Embedding): Tensor {
  return table.forward(ids).mul(Math.sqrt(table.dimension));
}

/** x (B, T, D) with what its positions add, if they are told so: those of 0 … T−1, or `at`, int32 (B, T). */
export function addPositions(x: Tensor, positions: InputPositions | null, at?: Tensor): Tensor {
  if (positions === null) return x;
  return at === undefined ? positions.forward(x) : x.add(positions.at(at));
}

/** The last layer: (…, D) → logits (…, outputs). */
export function createOutput(dimension: number, outputs: number): Linear {
  return new Linear({
    inputs: dimension,
    outputs,
    weightInitializer: xavierUniform(),
    biasInitializer: zeros,
  });
}
