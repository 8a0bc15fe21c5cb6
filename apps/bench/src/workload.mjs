/**
 * What every library here is given to do: shapes, sizes, inputs, and the arithmetic and bytes that reports count.
 * Plain JavaScript, so that peers load it without a compiler.
 */

/**
 * An encoder with pre-norm and a final norm, biases everywhere, exact GELU, no dropout; ten classes, cross-entropy, Adam.
 * @typedef {{
 *   B: number, T: number, D: number, H: number, F: number, layers: number, classes: number,
 *   patch: number, epsilon: number, learningRate: number, beta1: number, beta2: number, adamEpsilon: number,
 * }} Model Batch, positions, model size, heads, inner size of the feed-forward; `patch` > 0: inputs are patches of that
 *   many numbers, one position is the class token, and its output is classified. Otherwise inputs are (B, T, D), and the
 *   mean over positions is classified.
 */
const training = { classes: 10, epsilon: 1e-5, learningRate: 1e-3, beta1: 0.9, beta2: 0.999, adamEpsilon: 1e-8 };

/** @type {Readonly<Record<'step' | 'vit', Model>>} */
export const MODELS = {
  step: { ...training, B: 32, T: 64, D: 128, H: 4, F: 512, layers: 4, patch: 0 },
  // ViT-Ti for CIFAR: images of 32×32×3 in patches of 4×4×3, which are 64 positions, and a class token.
  vit: { ...training, B: 16, T: 65, D: 192, H: 3, F: 768, layers: 12, patch: 48 },
};

/** @returns {Model} one of the table, with another batch if need be */
export function modelOf(/** @type {unknown} */ name, /** @type {unknown} */ batch = undefined) {
  const model = MODELS[/** @type {'step' | 'vit'} */ (name)];
  if (model === undefined) throw new Error(`there is no model '${name}'`);
  return typeof batch === 'number' ? { ...model, B: batch } : model;
}

/**
 * Multiplications and additions of the forward pass: matrix products only. Element-wise work is not counted, nor is what an
 * engine computes twice.
 */
export function forwardFlops(/** @type {Model} */ { B, T, D, F, layers, classes, patch }) {
  const projections = 4 * 2 * B * T * D * D;
  const attention = 2 * 2 * B * T * T * D; // scores and weighted sum, all heads
  const feedForward = 2 * 2 * B * T * D * F;
  const embedding = patch > 0 ? 2 * B * (T - 1) * patch * D : 0;
  return layers * (projections + attention + feedForward) + embedding + 2 * B * D * classes;
}

/** Of a training step: backward has two products, one for each operand's gradient, where forward has one. */
export const stepFlops = (/** @type {Model} */ model) => 3 * forwardFlops(model);

/** Shape of the input, and its values: the same for all. */
export function inputs(/** @type {Model} */ { B, T, D, classes, patch }) {
  const shape = patch > 0 ? [B, T - 1, patch] : [B, T, D];
  return {
    shape,
    x: Float32Array.from({ length: shape[0] * shape[1] * shape[2] }, (_, i) => Math.sin(i * 1.7)),
    labels: Int32Array.from({ length: B }, (_, i) => i % classes),
  };
}

/** Numbers in (−½, ½) from a fixed seed, for peers that draw their own weights. */
export function randomNumbers(seed = 1) {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32 - 0.5;
}

/** An array of such numbers. */
export function filled(/** @type {number} */ length, seed = 1) {
  const next = randomNumbers(seed);
  return Float32Array.from({ length }, next);
}

/**
 * One line of a table of operations.
 * @typedef {{ name: string, flops: number, bytes: number }} Item `bytes`: operands once each, read or written
 */

/** (M, K) × (K, N). T: the operand is stored transposed. */
export const LAYOUTS = ['NN', 'NT', 'TN', 'TT'];
const GEMM_SHAPES = [
  [256, 256, 256],
  [512, 512, 512],
  [1024, 1024, 1024],
  [4096, 1024, 256],
];

