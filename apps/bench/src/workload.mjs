/**
 * The training step that every library here runs (ENVIRONMENT.md): an encoder of the Vision Transformer's kind, with
 * pre-norm and a final norm, biases everywhere, exact GELU, no dropout; mean over positions; cross-entropy; Adam.
 * Plain JavaScript, so that peers load it without a compiler.
 */
export const WORKLOAD = {
  /** Batch, positions, model size, heads, inner size of the feed-forward, layers, classes. */
  B: 32,
  T: 64,
  D: 128,
  H: 4,
  F: 512,
  layers: 4,
  classes: 10,
  epsilon: 1e-5,
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.999,
  adamEpsilon: 1e-8,
};

/**
 * Multiplications and additions of one step: the matrix products of the forward pass, and twice as many backward
 * (one product for each operand's gradient). Element-wise work is not counted, nor is what an engine computes twice.
 */
export function stepFlops({ B, T, D, F, layers, classes } = WORKLOAD) {
  const projections = 4 * 2 * B * T * D * D;
  const attention = 2 * 2 * B * T * T * D; // scores and weighted sum, all heads
  const feedForward = 2 * 2 * B * T * D * F;
  return 3 * (layers * (projections + attention + feedForward) + 2 * B * D * classes);
}

/** x (B, T, D), the same for all. */
export function inputs({ B, T, D, classes } = WORKLOAD) {
  const x = Float32Array.from({ length: B * T * D }, (_, i) => Math.sin(i * 1.7));
  const labels = Int32Array.from({ length: B }, (_, i) => i % classes);
  return { x, labels };
}
