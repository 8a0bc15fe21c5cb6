import type { EncoderOptions } from '@qkv/attention';

import { type ModelOptions, modelSizes } from './model-options';
import { createAttentionPositions } from './position-kinds';

/** Options of a stack of so many layers. Its positions are its own, as T5's biases are. */
export function stackOptions(options: ModelOptions, layers: number, order: { bidirectional: boolean }): EncoderOptions {
  const { feedForward = 2048, normalization, norm, activation, gated, bias } = options;
  const { layerScale, dropPath, finalNorms } = options;
  const { dimension, heads, dropout } = modelSizes(options);
  const positions = createAttentionPositions(options, order);
  const attention = positions === undefined ? options.attention : { ...options.attention, positions };
  const variants = { normalization, norm, activation, gated, bias, layerScale, dropPath, attention };
  return { dimension, heads, feedForward, dropout, layers, finalNorm: finalNorms, ...variants };
}