/** @typedef {Item & { M: number, N: number, K: number, layout: string, calls: number }} GemmItem `calls` take some milliseconds */
export const GEMM = GEMM_SHAPES.flatMap(([M, N, K]) =>
  LAYOUTS.map((layout) => {
    const flops = 2 * M * N * K;
    const calls = Math.max(1, Math.round(3e8 / flops));
    return /** @type {GemmItem} */ ({
      name: `${layout} ${M}×${N}×${K}`,
      M,
      N,
      K,
      layout,
      calls,
      flops,
      bytes: 4 * (M * K + K * N + M * N),
    });
  }),
);

const ROWS = 2048;
const COLUMNS = 1024;
const [MATRIX, ROW] = [4 * ROWS * COLUMNS, 4 * COLUMNS];

/** @typedef {Item & { op: 'add' | 'gelu' | 'softmax' | 'layer norm', shape: [number, number] }} ElementwiseItem */
export const ELEMENTWISE = /** @type {const} */ ([
  ['add', 3 * MATRIX],
  ['gelu', 2 * MATRIX],
  ['softmax', 2 * MATRIX],
  ['layer norm', 2 * MATRIX + 2 * ROW],
]).map(
  ([op, bytes]) =>
    /** @type {ElementwiseItem} */ ({ name: `${op} ${ROWS}×${COLUMNS}`, op, shape: [ROWS, COLUMNS], flops: 0, bytes }),
);

/** One sequence, four heads of 32. */
export const ATTENTION_SIZES = { B: 1, H: 4, Dh: 32 };

/** @typedef {Item & { T: number, backward: boolean, calls: number }} AttentionItem `backward`: forward and the three gradients */
export const ATTENTION = [false, true].flatMap((backward) =>
  [64, 128, 256, 512, 1024, 2048, 4096].map((T) => {
    const { B, H, Dh } = ATTENTION_SIZES;
    const forward = 2 * 2 * B * H * T * T * Dh;
    return /** @type {AttentionItem} */ ({
      name: `${backward ? 'with gradients' : 'forward'} T=${T}`,
      T,
      backward,
      calls: Math.max(1, Math.round(3e7 / forward)), // short ones are timed together
      flops: (backward ? 3 : 1) * forward, // gradients of two products are four
      bytes: 4 * (backward ? 8 : 4) * B * T * H * Dh,
    });
  }),
);

/**
 * The items of a table that were asked for, all of them by default.
 * @template {Item} T
 * @param {readonly T[]} items
 * @param {unknown} names
 */
export function chosen(items, names) {
  return Array.isArray(names) ? items.filter(({ name }) => names.includes(name)) : items;
}

/** @typedef {Item & { B: number, calls: number }} ForwardItem */
export const FORWARD = [32, 1].map((B) => {
  const model = modelOf('step', B);
  return /** @type {ForwardItem} */ ({
    name: B === 1 ? 'one input' : `${B} inputs`,
    B,
    calls: B === 1 ? 5 : 1,
    flops: forwardFlops(model),
    bytes: 4 * B * model.T * model.D,
  });
});

/** Decoding: an encoder-decoder Transformer, sources of S ids, `length` tokens; END is never said, so that all are equally long. */
export const DECODING = { V: 64, D: 128, H: 4, F: 512, layers: 2, S: 32, length: 512 };
/** Tokens of the decodes that are timed as a whole, in batches of so many. */
export const DECODED = (/** @type {number} */ rows) => (rows === 1 ? 128 : 64);
export const DECODE_ROWS = [1, 32];
export const DECODE_LENGTHS = [16, 32, 64, 128, 256, 512];

/** Encoding: lines of so many bytes in all, by these tokenizers (of @qkv/tokenizer-parity/bench); training: see the subjects. */
export const TOKENIZING = {
  bytes: 10_500_000,
  tokenizers: ['GPT-2 (BPE of bytes)', 'Llama 2 (BPE)', 'BERT (WordPiece)', 'T5 (Unigram)'],
  /** Characters of a word without spaces. */
  words: [65_536, 131_072, 262_144, 524_288, 1_048_576],
};
export const TRAINING = /** @type {const} */ ({
  'BPE, 8,000 tokens, Tatoeba': { file: 'tatoeba.txt', vocabSize: 8000 },
  'BPE, 30,000 tokens, Tatoeba': { file: 'tatoeba.txt', vocabSize: 30_000 },
  'BPE, 30,000 tokens, botchan': { file: 'botchan.txt', vocabSize: 30_000 },
});
