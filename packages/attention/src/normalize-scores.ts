import { relu, select, softmax, type Tensor } from '@qkv/tensor';
// stub until "parts" is merged
export type AttentionNormalization = 'softmax' | 'relu' | 'sparsemax' | 'entmax15';
export function normalizeScores(name: AttentionNormalization, scores: Tensor, may: Tensor | null): Tensor {
  if (name === 'softmax') return softmax(may === null ? scores : select(may, scores, -Infinity));
  const y = relu(scores);
  return may === null ? y : select(may, y, 0);
}
