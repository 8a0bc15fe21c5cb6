/** Everything that decides what a run computes. */
export interface Recipe {
  /** Model size D. */
  readonly dimension: number;
  /** Attention heads H. */
  readonly heads: number;
  /** Size of the feed-forward's inner layer. */
  readonly feedForward: number;
  readonly encoderLayers: number;
  readonly decoderLayers: number;
  readonly dropout: number;
  /** ε of label smoothing. */
  readonly smoothing: number;
  readonly steps: number;
  /** Words in a step. */
  readonly batch: number;
  /** The largest, after the warm-up. */
  readonly learningRate: number;
  /** Share of the steps in which the learning rate grows. */
  readonly warmup: number;
  readonly weightDecay: number;
  readonly seed: number;
}

/** The shape of the weights: what a model file must agree with. */
export type Architecture = Pick<
  Recipe,
  'dimension' | 'heads' | 'feedForward' | 'encoderLayers' | 'decoderLayers' | 'dropout'
>;

/**
 * Chosen on validation words for the lowest PER within 180 s of one WebAssembly thread; ../../README.md has the table.
 * In so little time (about one pass over the words) nothing overfits, hence no dropout and no smoothing.
 */
export const defaultRecipe: Recipe = {
  dimension: 64,
  heads: 4,
  feedForward: 256,
  encoderLayers: 3,
  decoderLayers: 1,
  dropout: 0,
  smoothing: 0,
  steps: 1600,
  batch: 256,
  learningRate: 4e-3,
  warmup: 0.1,
  weightDecay: 0.01,
  seed: 1,
};

/** Where runs go, seen from where the command was given. */
export const DEFAULT_FOLDER = 'runs/g2p';
