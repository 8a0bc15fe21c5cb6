import type { ModelOptions } from './model-options';

/** The models of Vaswani et al. 2017, Table 3: `new Transformer({ ...transformerPresets.big, sourceVocabulary, targetVocabulary })`. */
export const transformerPresets = {
  /** 44,138,496 parameters without embeddings and output: the defaults. */
  base: { dimension: 512, heads: 8, feedForward: 2048, encoderLayers: 6, decoderLayers: 6, dropout: 0.1 },
  /** 176,357,376. The dropout is that of English to German; English to French had 0.1. */
  big: { dimension: 1024, heads: 16, feedForward: 4096, encoderLayers: 6, decoderLayers: 6, dropout: 0.3 },
} as const satisfies Record<string, ModelOptions & { encoderLayers: number; decoderLayers: number }>;
