import type { ClassifyRecipe, NodesRecipe, Recipe, SpeechRecipe, TagRecipe } from './recipe';

const shared = {
  normalization: 'pre', // trains at a high rate after a short warm-up
  activation: 'relu',
  schedule: 'cosine',
  warmup: 0.1,
  weightDecay: 0.01,
  beta1: 0.9,
  beta2: 0.98,
  epsilon: 1e-8,
  clipNorm: 1,
  average: 0,
  patience: 0,
  checkpointEvery: 200,
  keepLast: 2,
  seed: 1,
} as const satisfies Partial<Recipe>;

const inBatches = { accumulate: 1, maxLength: 128, cells: 12 } as const;

const common = { ...shared, ...inBatches, metric: 'token-error-rate' } as const;

/**
 * For pronunciation, chosen on validation words for the lowest PER within 180 s of one WebAssembly thread; the README has
 * the table. The steps are what two threads do in that time. In so little of it (six passes over the words) nothing overfits, hence no dropout and no smoothing.
 */
const quick: Recipe = {
  ...common,
  dimension: 64,
  heads: 4,
  feedForward: 256,
  encoderLayers: 3,
  decoderLayers: 1,
  dropout: 0,
  smoothing: 0,
  steps: 2800,
  batch: 256,
  maxLength: 20,
  cells: 10,
  learningRate: 4e-3,
  validateEvery: 1400,
};

/** For pronunciation, for an hour or two of one thread. */
const thorough: Recipe = {
  ...quick,
  dimension: 128,
  feedForward: 512,
  encoderLayers: 4,
  decoderLayers: 2,
  dropout: 0.1,
  smoothing: 0.1,
  steps: 7000,
  learningRate: 2e-3,
  validateEvery: 500,
};

/** For pairs of one's own: of the size that a few thousand to a few hundred thousand pairs ask for. */
const small: Recipe = {
  ...common,
  dimension: 128,
  heads: 4,
  feedForward: 512,
  encoderLayers: 3,
  decoderLayers: 3,
  dropout: 0.1,
  smoothing: 0.1,
  epochs: 20,
  batchTokens: 4096,
  learningRate: 2e-3,
};

/** To try things in seconds; learns only the simplest. */
const tiny: Recipe = {
  ...small,
  dimension: 32,
  heads: 2,
  feedForward: 64,
  encoderLayers: 1,
  decoderLayers: 1,
  dropout: 0,
  smoothing: 0,
  learningRate: 1e-2,
};

/** The base model of Vaswani et al. 2017, table 3: many hours of one thread. */
const base: Recipe = {
  ...small,
  dimension: 512,
  heads: 8,
  feedForward: 2048,
  encoderLayers: 6,
  decoderLayers: 6,
  normalization: 'post',
  schedule: 'inverse-square-root',
  warmup: 4000,
  epsilon: 1e-9,
  weightDecay: 0,
  epochs: undefined,
  steps: 100_000,
  batchTokens: 25_000,
  learningRate: 7e-4,
};

export const presets = { quick, thorough, tiny, small, base } as const;

const labels = {
  ...shared,
  metric: 'accuracy',
  beta2: 0.99, // a few thousand updates: a longer memory is still half empty when the rate falls
} as const;

/** For tagging, of the size that ten thousand sentences ask for. */
const tag: TagRecipe = {
  ...labels,
  ...inBatches,
  encoder: 'attention',
  dimension: 128,
  heads: 4,
  feedForward: 256,
  layers: 2,
  characterDimension: 24,
  characterFilters: 16,
  wordDropout: 0.1,
  minCount: 2,
  dropout: 0.2,
  smoothing: 0.1,
  epochs: 12,
  batch: 32,
  learningRate: 2e-3,
};

/** For texts of a sentence or a few, of which there are some thousands. */
const classify: ClassifyRecipe = {
  ...labels,
  ...inBatches,
  encoder: 'attention',
  pooling: 'mean',
  dimension: 128,
  heads: 4,
  feedForward: 256,
  layers: 1,
  wordDropout: 0.2,
  minCount: 2,
  dropout: 0.3,
  smoothing: 0.1,
  epochs: 15,
  batch: 32,
  learningRate: 1e-3,
};

/** For a graph with few labels: many passes, strong regularisation, and an end when validation says so. */
const nodes: NodesRecipe = {
  ...labels,
  dimension: 64,
  heads: 4,
  feedForward: 64,
  layers: 2,
  featureDropout: 0.6,
  dropout: 0.5,
  smoothing: 0,
  steps: 100,
  learningRate: 5e-3,
  schedule: 'constant',
  warmup: 0,
  weightDecay: 0.1,
  validateEvery: 5,
  patience: 8,
};

/** For recordings of about a second. */
const speech: SpeechRecipe = {
  ...labels,
  ...inBatches,
  encoder: 'attention',
  pooling: 'mean',
  melBands: 40,
  frameLength: 25,
  hopLength: 10,
  scaling: 'fixed',
  dimension: 64,
  heads: 4,
  feedForward: 128,
  layers: 2,
  dropout: 0.1,
  smoothing: 0.1,
  epochs: 20,
  batch: 32,
  maxLength: 256,
  learningRate: 2e-3,
};

const miniature = { dimension: 32, heads: 2, feedForward: 64, layers: 1, dropout: 0, smoothing: 0, learningRate: 1e-2 };

/** Of the commands that train to give labels; `tiny` is to try things in seconds. */
export const tagPresets = {
  small: tag,
  tiny: { ...tag, ...miniature, characterDimension: 8, characterFilters: 4, wordDropout: 0 },
} as const;
export const classifyPresets = { small: classify, tiny: { ...classify, ...miniature, wordDropout: 0 } } as const;
export const nodesPresets = { small: nodes, tiny: { ...nodes, ...miniature, featureDropout: 0 } } as const;
export const speechPresets = { small: speech, tiny: { ...speech, ...miniature } } as const;
