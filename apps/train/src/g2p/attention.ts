import { tensor } from '@qkv/tensor';
import { specialIds } from '@qkv/tokenizers';

import type { Pronunciation } from '../cmudict';
import type { PronunciationModel } from './model';

/** Where the decoder looked: a row for each phoneme and one for END, a column for each letter. Each row sums to 1. */
export interface AttentionMap {
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  readonly weights: readonly (readonly number[])[];
}

/** Attention to the letters while these phonemes are said one after the other: the mean over heads and decoder layers. */
export async function crossAttention(
  { transformer, letters, phonemes }: PronunciationModel,
  word: string,
  pronunciation: Pronunciation,
): Promise<AttentionMap> {
  const source = letters.encode(word);
  const target = phonemes.encode(pronunciation.join(' '), { addStart: true, onUnknown: 'token' });
  const [S, T] = [source.ids.length, target.ids.length];
  const maps = transformer.crossAttentionWeights(tensor(source.ids, [1, S]), tensor(target.ids, [1, T]));
  const layers = await Promise.all(maps.map((map) => map.mean(1).data())); // each (1, H, T, S) → (1, T, S)
  const weights = Array.from({ length: T }, (_, t) =>
    Array.from({ length: S }, (_, s) => layers.reduce((sum, layer) => sum + layer[t * S + s], 0) / layers.length),
  );
  // Position t predicts the token after target t.
  const rows = [...target.tokens.slice(1), phonemes.tokens[specialIds.end]];
  return { rows, columns: source.tokens, weights };
}
