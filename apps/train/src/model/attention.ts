import { tensor } from '@qkv/tensor';

import type { TextModel } from './model';

/** Where the decoder looked: a row for each target token and one for END, a column for each source token. Rows sum to 1. */
export interface AttentionMap {
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  readonly weights: readonly (readonly number[])[];
}

/** Attention to the source while these target ids come one after the other: the mean over heads and decoder layers. */
export async function crossAttention(
  { module, codecs }: TextModel,
  source: string,
  targetIds: ArrayLike<number>,
): Promise<AttentionMap> {
  const ids = codecs.source.encode(source);
  const { start, end } = codecs.target;
  const input = [start, ...Array.from(targetIds)];
  const [S, T] = [ids.length, input.length];
  const maps = module.crossAttentionWeights(tensor(ids, [1, S]), tensor(Int32Array.from(input), [1, T]));
  const layers = await Promise.all(maps.map((map) => map.mean(1).data())); // each (1, H, T, S) → (1, T, S)
  const weights = Array.from({ length: T }, (_, t) =>
    Array.from({ length: S }, (_, s) => layers.reduce((sum, layer) => sum + layer[t * S + s], 0) / layers.length),
  );
  // Position t predicts the token after target t.
  const rows = [...input.slice(1), end].map((id) => codecs.target.nameOf(id));
  return { rows, columns: codecs.source.tokens(source), weights };
}
